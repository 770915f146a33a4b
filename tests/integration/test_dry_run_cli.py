"""A dry run: what it tells is what a training finds, from the data to the directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from filelock import FileLock
from PIL import Image
from run_helpers import (
    TINY,
    acgan,
    acgan_train,
    checkpoints,
    classify_args,
    sets,
    train_args,
    trained,
    tree,
)

from acgan.cli import dry_run
from acgan.data.decoding import decode

SHORT: dict[str, Any] = {"train.total_nimg": 64, "every.log_nimg": 32, "monitor.num_per_class": 0}
VALIDATION = {"data.validation_share": 0.1}
COUNTS = {"a": 400, "b": 140, "c": 43}


def test_it_tells_much_and_writes_nothing(workdir: Path) -> None:
    result = acgan("train", str(TINY), "--dry-run", *sets({"train.total_nimg": 5000}))
    assert result.exit_code == 0, result.output
    assert list(workdir.parent.rglob("*")) == [workdir], "neither here nor in the cache"
    lines = result.stdout.splitlines()
    assert lines[0] == "read as built-in: digits come with scikit-learn"
    assert lines[1] == "digits: 1,528 training images, 10 classes, gray, 16 px"
    assert lines[2].split() == ["class", "train", "test"]
    assert lines[13].split() == ["all", "1,528", "269"]
    for word in ("generator", "discriminator", "aux_head", "all", "images/s", "5,000 images", "GiB"):
        assert word in result.stdout, word
    (memory,) = (line for line in lines if line.startswith("memory needed: about "))
    for part in (
        "networks with Adam",
        "numbers of a batch",
        "a step",
        "the packed images, in memory or on disk",
    ):
        assert part in memory
    for step in ("discriminator", "generator", "discriminator with penalty"):
        assert f"step of the {step}: " in result.stdout
    assert "would train in runs/tiny (" in lines[-1]


def test_the_time_that_a_training_may_take_is_told(workdir: Path) -> None:
    long = ("train", str(TINY), "--dry-run", *sets({"train.total_nimg": 100_000_000}))
    assert "; --max-time stops it after 8 min, " in acgan(*long, "--max-time", "8m").stdout
    assert "--max-time" not in acgan(*long).stdout


def test_the_configuration_is_printed_on_demand(workdir: Path) -> None:
    assert "total_nimg" not in acgan("train", str(TINY), "--dry-run").stdout
    result = acgan("train", str(TINY), "--print-config", *sets({"train.total_nimg": 5000}))
    assert result.exit_code == 0, result.output
    printed = yaml.safe_load(result.stdout)
    assert printed["train"]["total_nimg"] == 5000
    assert printed["model"]["generator"]["max_channels"] == 16
    assert tree(workdir) == {}


def test_it_says_nothing_but_warnings_if_quiet(workdir: Path) -> None:
    result = acgan("train", str(TINY), "--dry-run", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_it_names_the_directory_it_would_use(workdir: Path) -> None:
    result = acgan("train", str(TINY), "--dry-run", "--run-dir", "elsewhere")
    assert "elsewhere" in result.stdout


# Data.


@pytest.fixture
def folder(workdir: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, count in COUNTS.items():
        (workdir / "pictures" / name).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(workdir / "pictures" / name / f"{index}.png", compress_level=0)
    return workdir / "pictures"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of images of each call that decodes."""
    calls: list[int] = []
    real: Callable[..., Any] = decode.decode_rows

    def counting(reader: Any, rows: np.ndarray, *args: Any, **keywords: Any) -> Any:
        calls.append(len(rows))
        return real(reader, rows, *args, **keywords)

    monkeypatch.setattr("acgan.data.pack.decode_rows", counting)
    return calls


def class_rows(stdout: str) -> list[list[str]]:
    """The table of three classes, cell by cell."""
    lines = stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("class "))
    return [line.split() for line in lines[first : first + 5]]


