"""Places of a run's evaluations: none is lost, and metrics of the same evaluation are added up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acgan.api.kept_evaluations import Kept, picture_of, place


def values(metric: str = "fcd[x@1]", **changes: Any) -> dict[str, Any]:
    provenance = {
        "generators": [{"sha256": "ab" * 32}], "reference": {"split": "test", "fingerprint": "f"}, "num_images": 100,
        "seed": 0, "repeats": 1, "extractor": {"name": "x@1"}, "classifier": None, "floor_images": 50,
        "metrics": [metric], "date": "2026-01-01", "machine": "m",
    }  # fmt: skip
    return {
        "format": 1,
        "provenance": provenance | changes,
        "overall": {metric: {"value": 1.0}},
        "floor": {metric: {"value": 2.0}},
        "at_floor_count": {metric: {"value": 3.0}},
        "per_class": {"cat": {metric: 4.0}},
        "floor_per_class": {"cat": {metric: 5.0}},
        "at_floor_count_per_class": {"cat": {metric: 6.0}},
    }


def put(home: Path, new: dict[str, Any]) -> Kept:
    """As ``write_evaluation`` does."""
    kept = place(home, new)
    (home / "evaluations").mkdir(exist_ok=True)
    if kept.moved is not None:
        kept.moved[0].write_text(kept.moved[1], encoding="utf-8")
    kept.scores.write_text(json.dumps(kept.values), encoding="utf-8")
    return kept


def kept_in(home: Path) -> list[dict[str, Any]]:
    return [
        json.loads(file.read_text(encoding="utf-8")) for file in sorted((home / "evaluations").glob("*.json"))
    ]


def test_the_first_one_is_the_run_s(tmp_path: Path) -> None:
    kept = place(tmp_path, values())
    assert (kept.scores, kept.values, kept.moved) == (tmp_path / "evaluation.json", values(), None)


def test_metrics_of_the_same_are_added_and_measured_anew(tmp_path: Path) -> None:
    put(tmp_path, values(date="2026-01-01"))
    # Of the same samples: a classifier that was not needed before, another day and machine.
    other = values(
        "class_accuracy[y@2]", classifier={"name": "y@2"}, date="2026-01-02", machine="n", floor_images=0
    )
    found = put(tmp_path, other).values
    assert set(found["overall"]) == {"fcd[x@1]", "class_accuracy[y@2]"} == set(found["per_class"]["cat"])
    assert found["provenance"]["metrics"] == ["fcd[x@1]", "class_accuracy[y@2]"]
    assert (found["provenance"]["floor_images"], found["provenance"]["date"]) == (50, "2026-01-02")
    assert found["provenance"]["classifier"] == {"name": "y@2"}
    again = values()
    again["overall"]["fcd[x@1]"]["value"] = 9.0
    assert put(tmp_path, again).values["overall"]["fcd[x@1]"]["value"] == 9.0
    assert kept_in(tmp_path) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"extractor": {"name": "z@3"}},
        {"num_images": 200},
        {"generators": [{"sha256": "cd" * 32}], "num_images": 10},
        {"reference": {"split": "train", "fingerprint": "g"}, "num_images": 10},
    ],
)
def test_another_makes_the_old_one_move_aside(tmp_path: Path, changes: dict[str, Any]) -> None:
    put(tmp_path, values())
    kept = put(tmp_path, values(**changes))
    assert kept.is_main
    assert kept.values == values(**changes)
    assert kept_in(tmp_path) == [values()]


def test_fewer_samples_do_not_take_the_place_of_more(tmp_path: Path) -> None:
    put(tmp_path, values())
    kept = put(tmp_path, values(num_images=10))
    assert not kept.is_main
    assert kept.moved is None
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8")) == values()
    # More of the same few are added there.
    assert set(put(tmp_path, values("kid[x@1]", num_images=10)).values["overall"]) == {"fcd[x@1]", "kid[x@1]"}
    assert len(kept_in(tmp_path)) == 1


def test_what_is_no_evaluation_is_kept(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text("by hand", encoding="utf-8")
    kept = place(tmp_path, values())
    assert kept.moved is not None
    assert kept.moved[0].name.startswith("unreadable-")
    assert kept.moved[1] == "by hand"


def test_scores_by_another_neighbour_are_not_mixed(tmp_path: Path) -> None:
    put(tmp_path, values("recall[x@1]", nearest_k=5))
    assert put(tmp_path, values("recall[x@1]", nearest_k=3)).is_main
    assert [one["provenance"]["nearest_k"] for one in kept_in(tmp_path)] == [5]


def test_pictures_lie_beside_their_scores(tmp_path: Path) -> None:
    assert picture_of(tmp_path / "evaluation.json", "confusion.png") == tmp_path / "confusion.png"
    assert picture_of(tmp_path / "evaluations" / "a.json", "confusion.png").name == "a-confusion.png"


def test_a_truncated_evaluation_never_stands_for_the_run(tmp_path: Path) -> None:
    put(tmp_path, values(truncation=1.0))
    kept = put(tmp_path, values(truncation=0.7, num_images=1000))
    assert kept.scores.parent == tmp_path / "evaluations"
    other = tmp_path / "other"
    other.mkdir()
    put(other, values(truncation=0.7, num_images=1000))
    assert put(other, values(truncation=1.0)).is_main
    assert [one["provenance"]["truncation"] for one in kept_in(other)] == [0.7]


@pytest.mark.parametrize(
    "changes",
    [
        {"generators": ["x"]},
        {"generators": [{"sha256": "ab" * 32}], "repeats": "many"},
        {"num_images": float("inf")},
        {"reference": 3},
        {"metrics": [[]]},
        {"truncation": None},
    ],
)
def test_a_damaged_evaluation_makes_room(tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(values(**changes)), encoding="utf-8")
    kept = place(tmp_path, values())
    assert kept.is_main
    assert kept.moved is not None
    assert kept.moved[0].name.startswith("unreadable-")


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    old = values(generators=[{"sha256": "../../x"}], reference={"split": "../" * 100})
    (tmp_path / "evaluation.json").write_text(json.dumps(old), encoding="utf-8")
    kept = place(tmp_path, values())
    assert kept.moved is not None
    assert kept.moved[0].parent == tmp_path / "evaluations"
    assert len(kept.moved[0].name) < 200
