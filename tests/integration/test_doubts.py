"""Doubts about the data: told by every command that reads them, on standard error, also if it is to be quiet."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from run_helpers import acgan, classified, classify_args, train_args, trained

from acgan.assembly import images, to_score
from acgan.types import Dataset

SHORT: dict[str, Any] = {"train.total_nimg": 32, "monitor.num_per_class": 0}
DOUBT = "one picture is in two classes"


@pytest.fixture
def doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every source has a doubt."""
    _doubt(monkeypatch, DOUBT)


def _doubt(monkeypatch: pytest.MonkeyPatch, *doubts: str) -> None:
    load = images.load_dataset

    def loaded(*arguments: Any) -> Dataset:
        return replace(load(*arguments), warnings=doubts)

    for module in (images, to_score, importlib.import_module("acgan.api.fid")):
        monkeypatch.setattr(module, "load_dataset", loaded)


@pytest.mark.parametrize("arguments", [["--quiet"], ["--dry-run", "--quiet"], []])
@pytest.mark.parametrize("make", [train_args, classify_args])
def test_a_training_tells_them(make: Any, arguments: list[str], workdir: Path, doubted: None) -> None:
    changes = SHORT if make is train_args else {"train.total_nimg": 32}
    result = acgan(*make("run", changes, *arguments))
    assert result.exit_code == 0, result.output
    assert result.stderr == f"warning: {DOUBT}\n"
    assert ("class  train  test" in result.stdout) == ("--quiet" not in arguments)
    if "--quiet" in arguments:
        assert result.stdout == ""


def test_a_resumed_training_tells_them_and_the_classes_again(workdir: Path, doubted: None) -> None:
    for total in (32, 64):
        result = acgan(*train_args("run", {**SHORT, "train.total_nimg": total}))
        assert result.exit_code == 0, result.output
        assert result.stderr == f"warning: {DOUBT}\n"
        assert result.stdout.count("class  train  test") == 1


def test_evaluations_tell_them(workdir: Path, doubted: None) -> None:
    options = ("--metrics", "frechet", "--extractor", "digits", "-n", "20", "--quiet")
    result = acgan("evaluate", str(trained(workdir / "gan", SHORT)), *options)
    assert result.exit_code == 0, result.output
    assert (result.stdout, result.stderr) == ("", f"warning: {DOUBT}\n")
    result = acgan("classify", "evaluate", str(classified(workdir / "run", {"train.total_nimg": 32})))
    assert result.exit_code == 0, result.output
    assert result.stderr == f"warning: {DOUBT}\n"


def test_an_evaluation_counts_several_that_the_training_told(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _doubt(monkeypatch, DOUBT, "two classes have nearly the same name")
    options = ("--metrics", "frechet", "--extractor", "digits", "-n", "20", "--quiet")
    gan = str(trained(workdir / "gan", SHORT | {"data.on_error": "skip"}))
    result = acgan("evaluate", gan, *options)
    assert result.exit_code == 0, result.output
    assert result.stderr == (
        "warning: digits: there are 2 doubts about these images, as at their training; `acgan data show digits --set "
        "data.resolution=16 --set data.channels=1 --set data.on_error=skip` tells them\n"
    )
    other = acgan("evaluate", gan, *options, "--data", "digits")
    assert DOUBT in other.stderr, "of images that are named, all are told"


def test_pictures_that_cannot_be_read_are_told_once(workdir: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (workdir / "pictures" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(256, size=(16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(workdir / "pictures" / name / f"{number}.png")
    (workdir / "pictures" / "cat" / "drawing.svg").write_bytes(b"")
    (workdir / "pictures" / "cat" / "notes.txt").write_text("my cats")
    result = acgan(*train_args("run", {**SHORT, "data.source": "pictures"}))
    assert result.exit_code == 0, result.output
    assert result.output.count(".svg") == 1
    assert "notes.txt" in result.output


def test_a_part_that_is_held_out_for_fid_tells_them(workdir: Path, doubted: None) -> None:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (workdir / "pictures" / name).mkdir(parents=True)
        for number in range(150):
            pixels = rng.integers(256, size=(16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(workdir / "pictures" / name / f"{number}.png")
    options = ("--split", "train", "--resolution", "16", "--extractor", "digits", "--quiet")
    gan = trained(workdir / "gan", SHORT)
    result = acgan("fid", "pictures", str(gan), *options)
    assert result.exit_code == 0, result.output
    assert f"warning: {DOUBT}\n" in result.stderr


def test_a_generator_of_other_images_is_a_doubt(workdir: Path) -> None:
    gan = trained(workdir / "gan", {**SHORT, "data.classes": ["0", "1", "2"]})
    options = ("--synthetic", f"{gan}:2", "--dry-run", "--quiet")
    result = acgan(*classify_args("run", {"train.total_nimg": 32}, *options))
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert f"warning: {gan} was trained on other images than these" in result.stderr


def test_doubts_about_images_that_are_named_are_told_once(workdir: Path, doubted: None) -> None:
    run = str(classified(workdir / "run", {"train.total_nimg": 32}))
    result = acgan("classify", "evaluate", run, "--data", "digits")
    assert result.exit_code == 0, result.output
    assert result.stderr == f"warning: {DOUBT}\n"
