"""The options, outputs and exit codes of ``acgan train``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from run_helpers import (
    TINY,
    Child,
    acgan,
    checkpoints,
    sets,
    train_args,
    tree,
)

from acgan import api
from acgan.types import GENERATED_MARK

SHORT: dict[str, Any] = {"train.total_nimg": 64, "every.log_nimg": 32, "monitor.num_per_class": 0}


# Dry run.


def test_a_dry_run_tells_much_and_writes_nothing(workdir: Path) -> None:
    result = acgan("train", str(TINY), "--dry-run", *sets({"train.total_nimg": 5000}))
    assert result.exit_code == 0, result.output
    assert list(workdir.parent.rglob("*")) == [workdir], "neither here nor in the cache"
    assert "total_nimg: 5000" in result.stdout
    assert "10 classes" in result.stdout
    for word in ("generator", "discriminator", "aux_head", "all", "images/s", "5,000 images", "GiB"):
        assert word in result.stdout, word
    for step in ("discriminator", "generator", "discriminator with penalty"):
        assert f"step of the {step}: " in result.stdout
    assert "runs/tiny" in result.stdout
    printed = yaml.safe_load(result.stdout.split("channels 1 chosen")[0])
    assert printed["model"]["generator"]["max_channels"] == 16


def test_a_dry_run_names_the_directory_it_would_use(workdir: Path) -> None:
    result = acgan("train", str(TINY), "--dry-run", "--run-dir", "elsewhere")
    assert "elsewhere" in result.stdout


def test_a_dry_run_of_a_folder_writes_nothing_outside_the_cache(workdir: Path, folder: Path) -> None:
    before = tree(workdir)
    result = acgan("train", str(TINY), "--dry-run", "--data", str(folder))
    assert result.exit_code == 0, result.output
    assert tree(workdir) == before
    assert "2 classes" in result.stdout


@pytest.fixture
def folder(workdir: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (workdir / "pictures" / name).mkdir(parents=True)
        for index in range(30):
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(workdir / "pictures" / name / f"{index}.png")
    return workdir / "pictures"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"data.resolution": 64, "model.generator.kind": "paper"},
            "model.generator.kind paper serves 32, 128",
        ),
        ({"data.source": "no_such"}, "no_such"),
        ({"model.discriminator.kind": "dcgan"}, "BatchNorm"),
        ({"optim.generator.lr": 1e30, "optim.discriminator.lr": 1e30}, "not finite"),
    ],
)
def test_a_dry_run_refuses_what_a_training_would(
    changes: dict[str, Any], message: str, workdir: Path
) -> None:
    result = acgan("train", str(TINY), "--dry-run", *sets(changes))
    assert result.exit_code in (1, 3), result.output
    assert message in result.stderr
    assert list(workdir.iterdir()) == []


VALIDATION = {"data.validation_share": 0.1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "no score during training: data.validation_share is 0"),
        ({**VALIDATION, "evaluate.extractor": None}, "no score during training: evaluate.extractor is null"),
        ({"evaluate.extractor": "digits"}, "no score during training, so no best generator: found 0"),
        (VALIDATION, "by the features of digits@738debee"),
        ({**VALIDATION, "evaluate.extractor": "mnist"}, "by the features of mnist@"),
        ({**VALIDATION, "evaluate.extractor": "inception"}, "not here and would be fetched"),
    ],
)
def test_a_dry_run_tells_what_scores(
    changes: dict[str, Any], message: str, workdir: Path, nothing_at_hand: None
) -> None:
    result = acgan("train", str(TINY), "--dry-run", *sets(changes))
    assert result.exit_code == 0, result.output
    assert message in result.stdout
    assert list(workdir.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_an_extractor_that_is_not_there_is_refused_in_a_dry_run_as_well(
    arguments: list[str], workdir: Path
) -> None:
    changes = {**VALIDATION, "evaluate.extractor": "nonsense", "train.patience_nimg": 1000}
    result = acgan("train", str(TINY), *sets(changes), *arguments)
    assert result.exit_code == 1
    assert "evaluate.extractor nonsense: no such extractor" in result.stderr
    assert not tree(workdir)


@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_patience_without_a_score_is_refused_in_a_dry_run_as_well(
    arguments: list[str], workdir: Path, folder: Path, nothing_at_hand: None
) -> None:
    changes = {**VALIDATION, "train.patience_nimg": 1000}
    result = acgan("train", str(TINY), "--data", str(folder), *sets(changes), *arguments)
    assert result.exit_code == 1
    assert "train.patience_nimg goes by a score, and there is none: no classifier is shipped" in result.stderr


# What is said.


def test_lines_in_a_pipe(workdir: Path) -> None:
    result = acgan("train", str(TINY), *sets(SHORT))
    assert result.exit_code == 0
    ticks = [line for line in result.stdout.splitlines() if "images  D " in line]
    assert len(ticks) == 2
    for part in ("32 / 64 images", " G ", "class D", "accuracy real", "images/s", "ETA"):
        assert part in ticks[0], part
    assert "\x1b" not in result.stdout
    assert "10 classes" in result.stdout
    assert "runs/tiny: 64 images shown (done)" in result.stdout
    assert "runs/tiny/samples/000000064.png" in result.stdout
    assert "acgan sample runs/tiny" in result.stdout
    assert result.stderr == ""


def test_a_real_process_says_the_same_and_nothing_on_stderr(workdir: Path) -> None:
    child = Child(train_args("run", SHORT), workdir / "log")
    assert child.wait() == 0
    assert len([line for line in child.stdout.splitlines() if "images  D " in line]) == 2
    assert child.stderr == ""


def test_quiet_prints_nothing(workdir: Path) -> None:
    child = Child(train_args("run", SHORT, "--quiet"), workdir / "log")
    assert child.wait() == 0
    assert (child.stdout, child.stderr) == ("", "")
    assert checkpoints(workdir / "run") == [64]


def test_what_is_left_behind(workdir: Path) -> None:
    acgan("train", str(TINY), *sets({"train.total_nimg": 320}))
    names = [name for name in tree(workdir / "runs" / "tiny") if "tfevents" not in name]
    assert names == [
        ".lock",
        "checkpoints/240.pt",
        "checkpoints/240.pt.sha256",
        "checkpoints/320.pt",
        "checkpoints/320.pt.sha256",
        "config.yaml",
        "data.json",
        "generator.safetensors",
        "samples/000000160.png",
        "samples/000000320.png",
        "stats.jsonl",
    ]
    with Image.open(workdir / "runs" / "tiny" / "samples" / "000000160.png") as grid:
        assert json.loads(grid.text[GENERATED_MARK]) == {"grid of": "generator.safetensors", "nimg": 160}


# Usage.


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "--no-such-option"], 2, "No such option"),
        (["train", "digits", "mnist"], 2, "unexpected extra argument"),
        (["trian"], 2, "Did you mean 'train'?"),
        (["train", "--max-time", "soon"], 2, "'soon' is not a duration"),
        (["train", "--max-time", "10 parsecs"], 2, "not a duration"),
        (["train", "--max-time", "-5"], 2, "not a duration"),
        (["train", "--seeds", "a,b"], 2, "'a,b'"),
        (["train", "--seeds", "1,1"], 2, "different numbers"),
        (["train", "--seeds", "-1"], 2, "from 0 up"),
        (["train", "--seeds", ""], 2, "whole numbers"),
        (["train", "--device", "tpu"], 2, "tpu"),
        (["train", "digitz"], 1, "Did you mean 'digits'?"),
        (["train", "no/such.yaml"], 1, "no/such.yaml"),
        (["train", "--set", "train.bath_size=3"], 1, "Did you mean 'batch_size'"),
        (["train", "--set", "train.batch_size=zero"], 1, "train.batch_size: found 'zero'"),
        (["train", "--set", "train.batch_size"], 1, "expected KEY=VALUE"),
        (["train", "--set", "data.source=[1"], 1, "not valid YAML"),
        (["train", "--set", "train=5"], 1, "train"),
        (["train", "--set", "train.batch_size.x=5"], 1, "train.batch_size"),
        (["train", "--set", "model.generator.kind=vqgan"], 1, "vqgan"),
        (["train", "--set", "train.micro_batch=7"], 1, "does not divide"),
        (["train", "--set", "loss.adversarial.kind=wgan_gp"], 1, "gradient_penalty"),
        (["train", "--data", "no_such_folder"], 1, "no_such_folder"),
        (["train", "--data", "digit"], 1, "Did you mean 'digits'?"),
        (["train", "--init-from", "no_such_run"], 1, "no_such_run"),
        (["train", "--set", "optim.generator.lr=.inf"], 1, "optim.generator.lr"),
        (["train", "--set", "seed=99999999999999999999999"], 1, "seed"),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, list) else "",
)
def test_mistakes(arguments: list[str], code: int, message: str, workdir: Path) -> None:
    result = acgan(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert tree(workdir) == {}, "a mistake leaves nothing behind"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "acgan", "config"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before anything is written
    assert (process.stderr.read(), process.wait()) == ("", 0)


def test_a_config_file_with_a_wrong_key_is_named(workdir: Path) -> None:
    Path("mine.yaml").write_text("train: {totl_nimg: 3}")
    result = acgan("train", "mine.yaml")
    assert result.exit_code == 1
    assert "mine.yaml: unknown key train.totl_nimg. Did you mean 'total_nimg'" in result.stderr


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2.5", 2.5)])
def test_durations(text: str, seconds: float, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    class Stop(Exception):
        pass

    def train(*args: object, **keywords: Any) -> None:
        given.update(keywords)
        raise Stop

    monkeypatch.setattr(api, "train", train)
    acgan("train", "--max-time", text)
    assert seconds - 60 < given["max_time_sec"] <= seconds  # what is left when the run begins


@pytest.mark.parametrize("text", ["1h30", "5m3", "1d", ""])
def test_a_duration_without_its_unit_is_refused(text: str, workdir: Path) -> None:
    result = acgan("train", "--max-time", text)
    assert result.exit_code == 2
    assert f"{text!r} is not a duration; expected e.g. 90s" in result.stderr
