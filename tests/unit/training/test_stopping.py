"""Requests to stop, of one process and of several."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

from acgan import distributed
from acgan.distributed import Ranks
from acgan.signals import CutShortError, StopSignal
from acgan.training import stopping
from acgan.training.stopping import StopRequests

CPU = torch.device("cpu")


@pytest.mark.parametrize(("left", "stop"), [(None, False), (-1.0, True), (1000.0, False)])
def test_the_deadline_asks_to_stop(left: float | None, stop: bool) -> None:
    requests = StopRequests(Ranks(), CPU, None if left is None else time.monotonic() + left)
    assert requests.asked(3) is stop
    assert requests.signal is None


def test_a_signal_asks_to_stop() -> None:
    requests = StopRequests(Ranks(), CPU, None)
    with requests.heard():
        assert not requests.asked(0)
        os.kill(os.getpid(), signal.SIGTERM)
        assert requests.asked(1)
    assert requests.signal == signal.SIGTERM


def agreements(
    iteration_sec: Callable[[int], float], count: int, monkeypatch: pytest.MonkeyPatch
) -> dict[int, float]:
    """Times of those iterations at which two ranks agree; the other rank is as slow, and hears nothing."""
    clock, found = SimpleNamespace(now=0.0), dict[int, float]()
    monkeypatch.setattr(stopping, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def largest(values: Sequence[float], _ranks: Ranks, _device: torch.device) -> list[float]:
        found[iteration] = clock.now
        return list(values)

    monkeypatch.setattr(distributed, "largest_of_ranks", largest)
    requests = StopRequests(Ranks(0, 2), CPU, None)
    for iteration in range(count):
        assert not requests.asked(iteration)
        clock.now += iteration_sec(iteration)
    return found


def test_ranks_agree_at_every_slow_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(agreements(lambda _: 8.5, 5, monkeypatch)) == [0, 1, 2, 3, 4]


def test_ranks_agree_twice_a_second_or_at_every_16th_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(agreements(lambda _: 0.125, 14, monkeypatch)) == [0, 1, 5, 9, 13]
    assert list(agreements(lambda _: 0.001, 40, monkeypatch)) == [0, 1, 17, 33]


def test_steps_that_turn_slow_are_agreed_on_before_a_scheduler_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    times = list(agreements(lambda iteration: 0.1 if iteration < 100 else 1.5, 300, monkeypatch).values())
    assert max(later - earlier for earlier, later in pairwise(times)) < 10
    assert times[-1] - times[-2] == 1.5


def test_a_signal_of_another_rank_counts_at_the_next_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = StopRequests(Ranks(0, 2), CPU, None)
    answers = iter([[0.0, 0.0, 1.0], [0.0, float(signal.SIGINT), 1.0]])
    monkeypatch.setattr(distributed, "largest_of_ranks", lambda *_: next(answers))
    assert [requests.asked(0), requests.asked(1)] == [False, True]
    assert requests.signal == signal.SIGINT


@pytest.mark.parametrize(
    ("cut_short", "answer", "agreed"),
    [(True, 15.0, True), (False, 15.0, True), (False, 0.0, False)],
    ids=["here", "elsewhere", "nowhere"],
)
def test_work_cut_short_is_a_request_at_once(
    cut_short: bool, answer: float, agreed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, sent = StopRequests(Ranks(0, 2), CPU, None), list[Sequence[float]]()
    requests.stop.number = signal.SIGTERM if cut_short else None
    answers = iter([[0.0, 0.0, 0.01], [answer], [0.0, answer, 0.01]])

    def largest(values: Sequence[float], *_: object) -> list[float]:
        sent.append(values)
        return next(answers)

    monkeypatch.setattr(distributed, "largest_of_ranks", largest)
    requests.asked(5)
    assert requests.agree_on_cut(cut_short) is agreed
    assert sent[-1] == (15.0 if cut_short else 0.0,)
    assert requests.asked(5) is agreed
    assert requests.signal == (signal.SIGTERM if agreed else None)


def test_portions_end_at_the_signal() -> None:
    stop, seen = StopSignal(), list[int]()

    def look(portion: int) -> None:
        seen.append(portion)
        stop.number = signal.SIGTERM if portion == 2 else None

    with pytest.raises(CutShortError):
        list(map(look, stop.between(range(5))))
    assert seen == [0, 1, 2]
    assert list(StopSignal().between("abc")) == ["a", "b", "c"]
