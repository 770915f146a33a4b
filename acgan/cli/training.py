"""Trainings from the command line: one run, or one a seed, until the time is up."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acgan.cli.options import time_in_words
from acgan.cli.progress import Reporter
from acgan.cli.ranks import is_first_process
from acgan.errors import ConfigError
from acgan.signals import stopped_by_signals

if TYPE_CHECKING:
    from acgan.api import TrainResult


@dataclass(frozen=True)
class PlannedRun:
    """One of the runs that a command asks for."""

    directory: Path
    overrides: tuple[str, ...]


class Clock:
    """The time that a command may take for all its runs, in seconds; None is no bound."""

    def __init__(self, max_time: float | None):
        self._end = None if max_time is None else time.monotonic() + max_time

    @property
    def left_sec(self) -> float | None:
        """Seconds that are left; None without a bound."""
        return None if self._end is None else self._end - time.monotonic()

    def most_sec(self) -> float:
        """Seconds that are left, for a person: none below 0, and infinitely many without a bound."""
        return math.inf if self._end is None else max(self._end - time.monotonic(), 0.0)


def run_directories(directory: Path, seeds: Sequence[int] | None) -> dict[Path, int | None]:
    """Each run's directory and seed: one with the configured seed, or one for each of several.

    Raises:
        ConfigError: If the directory for several seeds is a run itself.
    """
    if seeds is None:
        return {directory: None}
    if (directory / "config.yaml").exists():
        raise ConfigError(
            f"--seeds: {directory} is a run of one seed; expected a directory that is none, for a run of each seed in "
            f"it. Choose another with --run-dir; the configuration of that run is {directory / 'config.yaml'}."
        )
    return {directory / f"seed{seed}": seed for seed in seeds}


def planned_runs(directory: Path, seeds: Sequence[int] | None, overrides: Sequence[str]) -> list[PlannedRun]:
    """One run with the configured seed in a directory, or one for each seed below it."""
    return [
        PlannedRun(own, (*overrides, *(() if seed is None else (f"seed={seed}",))))
        for own, seed in run_directories(directory, seeds).items()
    ]


@contextmanager
def watched(quiet: bool, clock: Clock) -> Iterator[Reporter]:
    """Context of one training, with its progress on the terminal; SIGTERM before the first step ends it cleanly."""
    reporter = Reporter(quiet or not is_first_process(), clock.most_sec)
    # While it trains the run answers signals itself, at the end of a step.
    with reporter.showing(), stopped_by_signals("stopped outside of the training itself"):
        yield reporter


def outcome(result: TrainResult) -> str:
    """One line on a training that came to its end, or was at its end before."""
    if result.finished and not result.images_per_sec:
        longer = "" if result.out_of_patience else "; `--set train.total_nimg=…` with a larger number goes on"
        return (
            f"{result.directory}: already done, {result.nimg:,} images shown in {time_in_words(result.trained_sec)} of "
            f"training{longer}."
        )
    state = "stopped by --max-time; the same command resumes"
    if result.finished:
        state = "ended by train.patience_nimg" if result.out_of_patience else "done"
    return (
        f"{result.directory}: {result.nimg:,} images shown ({state}), "
        f"{time_in_words(result.trained_sec)} of training, {result.images_per_sec:.0f} images/s this time."
    )
