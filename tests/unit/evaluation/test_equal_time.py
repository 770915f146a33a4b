"""Variants of a sweep at equal time are compared, though they showed different numbers of images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from made_runs import FCD, make_method, make_run

from acgan.errors import RunError
from acgan.evaluation import Comparison, compare, equal_minutes, read_evaluation, read_run, with_runs
from acgan.results import find_variants, result_table
from acgan.sealed import sealed_json

LENGTHS = {"small": 9000, "large": 300}  # in 2.5 minutes, at 60 and 2 images a second


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two variants of three seeds, as a sweep at equal time leaves them; the batch is 10, or 70."""
    folder = tmp_path / "sweep"
    for place, (name, total) in enumerate(LENGTHS.items()):
        make_method(
            folder / name, {FCD: (1.0 + place, 1.1 + place, 1.2 + place)}, nimg=total + 5, total=total
        )
    speeds = {name: {"images_per_sec": total / 150, "of": {}} for name, total in LENGTHS.items()}
    (folder / "speeds.json").write_text(json.dumps(sealed_json({"variants": speeds})))
    (folder / "sweep.yaml").write_text(yaml.safe_dump({"budget": {"nimg": None, "minutes": 2.5}}))
    return folder


def compared(sweep: Path) -> Comparison:
    homes = [sweep / name for name in LENGTHS]
    sides = [with_runs(read_evaluation(home / "evaluation.json"), home) for home in homes]
    return compare(*sides, tuple(LENGTHS))  # type: ignore[arg-type]


def test_they_are_compared_and_the_time_is_told(sweep: Path) -> None:
    [budget] = [one for one in compared(sweep).differs if "images shown" in one.what]
    assert (budget.what, budget.a, budget.b) == ("images shown in 2.5 minutes each", "9,005", "305")
    notes = result_table(find_variants([sweep])).notes
    assert any("have equal time, 2.5 minutes: 9,005 | 305 images shown" in note for note in notes)


def of_images(sweep: Path) -> None:
    (sweep / "sweep.yaml").write_text(yaml.safe_dump({"budget": {"nimg": 300, "minutes": None}}))


def without_speeds(sweep: Path) -> None:
    (sweep / "speeds.json").unlink()


def with_changed_speeds(sweep: Path) -> None:
    file = sweep / "speeds.json"
    file.write_text(file.read_text().replace("60.0", "61.0"))


def that_went_on(sweep: Path) -> None:
    for file in (sweep / "small").glob("seed*/config.yaml"):
        file.write_text(file.read_text().replace("9000", "9500"))


def damaged(sweep: Path) -> None:
    (sweep / "sweep.yaml").write_text("[budget")


@pytest.mark.parametrize("change", [of_images, without_speeds, with_changed_speeds, that_went_on, damaged])
def test_others_are_refused(sweep: Path, change: Callable[[Path], None]) -> None:
    """Fails where runs pass for equal of which nobody knows that they are."""
    change(sweep)
    with pytest.raises(RunError, match="unequal budgets"):
        compared(sweep)
    with pytest.raises(RunError, match="unequal budgets"):
        result_table(find_variants([sweep]))


def test_runs_of_two_folders_have_no_common_time(sweep: Path, tmp_path: Path) -> None:
    runs = [read_run(sweep / name / "seed0") for name in LENGTHS]
    assert equal_minutes(runs) == 2.5
    assert equal_minutes([*runs, read_run(make_run(tmp_path / "other" / "small" / "seed0"))]) is None
    assert equal_minutes([]) is None
