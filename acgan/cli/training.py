"""Running trainings: one run, or one a seed, until the time is up."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acgan.cli.options import clock, stopped_by_sigterm
from acgan.cli.progress import Reporter
from acgan.errors import ConfigError

if TYPE_CHECKING:
    from acgan.api import TrainResult


def is_first_process() -> bool:
    """True in the one process that talks, among those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def run_directories(directory: Path, seeds: Sequence[int] | None) -> dict[Path, int | None]:
    """Each run's directory and seed: one with the configured seed, or one for each of several.

    Raises:
        ConfigError: If a directory for several seeds is a run itself: it would say nothing of which is which.
    """
    if seeds is None:
        return {directory: None}
    if (directory / "config.yaml").exists():
        raise ConfigError(
            f"--seeds: {directory} is a run of one seed; expected a directory that is none, for a run of each seed in "
            "it. Choose another with --run-dir."
        )
    return {directory / f"seed{seed}": seed for seed in seeds}


def train_each_seed(
    train: Callable[..., TrainResult],
    conclude: Callable[[TrainResult, Reporter], None],
    name: str,
    *,
    run_dir: Path | None,
    overrides: Sequence[str],
    seeds: Sequence[int] | None,
    max_time: float | None,
    quiet: bool,
    arms: Sequence[tuple[str, Sequence[str]]] = (("", ()),),
    **options: Any,
) -> None:
    """Run a training, or one a seed, until the time is up.

    Args:
        train: ``acgan.api.train`` or its like, with what is trained filled in.
        conclude: Says what was made.
        name: Name of the run, for its default directory.
        run_dir: Directory of the run, or of the seeds' runs.
        overrides: ``KEY=VALUE`` texts.
        seeds: One run each; None is one run with the configured seed.
        max_time: Seconds for all together.
        quiet: Say nothing but warnings.
        arms: Variants of each run: a folder in its directory, and ``KEY=VALUE`` texts.
        **options: Further options of ``train``.
    """
    end = None if max_time is None else time.monotonic() + max_time
    runs = run_directories(run_dir or Path("runs") / name, seeds)
    for (run, seed), (folder, arm_overrides) in itertools.product(runs.items(), arms):
        own_seed = () if seed is None else (f"seed={seed}",)
        directory, own_overrides = run / folder, (*overrides, *own_seed, *arm_overrides)
        reporter = Reporter(quiet or not is_first_process())
        # From the first checkpoint on the run answers signals itself, at the end of a step.
        with reporter.showing(), stopped_by_sigterm("stopped before the training began"):
            result = train(
                on_tick=reporter.tick,
                run_dir=directory,
                overrides=own_overrides,
                max_time_sec=None if end is None else end - time.monotonic(),
                on_data=reporter.data,
                say=reporter.say,
                warn=reporter.warn,
                **options,
            )
        state = "stopped by --max-time; the same command resumes"
        if result.finished:
            state = "ended by train.patience_nimg" if result.out_of_patience else "done"
        reporter.say(
            f"{result.directory}: {result.nimg:,} images shown ({state}), "
            f"{clock(result.trained_sec)} of training, {result.images_per_sec:.0f} images/s this time."
        )
        conclude(result, reporter)
        if not result.finished:  # the time is up
            break
