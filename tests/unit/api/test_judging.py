"""The judge of a run: one for all seeds of a directory, and none is trained again that is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from acgan.api import judging
from acgan.config import RunConfig
from acgan.report.commands import evaluate_command, judge_of, needs_judge
from acgan.report.gather import KnownRun


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunConfig:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(judging, "load_generator", lambda _: SimpleNamespace(class_names=("cat", "dog")))
    monkeypatch.setattr(judging, "extractor_at_hand", lambda *_: None)
    return RunConfig.model_validate({"data": {"source": "my pets"}})


def test_seeds_have_one_judge_and_are_scored_together(config: RunConfig) -> None:
    found = [
        judging.judging_commands(Path("runs/pets") / seed, config, Path("runs/pets"))
        for seed in ("seed0", "seed1")
    ]
    assert found[0] == found[1]
    assert "--data 'my pets' --run-dir runs/pets-judge" in found[0][0]
    assert found[0][1] == "acgan evaluate runs/pets --extractor runs/pets-judge"
    assert judge_of(Path("seed3")) == "judge"
    assert judge_of(Path("runs/seeded")) == "runs/seeded-judge"


def test_a_judge_that_is_there_is_named(config: RunConfig) -> None:
    Path("runs/pets-judge").mkdir(parents=True)
    Path("runs/pets-judge/classifier.safetensors").write_bytes(b"")
    assert judging.judging_commands(Path("runs/pets"), config) == [
        "acgan evaluate runs/pets --extractor runs/pets-judge"
    ]


def test_reports_name_the_judge_that_is_there() -> None:
    run = KnownRun(Path("runs/pets/seed0"), {"train": {}}, (), {}, None, extractor_at_hand=False)
    assert needs_judge(run)
    there = replace(run, judge_at_hand=True)
    assert not needs_judge(there)
    for one in (run, there):
        assert evaluate_command(one) == "acgan evaluate runs/pets/seed0 --extractor runs/pets-judge"
    assert evaluate_command(replace(there, extractor_at_hand=True)) == "acgan evaluate runs/pets/seed0"