def test_every_image_is_decoded_and_counted_and_the_training_decodes_none(
    folder: Path, decoded: list[int], workdir: Path
) -> None:
    before = tree(workdir)
    options = ("--data", str(folder), *sets({**SHORT, **VALIDATION}))
    rehearsal = acgan("train", str(TINY), "--dry-run", *options)
    assert rehearsal.exit_code == 0, rehearsal.output
    assert tree(workdir) == before
    assert decoded == [sum(COUNTS.values())]
    rows = class_rows(rehearsal.stdout)
    assert rows[0] == ["class", "train", "validation", "test"]
    counts = {name: [int(number) for number in numbers] for name, *numbers in rows[1:]}
    assert {name: sum(numbers) for name, numbers in counts.items()} == {**COUNTS, "all": 583}
    training = acgan("train", str(TINY), *options)
    assert training.exit_code == 0, training.output
    assert decoded == [sum(COUNTS.values())]
    assert class_rows(training.stdout) == rows


@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_one_broken_image_stops_it_as_it_stops_a_training(
    folder: Path, arguments: list[str], workdir: Path
) -> None:
    (folder / "a" / "399.png").write_bytes(b"broken")
    result = acgan("train", str(TINY), "--data", str(folder), *arguments)
    assert result.exit_code == 1
    assert "399.png cannot be decoded" in result.stderr
    assert not (workdir / "runs").exists() or not tree(workdir / "runs")


def test_it_tells_the_length_of_a_classifiers_training(folder: Path) -> None:
    changes = {"train.total_nimg": None, "train.epochs": 3.0, "data.max_per_class": 40}
    arguments = classify_args("run", changes, "--data", str(folder), "--dry-run", "--seeds", "0,1")
    result = acgan(*arguments)
    assert result.exit_code == 0, result.output
    # 40, 40 and 37 of 43 images, three times, in batches of 16.
    assert "for 352 images a run and " in result.stdout
    assert " for all 2;" in result.stdout


# Generated images.


def test_generated_images_are_counted_and_none_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gan = trained(tmp_path / "gan", {"train.total_nimg": 32, "monitor.num_per_class": 0})

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("drawn")

    monkeypatch.setattr("acgan.sampling.ClassSampler.stream", refuse)
    result = acgan(*classify_args(tmp_path / "run", {}, "--synthetic", f"{gan}:5", "--dry-run"))
    assert result.exit_code == 0, result.output
    assert f"50 generated images of {gan} are added to 1,528 real ones" in result.stdout
    assert "for 160 images a run" in result.stdout
    assert "for all 2;" in result.stdout, "with generated images, and without"


@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_a_generator_that_does_not_fit_is_refused(arguments: list[str], tmp_path: Path) -> None:
    gan = trained(tmp_path / "gan", {"train.total_nimg": 32, "monitor.num_per_class": 0})
    changes = {"data.resolution": 32}
    result = acgan(*classify_args(tmp_path / "run", changes, "--synthetic", f"{gan}:5", *arguments))
    assert result.exit_code == 1
    assert "makes images of 1 x 16 x 16" in result.stderr


