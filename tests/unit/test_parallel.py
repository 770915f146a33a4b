"""Parts side by side: order, what they share with the caller, and what they leave alone."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from acgan import parallel


def _in_new_thread(function: Callable[[], int]) -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture
def _three_threads() -> Iterator[None]:
    """The caller has three of torch's threads, and so has each new thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_three_threads")
def test_a_part_has_one_of_torchs_threads_and_other_threads_keep_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = parallel.ThreadPoolExecutor(8, initializer=parallel._use_one_thread)  # whose threads are yet to start
    monkeypatch.setattr(parallel, "_pool", pool)
    start = threading.Barrier(4)

    def threads_of_a_part(_: int) -> int:
        start.wait(timeout=60)  # four threads at once
        return torch.get_num_threads()

    monkeypatch.setattr(parallel, "_cores", parallel._Cores(4))
    assert list(parallel.in_order(threads_of_a_part, range(4))) == [1] * 4
    assert torch.get_num_threads() == 3
    assert _in_new_thread(torch.get_num_threads) == 3
    pool.shutdown()


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_on_a_cpu_parts_run_in_other_threads_and_elsewhere_here(cores: int) -> None:
    def where(part: int) -> tuple[int, int]:
        return part, threading.get_ident()

    here = threading.get_ident()
    with parallel.using_cores(cores):
        on_cpu = list(parallel.in_order_on(torch.device("cpu"), where, range(9)))
        elsewhere = list(parallel.in_order_on(torch.device("cuda"), where, range(9)))
    assert [part for part, _ in on_cpu] == [part for part, _ in elsewhere] == list(range(9))
    assert here not in {thread for _, thread in on_cpu}
    assert {thread for _, thread in elsewhere} == {here}


def test_the_place_of_a_part() -> None:
    assert parallel.place() == (0, 1)
    with parallel.using_cores(2):
        assert parallel.together(lambda _: parallel.place(), "abc") == [(0, 3), (1, 3), (2, 3)]
        assert list(parallel.in_order(lambda _: parallel.place(), "ab")) == [(0, 1), (0, 1)]


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_a_consumer_that_is_interrupted_leaves_nothing_running(cores: int) -> None:
    started: list[int] = []

    def work(part: int) -> int:
        started.append(part)
        time.sleep(0.002)
        return part

    def consume() -> None:
        for part in parallel.in_order(work, iter(range(10_000))):
            if part == 5:
                raise KeyboardInterrupt

    with parallel.using_cores(cores):
        with pytest.raises(KeyboardInterrupt):
            consume()
        deadline = time.monotonic() + 60
        while parallel._pool._work_queue.qsize() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.05)  # what ran then is done now
        after = len(started)
        time.sleep(0.05)
    assert len(started) == after <= 6 + cores + 1
