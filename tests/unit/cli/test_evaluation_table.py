"""The output of ``acgan evaluate``: what a person reads of an evaluation, on made scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from acgan.cli.evaluation_table import show
from acgan.evaluation import Scores, Summary

JUDGE = {"name": "photos@1", "sha256": "1", "dims": 128}


def made(
    values: Mapping[str, tuple[float, float, float]], all_samples: Mapping[str, float] | None = None
) -> Scores:
    """Scores of samples and of real images, each with a deviation, of 60 images a side."""
    origin: dict[str, Any] = {
        "floor_images": 60, "num_images": 119, "samples_by_class": [60, 59], "reference_by_class": [60, 59],
        "reference_spread": 100.0, "ms_ssim_scales": 1, "label_prior": "reference", "seed": 0, "repeats": 1,
        "generators": [], "extractor": JUDGE, "classifier": JUDGE, "extractor_saw_reference": False,
        "reference": {"data": "photos", "split": "test", "num_images": 119},
    }  # fmt: skip
    own = {name: Summary(one, std) for name, (one, _, std) in values.items()}
    real = {name: Summary(one, std) for name, (_, one, std) in values.items()}
    overall = {name: Summary(one, None, (one,)) for name, one in (all_samples or {}).items()}
    by_class: dict[str, dict[str, float | None]] = {"cat": {}, "dog": {}}
    return Scores(origin, overall, real, own, by_class, {}, {}, None)


def told(scores: Scores, capsys: pytest.CaptureFixture[str]) -> list[str]:
    show(scores)
    return capsys.readouterr().out.splitlines()


def cells(lines: list[str], row: str) -> list[list[str]]:
    """Cells of the rows with a title, in all tables."""
    split = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    return [one[1:] for one in split if one[0] == row]


def test_the_interval_of_a_share_ends_at_0_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"diverse_classes": (0.5, 0.5, 0.433), "precision[x@1]": (0.989, 0.9, 0.01)}
    lines = told(made(values), capsys)
    assert cells(lines, "classes as diverse") == [["0.50 [0, 1]", "0.50 [0, 1]"]]
    assert cells(lines, "precision") == [["0.989 [0.946, 1]", "0.900 ±0.043"]]
    assert any("[a, b]: the whole interval" in line for line in lines)


def test_what_held_out_images_have_is_no_row_of_samples(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"copies_near": (0.0247, 0.0321, 0.0), "copies_near_real": (0.0498, 0.0498, 0.0)}
    lines = told(made(values, {"copies_near": 0.03, "copies_near_real": 0.04}), capsys)
    assert cells(lines, "copies, nearly the same") == [
        ["0.0247 ±0.0000", "0.0321 ±0.0000"],
        ["0.0300", "0.0400"],
    ]
    assert not any("│   held-out" in line for line in lines)
    assert any(line.startswith("┃") and "held-out images" in line for line in lines)


def test_a_distance_below_0_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    said = "A KID below 0 is no mistake"
    assert any(line.startswith(said) for line in told(made({"kid[x@1]": (0.3, -11.0, 1.0)}), capsys))
    assert not any(line.startswith(said) for line in told(made({"kid[x@1]": (0.3, 11.0, 1.0)}), capsys))


def test_a_weak_judge_is_told_once_right_below_its_features(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(made({"class_accuracy[x@1]": (0.72, 0.626, 0.01)}), capsys)
    place = next(place for place, line in enumerate(lines) if line.startswith("features: "))
    assert lines[place + 1].startswith("Weak judge: this classifier names only 63%")
    assert lines[place + 2].startswith("Verdict: ")
    assert sum("Weak judge" in line for line in lines) == 1


def test_a_dash_is_explained_where_one_stands(capsys: pytest.CaptureFixture[str]) -> None:
    scores = made({"vendi[x@1]": (3.0, 3.0, 0.1)}, {"vendi[x@1]": 3.0})
    note = '"-": too few images to say.'
    assert note not in told(scores, capsys)
    unknown = {**scores.overall, "fd_infinity[x@1]": Summary(None, None, (None,))}
    assert note in told(replace(scores, overall=unknown), capsys)
    columns: dict[str, dict[str, float | None]] = {
        "cat": {"kid[x@1]": 1.0, "fd[x@1]": None, "vendi[x@1]": None},
        "dog": {"kid[x@1]": 2.0, "fd[x@1]": None, "vendi[x@1]": 3.0},
    }
    assert note not in told(replace(scores, per_class=columns), capsys)  # of columns that are not shown
    columns["dog"]["kid[x@1]"] = None
    assert note in told(replace(scores, per_class=columns), capsys)
