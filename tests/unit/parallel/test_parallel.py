"""Parts side by side: order, cores, gradient mode, exchanges, streams."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

import pytest
import torch

from acgan import parallel


def test_results_come_in_order(cores: int) -> None:
    def square(part: int) -> int:
        time.sleep(0.002 * (part % 3))
        return part * part

    assert list(parallel.in_order(square, iter(range(20)))) == [part * part for part in range(20)]
    assert parallel.together(square, range(6)) == [part * part for part in range(6)]


def test_no_more_compute_at_once_than_there_are_cores(cores: int) -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def work(part: int) -> None:
        for _ in range(2):
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(0.01)
            with lock:
                running[0] -= 1
            parallel.exchange(part)

    list(parallel.in_order(work, range(7)))
    assert most[0] <= cores
    parallel.together(work, range(7))
    assert most[0] == cores


@pytest.mark.parametrize("run", [parallel.in_order, parallel.together])
def test_gradient_mode_and_autocast_are_the_caller_s(run: Callable[..., Iterable[object]]) -> None:
    def state(part: int) -> tuple[bool, bool]:
        return torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")

    assert list(run(state, range(3))) == [(True, False)] * 3
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert list(run(state, range(3))) == [(False, True)] * 3


def test_parts_exchange_values_again_and_again(cores: int) -> None:
    def talk(part: int) -> list[list[int]]:
        return [parallel.exchange(10 * turn + part) for turn in range(5)]

    expected = [[10 * turn + part for part in range(4)] for turn in range(5)]
    assert parallel.together(talk, range(4)) == [expected] * 4
    assert parallel.together(lambda part: parallel.place_among_parts(), "abc") == [(0, 3), (1, 3), (2, 3)]
    assert (parallel.exchange(5), parallel.place_among_parts()) == ([5], (0, 1))


def test_parts_inside_a_part_take_no_further_core() -> None:
    def outer(part: int) -> list[int]:
        return list(parallel.in_order(lambda inner: part * inner, range(3)))

    with parallel.using_cores(1):
        assert list(parallel.in_order(outer, range(3))) == [[0, 0, 0], [0, 1, 2], [0, 2, 4]]


def test_a_stream_is_taken_no_further_ahead_than_needed() -> None:
    taken = []

    def parts() -> Iterator[int]:
        for part in range(100):
            taken.append(part)
            yield part

    with parallel.using_cores(2):
        results = parallel.in_order(lambda part: part, parts())
        assert next(results) == 0
        assert len(taken) <= 4
        results.close()
    assert len(taken) <= 4


def test_parts_run_in_other_threads_on_a_cpu_and_here_elsewhere(cores: int) -> None:
    def where(part: int) -> tuple[int, int]:
        return part, threading.get_ident()

    here = threading.get_ident()
    on_cpu = list(parallel.in_order_on(torch.device("cpu"), where, range(9)))
    elsewhere = list(parallel.in_order_on(torch.device("cuda"), where, range(9)))
    assert [part for part, _ in on_cpu] == [part for part, _ in elsewhere] == list(range(9))
    assert here not in {thread for _, thread in on_cpu}
    assert {thread for _, thread in elsewhere} == {here}
