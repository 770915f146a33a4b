"""Sweeps at equal time: their variants show different numbers of images, and may be compared all the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from acgan.errors import UserError
from acgan.evaluation.trained_run import TrainedRun
from acgan.file_kinds import read_text
from acgan.reading import is_finite_number
from acgan.sealed import ChangedError, read_json

_SWEEP, _SPEEDS = "sweep.yaml", "speeds.json"  # in the folder of `acgan sweep`


def equal_minutes(runs: Iterable[TrainedRun]) -> float | None:
    """Minutes that runs of one sweep at equal time were all trained for; None of any other runs.

    Each must have the length that the sweep gave its variant: a run that somebody went on with had more.

    Args:
        runs: Runs of several variants, ``DIR/VARIANT/seedN``.
    """
    runs = list(runs)
    folders = {run.directory.resolve().parent.parent for run in runs}
    if len(folders) != 1:
        return None
    try:
        minutes, lengths = _read(folders.pop())
        asked = [lengths[run.directory.resolve().parent.name] for run in runs]
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        yaml.YAMLError,
        UserError,
        ChangedError,
    ):
        return None  # no sweep, or a damaged one: budgets are what the runs say
    return minutes if asked == [run.total_nimg for run in runs] else None


def _read(folder: Path) -> tuple[float, dict[str, int]]:
    """A sweep's minutes, and the images that each variant shows in them."""
    budget: Any = yaml.safe_load(read_text(folder / _SWEEP))["budget"]["minutes"]
    if not is_finite_number(budget):
        raise ValueError("no minutes")
    speeds = read_json(read_text(folder / _SPEEDS))["variants"]
    return budget, {name: max(1, round(60 * budget * one["images_per_sec"])) for name, one in speeds.items()}
