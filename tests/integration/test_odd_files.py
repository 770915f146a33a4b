"""Commands that meet a pipe, or a device: they say so at once, and wait for nobody to write into it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fid_cli_helpers import pictures
from run_helpers import acgan, train_args

SMALL = {
    "data.source": "digits",
    "data.resolution": 16,
    "data.channels": 3,
    "monitor.num_per_class": 0,
    "train.total_nimg": 16,
}


@pytest.fixture
def folder(workdir: Path) -> Path:
    """Two classes, and a pipe with the name of a picture."""
    for number, name in enumerate(("cats", "dogs")):
        pictures(workdir / "set" / name, 70, seed=number)
    os.mkfifo(workdir / "set" / "cats" / "x.png")
    os.mkfifo(workdir / "pipe")
    return workdir / "set"


@pytest.mark.parametrize(
    "command",
    [
        ["train", "--data", "set", "--dry-run"],
        ["data", "show", "set"],
        ["fid", "set", "set/dogs", "--extractor", "cifar10_jpg"],
    ],
)
def test_a_pipe_among_pictures_stops_the_command(folder: Path, command: list[str]) -> None:
    result = acgan(*command)
    assert result.exit_code == 1, result.output
    assert "set/cats/x.png cannot be decoded: it is a pipe, not a file." in result.stderr


def test_a_pipe_among_pictures_is_passed_over_as_broken_images_are(folder: Path) -> None:
    result = acgan(*train_args("run", SMALL, "--data", "set", "--set", "data.on_error=skip"))
    assert result.exit_code == 0, result.output
    assert "skipped set/cats/x.png: it is a pipe, not a file" in result.stdout
    fid = ["fid", "set", "set/dogs", "--extractor", "cifar10_jpg", "--on-error", "skip"]
    result = acgan(*fid)
    assert result.exit_code == 0, result.output
    assert "set/cats/x.png" in result.output


@pytest.mark.parametrize(
    "command",
    [
        ["train", "pipe", "--dry-run"],
        ["train", "/dev/zero", "--dry-run"],
        ["classify", "train", "pipe"],
        ["config", "pipe"],
        ["sweep", "pipe", "--out", "out"],
        ["train", "--data", "pipe"],
        ["train", "--init-from", "pipe"],
        ["data", "show", "/dev/zero"],
        ["fid", "pipe", "digits", "--extractor", "digits"],
        ["fid", "digits", "digits", "--extractor", "pipe"],
        ["sample", "pipe", "--class", "0", "--out", "out.png"],
        ["evaluate", "pipe"],
        ["evaluate", "pipe", "--data", "digits"],
        ["compare", "/dev/zero", "pipe"],
        ["classify", "predict", "pipe", "set"],
        ["classify", "evaluate", "pipe"],
    ],
    ids=" ".join,
)
def test_what_is_given_as_a_file_must_be_one(folder: Path, command: list[str]) -> None:
    result = acgan(*command)
    assert result.exit_code in (1, 2), result.output
    kind, where = ("a device", "/dev/zero") if "/dev/zero" in command else ("a pipe", "pipe")
    assert f"{where}: is {kind}" in result.stderr or f"{where} is {kind}" in result.stderr, result.stderr