# Refusals.


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
def test_it_refuses_what_a_training_would(changes: dict[str, Any], message: str, workdir: Path) -> None:
    result = acgan("train", str(TINY), "--dry-run", *sets(changes))
    assert result.exit_code in (1, 3), result.output
    assert message in result.stderr
    assert list(workdir.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "no score during training, since data.validation_share is 0: there will be no best generator"),
        (
            {**VALIDATION, "evaluate.extractor": None},
            "no score during training, since evaluate.extractor is null",
        ),
        ({"evaluate.extractor": "digits"}, "no score during training, so no best generator: found 0"),
        ({"data.validation_share": 1e-9, "data.classes": ["0"]}, "so no best generator: found 1 validation"),
        (VALIDATION, "by the features of digits@738debee"),
        ({**VALIDATION, "evaluate.extractor": "mnist"}, "by the features of mnist@"),
        ({**VALIDATION, "evaluate.extractor": "inception"}, "not here and would be fetched"),
    ],
)
def test_it_tells_what_scores(
    changes: dict[str, Any], message: str, workdir: Path, nothing_at_hand: None
) -> None:
    result = acgan("train", str(TINY), "--dry-run", *sets(changes))
    assert result.exit_code == 0, result.output
    assert message in result.stdout
    assert list(workdir.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_an_extractor_that_is_not_there_is_refused_as_well(arguments: list[str], workdir: Path) -> None:
    changes = {**VALIDATION, "evaluate.extractor": "nonsense", "train.patience_nimg": 1000}
    result = acgan("train", str(TINY), *sets(changes), *arguments)
    assert result.exit_code == 1
    assert "evaluate.extractor nonsense: no such extractor" in result.stderr
    assert not tree(workdir)


@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_patience_without_a_score_is_refused_as_well(
    arguments: list[str], workdir: Path, folder: Path, nothing_at_hand: None
) -> None:
    changes = {**VALIDATION, "train.patience_nimg": 1000}
    result = acgan("train", str(TINY), "--data", str(folder), *sets(changes), *arguments)
    assert result.exit_code == 1
    assert "train.patience_nimg goes by a score, and there is none: no classifier is shipped" in result.stderr


# Beside a run.


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that stopped after 64 of 320 images."""
    assert acgan_train(tmp_path / "run", {**SHORT, "train.total_nimg": 64}).exit_code == 0
    assert checkpoints(tmp_path / "run") == [64]
    return tmp_path / "run"


def test_it_says_where_a_run_would_go_on(run: Path) -> None:
    before = tree(run)
    result = acgan_train(run, {**SHORT, "train.total_nimg": 320}, "--dry-run")
    assert result.exit_code == 0, result.output
    assert f"{run}: the training would go on from 64 of 320 images" in result.stdout
    assert f"would train in {run} (" in result.stdout.splitlines()[-1]
    assert tree(run) == before


def test_it_works_while_another_process_trains(run: Path) -> None:
    with FileLock(run / ".lock"):
        result = acgan_train(run, {**SHORT, "train.total_nimg": 320}, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "another process is training there now; after it the training would go on from 64" in result.stdout


def test_another_configuration_is_rehearsed_and_refused_at_the_end(run: Path) -> None:
    before = tree(run)
    result = acgan_train(run, {**SHORT, "optim.generator.lr": 1e-3}, "--dry-run")
    assert result.exit_code == 1
    assert "10 classes" in result.stdout
    assert "images/s" in result.stdout
    assert "would train in" not in result.stdout
    assert f"the training would be refused: {run}: holds a run with another configuration" in result.stderr
    assert "optim.generator.lr: 0.0005 -> 0.001" in result.stderr
    assert tree(run) == before
    result = acgan_train(run, {**SHORT, "optim.generator.lr": 1e-3}, "--dry-run", "--fresh")
    assert result.exit_code == 0, result.output
    assert f"{run}: the run that is there would be moved aside" in result.stdout
    assert tree(run) == before


def test_other_images_are_refused_at_the_end(workdir: Path, folder: Path) -> None:
    options = ("--data", str(folder))
    assert acgan(*train_args("run", SHORT, *options)).exit_code == 0
    (folder / "c" / "0.png").unlink()
    result = acgan(*train_args("run", SHORT, *options, "--dry-run"))
    assert result.exit_code == 1
    assert "images/s" in result.stdout
    assert "the training would be refused: run: the training images are not those of the run" in result.stderr


def test_a_directory_that_is_no_run_is_refused_at_the_end(workdir: Path) -> None:
    (workdir / "run").mkdir()
    (workdir / "run" / "mine.txt").write_text("mine")
    result = acgan(*train_args("run", SHORT, "--dry-run"))
    assert result.exit_code == 1
    assert "the training would be refused: run: not empty and not a run" in result.stderr


@pytest.mark.parametrize(("load", "told"), [(9.5, True), (2.0, False)])
def test_a_busy_machine_is_told_beside_the_time(
    load: float, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    words = dry_run._busy()
    assert ("busy (9.5 wanted to compute on 2 cores)" in words) == told
    assert bool(words) == told
