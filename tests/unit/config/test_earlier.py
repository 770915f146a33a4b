"""Configurations of runs of earlier versions, whose schedules are in images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from acgan.config import RunConfig, diff, load, restore, schedules
from acgan.config.recipes import recipes
from acgan.errors import ConfigError

RATE = "optim.generator.lr"


def earlier(directory: Path, points: Any, total_nimg: int = 70_000) -> Path:
    """The configuration of a run of an earlier version."""
    values = load(RunConfig, recipes()["digits"], [f"train.total_nimg={total_nimg}"]).model_dump(mode="json")
    values["optim"]["generator"]["lr"] = points
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return file


def test_a_run_s_points_in_images_are_read_by_its_length(tmp_path: Path) -> None:
    file = earlier(tmp_path, [[0, 5e-4], [35_000, 5e-4], [70_000, 2.5e-5]])
    found = load(RunConfig, file)
    assert diff(found, load(RunConfig, recipes()["digits"])) == {}
    longer = load(RunConfig, file, ["train.total_nimg=140_000"])
    assert longer.optim == found.optim
    assert restore(RunConfig, yaml.safe_load(file.read_text(encoding="utf-8")), "a file") == found


@pytest.mark.parametrize(
    ("points", "shares"),
    [
        ([[0, 1.0], [500, 1.0], [1500, 0.5]], ((0, 1.0), (0.5, 1.0), (1, 0.75))),  # cut in the fall
        ([[0, 1.0], [3500, 1.0], [7000, 0.5]], ((0, 1.0), (1, 1.0))),
        ([[2000, 0.5], [3000, 1.0]], ((0, 0.5),)),  # begins after the end
        ([[0, 1.0], [1000, 0.5], [2000, 0.25]], ((0, 1.0), (1, 0.5))),
        ([[0, 1.0], [0.5, 0.5]], ((0, 1.0), (0.5, 0.5))),  # shares already
    ],
)
def test_what_comes_after_the_end_is_cut(points: Any, shares: Any, tmp_path: Path) -> None:
    assert load(RunConfig, earlier(tmp_path, points, 1000)).optim.generator.lr == shares


def test_a_recipe_of_one_s_own_with_points_in_images_is_refused(tmp_path: Path) -> None:
    """By mistake, as in percent, they would be images of which nobody is told."""
    file = tmp_path / "mine.yaml"
    file.write_text("optim: {generator: {lr: [[0, 5e-4], [35_000, 5e-4]]}}", encoding="utf-8")
    with pytest.raises(
        ConfigError, match=rf"mine\.yaml: line 1: {RATE}: found .*images divided by train\.total_nimg"
    ):
        load(RunConfig, file)
    with pytest.raises(ConfigError, match=r"--set.*images divided by train\.total_nimg"):
        load(RunConfig, earlier(tmp_path, 1e-4), [f"{RATE}=[[0, 1], [50, 2]]"])


@pytest.mark.parametrize(
    "points",
    [[[0, 1], [5000]], [[0, "fast"], [5000, 1]], [], [[9000, 1], [0, 1]], [[0, 1], [99_000, 1], [0, 1]]],
)
def test_what_are_no_points_is_refused_as_ever(points: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=RATE):
        load(RunConfig, earlier(tmp_path, points))


def test_schedules_are_listed_by_key() -> None:
    config = load(RunConfig, None, [f"{RATE}=[[0, 1], [1, 2]]", "train.ema_half_life_nimg=[[0, 5]]"])
    assert schedules(config) == {RATE: ((0, 1), (1, 2)), "train.ema_half_life_nimg": ((0, 5),)}
