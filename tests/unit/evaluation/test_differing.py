"""Comparisons of made runs whose truth is known: what differs stands first, and the words go no further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import FCD, make_evaluation, make_method, make_run

from acgan.errors import RunError
from acgan.evaluation import Comparison, compare, read_evaluation, with_runs


def compared(a: Path, b: Path, **options: Any) -> Comparison:
    sides = [with_runs(read_evaluation(directory), directory) for directory in (a, b)]
    return compare(sides[0], sides[1], ("A", "B"), **options)


def values(mean: float, count: int = 5, seed: int = 0) -> tuple[float, ...]:
    return tuple(mean + 0.1 * np.random.default_rng(seed).normal(size=count))


def differing(found: Comparison) -> dict[str, tuple[str, str]]:
    return {one.what: (one.a, one.b) for one in found.differs}


def test_a_setting_makes_two_methods(tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(5)})
    b = make_method(tmp_path / "b", {FCD: values(3)}, settings={"loss.weight_g": 1.0})
    found = compared(a, b)
    assert differing(found) == {"loss.weight_g": ("0.3", "1.0")}
    assert found.headline.startswith("two methods")
    assert found.rows[0].verdict == "distinguishable"


def test_unequal_budgets_are_refused_and_stand_first(tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(5)}, nimg=1536, total=1536)
    b = make_method(tmp_path / "b", {FCD: values(3)}, nimg=8000, total=8000)
    with pytest.raises(RunError, match=r"unequal budgets, images shown: 1,536 \| 8,000.*--unequal"):
        compared(a, b)
    found = compared(a, b, unequal=True)
    assert list(differing(found)) == ["images shown", "train.total_nimg"]
    assert found.headline.startswith("not methods alone: A and B differ in images shown as well")


def test_a_budget_counts_the_whole_training_of_a_best_state(tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(5)}, which="best", best_at=400)
    b = make_method(tmp_path / "b", {FCD: values(3)}, which="best", best_at=900)
    assert differing(compared(a, b)) == {}  # both showed 1,000
    alone = [read_evaluation(directory) for directory in (a, b)]
    with pytest.raises(RunError, match="images shown, to the state that was scored: 400"):
        compare(*alone)  # without their runs nobody knows


@pytest.mark.parametrize("share", [1.005, 1.02])
def test_budgets_of_a_whole_batch_more_are_equal(share: float, tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(5)}, nimg=10_000, total=10_000)
    b = make_method(tmp_path / "b", {FCD: values(3)}, nimg=int(10_000 * share), total=10_000)
    if share > 1.01:
        with pytest.raises(RunError, match="unequal budgets"):
            compared(a, b)
    else:
        assert differing(compared(a, b)) == {}


def test_best_against_last_images_and_code_are_named(tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(5)}, which="best", best_at=400)
    b = make_method(tmp_path / "b", {FCD: values(3)}, code="0.2.0", provenance={"acgan": "0.2.0"})
    text = (b / "evaluation.json").read_text(encoding="utf-8")
    (b / "evaluation.json").write_text(text.replace("d" * 32, "c" * 32), encoding="utf-8")
    found = compared(a, b)
    assert differing(found) == {
        "state of the training": ("best", "last"),
        "training images": ("dddddddd", "cccccccc"),
        "code of the training": ("0.1.0", "0.2.0"),
        "code of the evaluation": ("0.1.0", "0.2.0"),
    }
    assert found.headline.startswith("not methods alone")


def test_equal_settings_are_one_method(tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(5)})
    b = make_method(tmp_path / "b", {FCD: values(5, seed=1)})
    found = compared(a, b)
    assert found.headline.startswith("one method twice")
    assert found.rows[0].verdict == "not distinguishable"


def test_runs_that_changed_since_do_not_speak_for_the_scores(tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(5)})
    b = make_method(tmp_path / "b", {FCD: values(3)}, settings={"loss.weight_g": 1.0})
    (b / "seed1" / "generator.safetensors").unlink()
    found = compared(a, b)
    assert not found.differs
    assert any(note.startswith("configurations are not compared") for note in found.notes)


@pytest.mark.parametrize(("count", "verdict"), [(3, "leans"), (4, "leans"), (5, "distinguishable")])
def test_below_five_seeds_a_shift_leans(count: int, verdict: str, tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(5, count)})
    b = make_method(tmp_path / "b", {FCD: values(3, count, seed=1)})
    found = compared(a, b)
    assert found.rows[0].verdict == verdict
    assert any(f"{count} training seeds a side" in note for note in found.notes) == (count < 5)
    words = found.rows[0].tested.in_words(FCD, "A", "B")
    assert words == ("leans to B" if count < 5 else "distinguishable, B scores better")


def test_failures_that_need_not_have_shown_are_told(tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(5, 3)})
    b = make_method(tmp_path / "b", {FCD: values(3, 3)})
    assert any("up to 63% of trainings" in note for note in compared(a, b).notes)


def test_ties_differ_in_nothing(tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: (1.0,) * 5})
    b = make_method(tmp_path / "b", {FCD: (1.0,) * 5})
    row = compared(a, b).rows[0]
    assert (row.verdict, row.tested.p, row.tested.smallest_seen) == ("not distinguishable", 1.0, None)


def test_floors_stand_beside_scores_of_as_many_images_only(tmp_path: Path) -> None:
    a = make_method(tmp_path / "a", {FCD: values(7.9)})
    b = make_method(tmp_path / "b", {FCD: values(7.5)})
    beside = compared(a, b).rows[0].at_equal_counts
    assert beside is not None
    assert (beside.num_images, beside.floor) == (135, 9.2)
    for directory, floor_images in ((a, 135), (b, 100)):
        runs = [directory / f"seed{seed}" for seed in range(5)]
        make_evaluation(directory, {FCD: values(7.9)}, runs, floor_images=floor_images)
    assert compared(a, b).rows[0].at_equal_counts is None


def test_one_run_may_lie_in_the_folder_of_its_file(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", best_at=500)
    make_evaluation(run, {FCD: values(5)}, which="best", file="best.json")
    make_evaluation(run, {FCD: values(4)}, file="last.json")
    moved = run.rename(tmp_path / "moved")
    sides = [with_runs(read_evaluation(moved / name), moved) for name in ("best.json", "last.json")]
    found = compare(*sides)
    assert differing(found) == {"state of the training": ("best", "last")}
    assert found.headline.startswith("two checkpoints, not two methods")
