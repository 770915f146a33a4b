"""Timing of work that takes turns."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from acgan.benchmarking.findings import Ratio

_Measured = TypeVar("_Measured")


@dataclass(frozen=True)
class Spent:
    """Seconds of a piece of work by the clock, and of all cores that computed for it."""

    wall: float
    processor: float


def wait_for(device: torch.device) -> None:
    """Wait for all work of a device; a CPU has none left."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def spent(work: Callable[[], object], device: torch.device | None = None) -> Spent:
    """Time of a piece of work, with that of a device and of processes that have ended."""
    wall, processor = time.perf_counter(), _processor_sec()
    work()
    if device is not None:
        wait_for(device)
    return Spent(time.perf_counter() - wall, _processor_sec() - processor)


def _processor_sec() -> float:
    return sum(os.times()[:4])


def median_sec(times: Sequence[Spent]) -> float:
    """Median by the clock."""
    return statistics.median(one.wall for one in times)


def ratios_of(name: str, slow: Sequence[Spent], fast: Sequence[Spent]) -> tuple[Ratio, Ratio]:
    """Times of the slow way by those of the fast one, round by round, by the clock and by processor time."""
    pairs = list(zip(slow, fast, strict=True))
    return (
        Ratio(name, tuple(a.wall / b.wall for a, b in pairs)),
        Ratio(f"{name}, by processor time", tuple(a.processor / max(b.processor, 1e-9) for a, b in pairs)),
    )


def in_turns(
    works: Mapping[str, Callable[[], _Measured]], rounds: int, budget_sec: float = math.inf
) -> dict[str, list[_Measured]]:
    """Results of works that take turns: each runs once a round, in an order that turns around each time.

    Args:
        works: Works by name.
        rounds: Number of rounds, at least 1.
        budget_sec: No further round begins after so many seconds.
    """
    found: dict[str, list[_Measured]] = {name: [] for name in works}
    started = time.monotonic()
    for number in range(rounds):
        if number and time.monotonic() - started > budget_sec:
            break
        for name in works if number % 2 == 0 else reversed(list(works)):
            found[name].append(works[name]())
    return found
