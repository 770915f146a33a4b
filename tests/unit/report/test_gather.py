"""Run directories as plain values; what is damaged is told and the rest is kept."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from made_runs import FCD, VALIDATION, make_evaluation, make_run
from PIL import Image

from acgan.errors import RunError
from acgan.report.gather import KnownRun, gather_run

CONFIG = {"task": "gan", "train": {"total_nimg": 1000}}


def _gathered(directory: Path, **changes: Any) -> KnownRun:
    return gather_run(directory, {**CONFIG, **changes}, {})


def test_curves_and_the_best_state(tmp_path: Path) -> None:
    run = _gathered(make_run(tmp_path / "run", curve=(5.0, 3.0, 4.0), nimg=900))
    assert run.curve(VALIDATION) == ((300, 5.0), (600, 3.0), (900, 4.0))
    assert run.best is not None
    assert (run.best.value, run.best.nimg) == (3.0, 600)
    assert f"evaluate/{run.best.name}" == VALIDATION
    assert (run.nimg, run.total_nimg, run.is_classifier) == (900, 1000, False)


def test_resumes_and_warnings(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run")
    lines = [
        f'{{"nimg": {nimg}, "monitor/collapsed_classes": {number}}}\n' for nimg, number in ((5, 0), (9, 2))
    ]
    (directory / "stats.jsonl").write_text("".join(lines))
    invocations = [{"nimg": [0, 400]}, {"nimg": [400, 1200]}, {"ended": None}]
    run = gather_run(directory, CONFIG, {"invocations": invocations})
    assert run.resumes == (400,)
    assert run.warned_at == (9,)
    assert run.nimg == 1200


def test_scores_are_those_of_the_file(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run")
    make_evaluation(directory, {FCD: (4.0, 6.0)}, per_class={"cat": {FCD: 7.0}})
    scores = _gathered(directory).scores
    assert scores is not None
    assert scores.overall[FCD].value == 5.0
    assert scores.floor[FCD].value == 9.2
    assert scores.per_class["cat"][FCD] == 7.0


@pytest.mark.parametrize(
    ("file", "text"),
    [("evaluation.json", "{"), ("stats.jsonl", '{"nimg": \n{"nimg": 3}\n'), ("evaluation.json", "{}")],
)
def test_what_is_damaged_is_told_and_the_rest_is_there(tmp_path: Path, file: str, text: str) -> None:
    directory = make_run(tmp_path / "run")
    (directory / file).write_text(text)
    run = gather_run(directory, CONFIG, {}, ["before"])
    assert run.missing[0] == "before"
    assert len(run.missing) == 2
    assert file in run.missing[1]


@pytest.mark.parametrize("config", [{}, {"train": []}, {"train": {}, "task": 5}])
def test_no_configuration_of_a_training(tmp_path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=r"config\.yaml: no configuration of a training: "):
        gather_run(tmp_path, config, {})


@pytest.mark.parametrize(
    ("section", "values", "told"),
    [
        ("train", {"total_nimg": "x"}, "train.total_nimg: found 'x'; input should be a valid integer"),
        ("train", {"total_nimg": 10**400}, "train.total_nimg: found 1000"),
        ("train", {"total_nimg": True}, "train.total_nimg: found True"),
        ("description", ["a"], "description: found ['a']; input should be a valid string"),
        ("data", [1], "data: found [1]"),
        ("data", {"source": {}}, "data.source: found {}"),
        ("monitor", {"min_coverage": [0.2]}, "monitor.min_coverage: found [0.2]"),
        ("monitor", {"max_duplicates": float("inf")}, "monitor.max_duplicates: found inf"),
        ("loss", {"classification": {"weight_g": "0.3"}}, "loss.classification.weight_g: found '0.3'"),
        ("model", {"aux": {"layer3": []}}, "model.aux.layer3: found []"),
    ],
)
def test_a_value_of_a_wrong_type_is_told_and_not_used(
    tmp_path: Path, section: str, values: Any, told: str
) -> None:
    directory = make_run(tmp_path / "run")
    run = _gathered(directory, **{section: values})
    (line,) = run.missing
    assert line.startswith(f"{directory / 'config.yaml'}: not read: {told}")
    assert values not in (run.config.get(section), run.config)


def test_numbers_that_no_training_writes_are_told_and_not_finite_ones_are_absent(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run")
    records = [{"nimg": 1, "x": 2.0}, {"nimg": 2, "x": float("nan")}, {"nimg": 3, "x": float("inf")}]
    records += [{"nimg": -4, "x": 3.0}, *({"nimg": nimg, "x": -1e300} for nimg in range(5, 9))]
    (directory / "stats.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    run = _gathered(directory)
    assert run.curve("x") == ((1, 2.0),)
    assert [line.partition(": not read: ")[2] for line in run.missing] == [
        "nimg: found -4; expected 0 or more, which no training writes.",
        *(f"x at {nimg} images: found -1e+300, which no training writes." for nimg in (5, 6)),
        "2 more numbers like these.",
    ]


def _png() -> bytes:
    with io.BytesIO() as file:
        Image.effect_noise((64, 64), 50).save(file, "PNG")
        return file.getvalue()


@pytest.mark.parametrize(
    ("content", "whole"), [(_png(), True), (_png()[:900], False), (b"\0" * 400_000, False)]
)
def test_a_picture_that_is_none_is_told(tmp_path: Path, content: bytes, whole: bool) -> None:
    directory = make_run(tmp_path / "run")
    make_evaluation(directory, {FCD: (4.0,)})
    (directory / "memorisation.png").write_bytes(content)
    run = _gathered(directory)
    assert run.nearest == (content if whole else None)
    assert [line for line in run.missing if "memorisation.png: no whole picture" in line] == run.missing
    assert whole is not bool(run.missing)
