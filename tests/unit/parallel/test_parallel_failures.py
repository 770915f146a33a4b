"""What fails beside others: nobody waits for it, and its error comes out."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

import pytest
import torch

from acgan import parallel
from acgan.config.shared import ComputeConfig
from acgan.parallel import parts

_Result = TypeVar("_Result")


def in_time(function: Callable[[], _Result]) -> _Result:
    """The result of a function that might wait for ever."""
    future: Future[_Result] = Future()

    def work() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result(timeout=30)


def test_the_first_cause_is_raised_and_nobody_waits_for_a_part_that_failed(cores: int) -> None:
    def fail(part: int) -> None:
        if part == 1:
            raise KeyError("cause")
        parallel.exchange(part)

    with pytest.raises(KeyError, match="cause"):
        parallel.together(fail, range(3))
    with pytest.raises(KeyError, match="cause"):
        list(parallel.in_order(fail, range(3)))
    assert parallel.together(parallel.exchange, range(2)) == [[0, 1], [0, 1]]


@pytest.mark.parametrize("times", [[0, 1], [1, 0], [2, 1, 2], [1, 3, 2], [1, 1, 0]])
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_parts_that_exchange_a_different_number_of_times(times: list[int], cores: int) -> None:
    def talk(part: int) -> None:
        for _ in range(times[part]):
            parallel.exchange(part)

    def work() -> None:
        with parallel.using_cores(cores):
            parallel.together(talk, range(len(times)))

    with pytest.raises(
        RuntimeError, match=r"exchange values a different number of times: part . of . has ended"
    ):
        in_time(work)
    assert in_time(lambda: parallel.together(parallel.exchange, range(2))) == [[0, 1], [0, 1]]


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("run", [parallel.together, parallel.in_order])
@pytest.mark.parametrize("inner", [1, 2])
@pytest.mark.parametrize("outer", [1, 2])
def test_parts_together_inside_a_part_are_refused(
    outer: int, inner: int, run: Callable[..., list[object]], cores: int
) -> None:
    def split_again(part: int) -> list[list[int]]:
        return parallel.together(parallel.exchange, range(inner))

    def work() -> None:
        with parallel.using_cores(cores):
            list(run(split_again, range(outer)))

    with pytest.raises(RuntimeError, match="together inside a part"):
        in_time(work)


def test_more_parts_than_threads_are_refused_before_any_begins() -> None:
    begun: list[int] = []
    with pytest.raises(ValueError, match=r"1025 parts .* 1024 at most"):
        parallel.together(begun.append, range(parallel.MOST_PARTS + 1))
    assert begun == []
    assert ComputeConfig(portions=parallel.MOST_PARTS).portions == 1024, "one more is refused, by its key"


@pytest.mark.parametrize("which", [1, 2, 3, 4, 5])
def test_a_thread_that_cannot_start(which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first, second, ... of the three of a team, or of those that set torch's threads for them."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    pool, started, ended = parts._new_pool(), [0], list[int]()
    monkeypatch.setattr(parts, "_pool", pool)
    start = threading.Thread.start

    def start_or_not(thread: threading.Thread) -> None:
        started[0] += 1
        if started[0] == which:
            raise RuntimeError("can't start new thread")
        start(thread)

    def work(part: int) -> list[int]:
        try:
            return [parallel.exchange(part)[0] for _ in range(3)]
        finally:
            ended.append(part)

    def with_failure() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start_or_not)
            parallel.together(work, range(3))

    try:
        with parallel.using_cores(2):
            told = ""
            try:
                in_time(with_failure)
            except RuntimeError as error:
                told = str(error)
            known = len(ended)
            # How many threads set torch's for others depends on who comes first: the last may not be needed.
            reached = started[0] >= which
            assert ("can't start new thread" in told) == reached
            assert known < 3 or not reached
            assert in_time(lambda: parallel.together(work, range(3))) == [[0] * 3] * 3, "the pool is well"
            assert len(ended) == known + 3, "no part of the failed team has begun since"
    finally:
        pool.shutdown()
        torch.set_num_threads(before)


@pytest.mark.parametrize("cores", [1, 3])
def test_an_interrupted_caller_leaves_no_part_running(cores: int) -> None:
    running, ended = [0], list[int]()

    def work(part: int) -> None:
        running[0] += 1
        try:
            # The caller waits by then: a signal just before it waits is seen only when it has waited.
            time.sleep(0.2)
            if part == 2:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            for _ in range(100):
                parallel.exchange(part)
                time.sleep(0.01)
            ended.append(part)
        finally:
            running[0] -= 1

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with parallel.using_cores(cores):
            with pytest.raises(KeyboardInterrupt):
                parallel.together(work, range(3))
            assert (running, ended) == ([0], [])
            assert parallel.together(parallel.exchange, range(2)) == [[0, 1], [0, 1]]
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_an_interrupted_consumer_leaves_nothing_running(cores: int) -> None:
    started: list[int] = []

    def work(part: int) -> int:
        started.append(part)
        time.sleep(0.002)
        return part

    with parallel.using_cores(cores):
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            for part in parallel.in_order(work, iter(range(10_000))):
                if part == 5:
                    raise KeyboardInterrupt
        time.sleep(0.1)  # what had begun is done
        after = len(started)
        time.sleep(0.05)
    assert len(started) == after <= 6 + cores + 1


def test_parts_that_compute_are_waited_for_when_taking_one_fails() -> None:
    """A network that is evaluated goes on to train after a signal: no part of the evaluation may still use it."""
    running: list[int] = []

    def slow(part: int) -> int:
        running.append(part)
        time.sleep(0.2)
        running.remove(part)
        return part

    def taken() -> Iterator[int]:
        yield from range(2)
        raise KeyboardInterrupt

    with parallel.using_cores(2), pytest.raises(KeyboardInterrupt):
        list(parallel.in_order(slow, taken()))
    assert running == []
