"""The options, outputs and exit codes of ``acgan train``."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from run_helpers import (
    TINY,
    Child,
    acgan,
    checkpoints,
    digits_npz,
    sets,
    train_args,
    tree,
)

from acgan import api
from acgan.marks import GENERATED_MARK

SHORT: dict[str, Any] = {"train.total_nimg": 64, "every.log_nimg": 32, "monitor.num_per_class": 0}


# What is said.


def test_lines_in_a_pipe(workdir: Path) -> None:
    result = acgan("train", str(TINY), *sets(SHORT))
    assert result.exit_code == 0
    ticks = [line for line in result.stdout.splitlines() if " images  " in line]
    assert len(ticks) == 2
    for part in (
        "32 / 64 images",
        "loss D ",
        ", G ",
        "class loss D",
        "right class real",
        "images/s",
        " left",
    ):
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
    assert len([line for line in child.stdout.splitlines() if " images  " in line]) == 2
    assert child.stderr == ""


def test_a_finished_run_says_so_under_its_own_name_and_how_it_goes_on(workdir: Path) -> None:
    described = {**SHORT, "description": "tiny digits"}
    first = acgan("train", str(TINY), *sets(described))
    assert "tiny: tiny digits" in first.stdout
    again = acgan("train", "runs/tiny")
    assert again.exit_code == 0, again.output
    assert "tiny: tiny digits" in again.stdout
    assert "config:" not in again.stdout
    assert "runs/tiny: already done, 64 images shown in " in again.stdout
    assert "`--set train.total_nimg=…` with a larger number goes on" in again.stdout
    for absent in ("going on", "images/s this time"):
        assert absent not in again.stdout


def test_the_end_says_how_to_judge_the_images(workdir: Path) -> None:
    """By a classifier that comes with acgan, or by one of the same images, read as the training read them."""
    digits_npz(workdir / "my digits.npz", {"3": 12, "7": 12}, {"3": 6, "7": 6})
    data = {"data.source": "my digits.npz", "data.on_error": "skip", "data.classes": ["3", "7"]}
    output = acgan("train", str(TINY), "--run-dir", "run", *sets({**SHORT, **data})).stdout
    lines = [line.strip() for line in output.splitlines() if line.startswith("  acgan ")]
    judge, evaluate = (shlex.split(line)[1:] for line in lines)
    assert judge[:6] == ["classify", "train", "--data", "my digits.npz", "--run-dir", "run-judge"]
    assert evaluate == ["evaluate", "run", "--extractor", "run-judge"]
    assert {"data.on_error=skip", "data.classes=['3', '7']", "data.resolution=16"} <= set(judge)
    assert acgan(*judge, *sets({"train.epochs": 1})).exit_code == 0
    assert acgan(*evaluate, "--metrics", "accuracy").exit_code == 0
    shipped = acgan("train", str(TINY), *sets(SHORT)).stdout
    assert "How good they are, class by class: acgan evaluate runs/tiny" in shipped


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
        "provenance.json",
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
        (["train", "--set", "train.bath_size=3"], 1, "Did you mean 'train.batch_size'"),
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
    assert "mine.yaml: line 1: unknown key train.totl_nimg. Did you mean 'train.total_nimg'" in result.stderr


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
