"""The judge of a run: one for all seeds of a directory, and none is trained again that is there."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_runs import make_run

from acgan.api import judging
from acgan.config import RunConfig
from acgan.errors import RunError
from acgan.report.commands import evaluate_command, judge_of, needs_judge
from acgan.report.gather import KnownRun
from acgan.results import find_variants
from acgan.weights import CLASSIFIER_FILE, ClassifierInfo, build_classifier


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunConfig:
    monkeypatch.chdir(tmp_path)
    info = SimpleNamespace(class_names=("cat", "dog"))
    monkeypatch.setattr(
        judging, "GENERATOR_FILE", SimpleNamespace(find=lambda run: run, read_info=lambda _: info)
    )
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


def make_judge(class_names: tuple[str, ...], nimg: int) -> None:
    """A classifier whose training is of 2 epochs of 50 images, in batches of 10."""
    judge = Path("runs/pets-judge")
    judge.mkdir(parents=True, exist_ok=True)
    architecture = {
        "backbone": {"kind": "small", "image_channels": 3, "resolution": 16, "channels": 2},
        "num_classes": len(class_names),
        "image_size": 16,
    }
    info = ClassifierInfo(architecture, class_names, 3, 16, provenance={"nimg": nimg})
    CLASSIFIER_FILE.save(judge / "classifier.safetensors", build_classifier(architecture), info)
    (judge / "config.yaml").write_text("task: classify\ntrain: {epochs: 2, batch_size: 10}\n")
    counts = {"train": dict.fromkeys(class_names, 50 // len(class_names))}
    data = {"name": "pets", "images": counts, "resolution": 16, "fingerprint": "0123"}
    provenance = {"recipe": None, "seed": 0, "data": data, "parameters": {}, "flops": {}, "invocations": []}
    (judge / "provenance.json").write_text(json.dumps(provenance))


SCORE = "acgan evaluate runs/pets --extractor runs/pets-judge"


def test_a_judge_that_is_there_is_named(config: RunConfig) -> None:
    make_judge(("cat", "dog"), 100)
    assert judging.judging_commands(Path("runs/pets"), config) == [SCORE]
    Path("runs/pets-judge/provenance.json").unlink()
    assert judging.judging_commands(Path("runs/pets"), config) == [SCORE], "nothing tells its length"


def test_a_judge_that_was_stopped_is_gone_on_with_first(config: RunConfig) -> None:
    make_judge(("cat", "dog"), 90)
    first = "acgan classify train runs/pets-judge"
    assert judging.judging_commands(Path("runs/pets"), config) == [first, SCORE]
    assert not judging.is_judge("runs/pets-judge", ["cat"])


@pytest.mark.parametrize("kind", ["other classes", "damaged"])
def test_what_is_no_judge_of_these_images_is_moved_aside(config: RunConfig, kind: str) -> None:
    make_judge(("cat", "dog") if kind == "damaged" else ("cat", "bird"), 100)
    if kind == "damaged":
        Path("runs/pets-judge/classifier.safetensors").write_bytes(b"")
    first = "acgan classify train --data 'my pets' --run-dir runs/pets-judge --fresh"
    assert judging.judging_commands(Path("runs/pets"), config) == [first, SCORE]
    assert not judging.is_judge("runs/pets-judge", ["cat", "dog"])


def test_reports_name_the_judge_that_is_there() -> None:
    run = KnownRun(Path("runs/pets/seed0"), {"train": {}}, (), {}, None, extractor_at_hand=False)
    assert needs_judge(run)
    there = replace(run, judge_at_hand=True)
    assert not needs_judge(there)
    for one in (run, there):
        assert evaluate_command(one) == "acgan evaluate runs/pets/seed0 --extractor runs/pets-judge"
    assert evaluate_command(replace(there, extractor_at_hand=True)) == "acgan evaluate runs/pets/seed0"


def test_runs_without_scores_say_the_way_to_them(config: RunConfig) -> None:
    for seed in (0, 1):
        make_run(Path(f"my runs/pets/seed{seed}"), seed=seed)
    both = judging.scoring_way(Path("my runs/pets"))
    assert both == "`acgan evaluate 'my runs/pets'`"  # their configuration cannot be read
    for seed in (0, 1):
        Path(f"my runs/pets/seed{seed}/config.yaml").write_text(f"seed: {seed}\ndata: {{source: my pets}}\n")
    way = (
        "`acgan classify train --data 'my pets' --run-dir 'my runs/pets-judge'`, and then `acgan evaluate 'my "
        "runs/pets' --extractor 'my runs/pets-judge'`"
    )
    assert judging.scoring_way(Path("my runs/pets")) == way
    with pytest.raises(RunError, match=re.escape(f"expected scores of a generator. {way} makes them.")):
        judging.check_scored(Path("my runs/pets"))
    alone = judging.scoring_way(Path("my runs/pets/seed1"))
    assert alone.endswith("`acgan evaluate 'my runs/pets/seed1' --extractor 'my runs/pets-judge'`")


def test_seeds_without_scores_are_told_once(tmp_path: Path) -> None:
    for seed in (0, 1):
        make_run(tmp_path / f"seed{seed}", seed=seed)
    with pytest.raises(RunError) as error:
        find_variants([tmp_path], way=lambda found: f"`score {found}`")
    both = f"{tmp_path / 'seed0'}, {tmp_path / 'seed1'}"
    assert str(error.value) == f"no run with scores: {both}: no scores; `score {tmp_path}` makes them."
