"""Run directories as plain values; what is damaged is told and the rest is kept."""

from pathlib import Path

import pytest
from made_runs import FCD, VALIDATION, make_evaluation, make_run

from acgan.errors import RunError
from acgan.report.gather import gather_run


def test_curves_and_the_best_state(tmp_path: Path) -> None:
    run = gather_run(make_run(tmp_path / "run", curve=(5.0, 3.0, 4.0), nimg=900), {})
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
    run = gather_run(directory, {"invocations": invocations})
    assert run.resumes == (400,)
    assert run.warned_at == (9,)
    assert run.nimg == 1200


def test_scores_are_those_of_the_file(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run")
    make_evaluation(directory, {FCD: (4.0, 6.0)}, per_class={"cat": {FCD: 7.0}})
    scores = gather_run(directory, {}).scores
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
    run = gather_run(directory, {}, ["before"])
    assert run.missing[0] == "before"
    assert len(run.missing) == 2
    assert file in run.missing[1]


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run"):
        gather_run(tmp_path, {})
    (tmp_path / "config.yaml").write_text("[1, 2]")
    with pytest.raises(RunError, match="no configuration of a training"):
        gather_run(tmp_path, {})
