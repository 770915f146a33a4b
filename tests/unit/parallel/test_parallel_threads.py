"""Settings of threads: cores, torch's own threads, Python's switch interval, each as its user left it."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from acgan import parallel
from acgan.parallel.threads import use_one_thread


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Three of torch's own threads, set after acgan was imported."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_new_thread() -> tuple[int, int]:
    """Cores, and threads of torch's own, in a thread of the user's."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(lambda: (parallel.cores(), torch.get_num_threads())).result()


def test_a_part_has_one_thread_of_torch_and_the_caller_keeps_its_own() -> None:
    assert list(parallel.in_order(lambda part: torch.get_num_threads(), range(3))) == [1, 1, 1]
    assert parallel.together(lambda part: torch.get_num_threads(), range(2)) == [1, 1]
    assert torch.get_num_threads() == 3
    assert in_new_thread() == (3, 3)
    with parallel.using_cores(7):
        assert (parallel.cores(), torch.get_num_threads()) == (7, 1)
        assert parallel.together(lambda part: parallel.cores(), range(2)) == [7, 7]
        assert list(parallel.in_order(lambda part: parallel.cores(), range(2))) == [7, 7]
        assert in_new_thread() == (3, 3), "other threads of the user's are left alone"
    assert torch.get_num_threads() == 3
    assert in_new_thread() == (3, 3)


def test_a_part_that_sets_torch_s_threads_leaves_them_to_no_other() -> None:
    def work(part: int) -> int:
        found = torch.get_num_threads()
        torch.set_num_threads(5)
        return found

    with parallel.using_cores(1):
        assert list(parallel.in_order(work, range(4))) == [1] * 4


def test_cores_follow_torch_s_threads() -> None:
    assert parallel.cores() == 3
    torch.set_num_threads(2)
    assert parallel.cores() == 2
    with parallel.using_cores(None):
        assert (parallel.cores(), torch.get_num_threads()) == (2, 1)
        with parallel.using_cores(4), parallel.using_cores(None):
            assert parallel.cores() == 4
    assert (parallel.cores(), torch.get_num_threads()) == (2, 2)


def test_threads_that_start_at_the_same_time_leave_the_common_number() -> None:
    all_started = threading.Barrier(8)

    def threads_of_torch(_: int) -> int:
        all_started.wait(timeout=60)
        return torch.get_num_threads()

    with ThreadPoolExecutor(8, initializer=use_one_thread) as pool:
        assert list(pool.map(threads_of_torch, range(8))) == [1] * 8
    assert in_new_thread() == (3, 3)


def test_two_threads_with_cores_of_their_own_leave_each_other_alone() -> None:
    usual_sec = sys.getswitchinterval()
    turns, found = [threading.Barrier(2) for _ in range(4)], dict[str, Any]()

    def state() -> tuple[int, int, bool]:
        return parallel.cores(), torch.get_num_threads(), sys.getswitchinterval() == usual_sec

    def first() -> None:
        with parallel.using_cores(5):
            turns[0].wait(60)  # the second begins
            turns[1].wait(60)  # it has begun
            found["first, both"] = state()
        found["first, after"] = state()[:2]
        turns[2].wait(60)  # the first has ended
        turns[3].wait(60)  # the second has, too
        found["first, at last"] = state()

    def second() -> None:
        turns[0].wait(60)
        with parallel.using_cores(2):
            turns[1].wait(60)
            turns[2].wait(60)
            found["second, alone"] = state()
        found["second, after"] = state()
        turns[3].wait(60)

    with ThreadPoolExecutor(2) as both:
        for future in [both.submit(first), both.submit(second)]:
            future.result()
    assert found == {
        "first, both": (5, 1, False),
        "first, after": (3, 3),
        "second, alone": (2, 1, False),
        "second, after": (3, 3, True),
        "first, at last": (3, 3, True),
    }
    assert state() == (3, 3, True)
    assert in_new_thread() == (3, 3)


# A single part.


class _Spy(torch.autograd.Function):
    """Notes the thread and torch's own threads, forward and backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, seen: list[tuple[int, int]]) -> Tensor:
        ctx.seen = seen
        seen.append((threading.get_ident(), torch.get_num_threads()))
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        ctx.seen.append((threading.get_ident(), torch.get_num_threads()))
        return gradients[0], None


@pytest.mark.parametrize("all_cores", [False, True])
def test_a_single_part_is_computed_in_the_caller_s_thread(all_cores: bool, cores: int) -> None:
    def work(part: Tensor) -> Tensor:
        seen: list[tuple[int, int]] = []
        (gradient,) = torch.autograd.grad(_Spy.apply(part, seen).sum(), part)
        assert seen == [(threading.get_ident(), cores if all_cores else 1)] * 2
        assert (parallel.place_among_parts(), parallel.exchange(4)) == ((0, 1), [4])
        assert list(parallel.in_order(lambda inner: threading.get_ident(), range(2))) == [here] * 2
        assert in_new_thread() == (3, 3)
        return gradient

    here = threading.get_ident()
    (found,) = parallel.together(work, [torch.zeros(2, requires_grad=True)], all_cores=all_cores)
    assert found.tolist() == [1, 1]
    assert (parallel.cores(), torch.get_num_threads(), in_new_thread()) == (cores, 1, (3, 3))


def test_a_single_part_outside_a_choice_of_cores() -> None:
    def threads(part: int) -> int:
        return torch.get_num_threads()

    assert parallel.together(threads, [0], all_cores=True) == [3]
    assert parallel.together(threads, [0]) == [1]
    assert list(parallel.in_order(threads, [0])) == [1], "as in a longer stream"
    assert torch.get_num_threads() == 3


def test_all_cores_are_for_a_single_part() -> None:
    with parallel.using_cores(2):
        assert parallel.together(lambda part: torch.get_num_threads(), range(3), all_cores=True) == [1] * 3


def test_a_single_part_that_fails_leaves_all_as_it_was() -> None:
    def fail(part: int) -> None:
        raise KeyError("cause")

    with parallel.using_cores(2):
        with pytest.raises(KeyError, match="cause"):
            parallel.together(fail, [0], all_cores=True)
        assert (torch.get_num_threads(), in_new_thread()) == (1, (3, 3))
        assert parallel.together(parallel.exchange, range(2)) == [[0, 1]] * 2, "no longer inside a part"


def test_no_parts() -> None:
    assert parallel.together(parallel.exchange, []) == list(parallel.in_order(parallel.exchange, [])) == []
