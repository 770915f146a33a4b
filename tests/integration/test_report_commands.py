"""Commands that reports print: each can be typed as it stands, and those that are quick are run."""

from __future__ import annotations

import re
import shlex
from html import unescape
from pathlib import Path
from typing import Any

import click
import pytest
from evaluate_helpers import evaluate, write_images
from report_helpers import ReadReport
from run_helpers import acgan, classified, trained

from acgan.cli import main

_SHORT = {"train.total_nimg": 32, "every.evaluate_nimg": 32}


def _commands(file: Path) -> list[str]:
    """Commands of a report, those in sentences too; mentions of a command without its run are none."""
    assert acgan("report", str(file.parent)).exit_code == 0
    codes = re.findall(r"<code[^>]*>(.*?)</code>", file.read_text(encoding="utf-8"), re.DOTALL)
    texts = [unescape(re.sub(r"<[^>]*>", "", code)).strip() for code in codes]
    return list(dict.fromkeys(text for text in texts if re.match(r"acgan (\w+ )+.*/", text)))


def _check(text: str) -> None:
    """Let click parse a command and make its own checks, without running it."""
    words = shlex.split(text)[1:]
    context, command = main.make_context("acgan", words), main
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, found, words = command.resolve_command(context, rest)
        assert found is not None
        command, context = found, found.make_context(name, words, parent=context)


def _typed(text: str, *more: str) -> None:
    result = acgan(*shlex.split(text)[1:], *more)
    assert result.exit_code == 0, f"{text}\n{result.output}"


@pytest.fixture
def folder_run(workdir: Path, nothing_at_hand: None) -> Path:
    """A run of a folder with a broken picture, for which no extractor is at hand."""
    write_images(Path("my photos"), {"cat": 30, "dog": 30})
    Path("my photos", "cat", "broken.png").write_bytes(b"no picture")
    changes = {"data.source": "my photos", "data.on_error": "skip", "evaluate.extractor": None}
    return trained(Path("runs/photos"), {**_SHORT, **changes})


def test_of_a_folder(folder_run: Path) -> None:
    before = _commands(folder_run / "report.html")
    told = ReadReport(folder_run / "report.html").sections["data"]
    assert told.count("1 image could not be decoded") == 1
    assert told.count("skipped my photos/cat/broken.png: ") == 1
    judge = "acgan classify train --data 'my photos' --run-dir runs/photos-judge"
    judge = next(text for text in before if text.startswith(judge))
    assert "--set data.on_error=skip" in judge
    score = f"acgan evaluate {folder_run} --extractor runs/photos-judge"
    assert score in before
    assert f"acgan evaluate {folder_run}" not in before
    for text in before:
        _check(text)
    _typed(judge, "--dry-run", "--epochs", "1")
    _typed(judge, "--epochs", "1", "--set", "train.batch_size=16", "--set", "train.threads=1")
    _typed(score)

    after = _commands(folder_run / "report.html")
    several = f"{score} --repeats 5"
    assert several in after
    for text in after:
        _check(text)
    _typed(several, "-n", "40", "--metrics", "kid")


def test_of_digits(workdir: Path, nothing_at_hand: None) -> None:
    run = trained(Path("runs/digits"), _SHORT)
    for text in _commands(run / "report.html"):
        _check(text)
    assert evaluate(run, "-n", "100").exit_code == 0
    found = _commands(run / "report.html")
    assert f"acgan evaluate {run} --repeats 5" in found  # the shipped classifier is found again
    for text in found:
        _check(text)


def test_of_a_classifier(workdir: Path, nothing_at_hand: None) -> None:
    run = classified(Path("runs/my classifier"), {"train.total_nimg": 32})
    found = _commands(run / "report.html")
    assert "acgan classify predict 'runs/my classifier' IMAGE..." in found
    for text in found:
        _check(text)


def test_what_a_training_began_with_is_told(workdir: Path, nothing_at_hand: None) -> None:
    first = trained(Path("runs/digits"), _SHORT)
    backbone: dict[str, Any] = {
        "model.backbone": {"kind": "discriminator", "run": str(first)},
        "model.aux": None,
    }
    then = classified(Path("runs/judge"), {**backbone, "train.total_nimg": 32})
    anew = trained(Path("runs/anew"), _SHORT, "--init-from", str(first))
    told = {}
    for run in (first, then, anew):
        assert acgan("report", str(run)).exit_code == 0
        told[run] = ReadReport(run / "report.html").sections["provenance"]
    assert "started from" not in told[first]
    assert re.search(r"started from\s*the discriminator of digits", told[then])
    assert re.search(r"started from\s*the weights of digits \(trained on digits", told[anew])
