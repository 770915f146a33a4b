"""Runs gone on with by their directory alone, from any folder."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from elsewhere_helpers import SHORT, pictures, stopped_run
from run_helpers import (
    acgan,
    acgan_classify,
    acgan_train,
    assert_same_classifier_run,
    assert_same_run,
    checkpoints,
    classified,
    latest_payload,
    signal_after,
    trained,
    tree,
)

import acgan as package
from acgan.config import RunConfig, load
from acgan.sampling import load_generator

CLASSIFIER: dict[str, Any] = {"train.total_nimg": 64, "every.checkpoint_nimg": 32}


@pytest.fixture
def run(workdir: Path) -> Path:
    return stopped_run(workdir)


@pytest.fixture
def whole(run: Path, tmp_path: Path) -> Path:
    """The run that nothing stopped."""
    return trained(tmp_path / "whole", SHORT, "--data", "set")


# By its directory.


@pytest.mark.parametrize("written", ["run", "./run/", "../work/run"])
def test_a_run_goes_on_by_its_directory_alone(written: str, run: Path, whole: Path) -> None:
    config = (run / "config.yaml").read_bytes()
    result = acgan("train", written)
    assert result.exit_code == 0, result.output
    assert "going on from 32 images" in result.stdout
    assert (run / "config.yaml").read_bytes() == config
    assert_same_run(run, whole)


def test_from_another_folder(run: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent / "elsewhere")
    result = acgan("train", "../run")
    assert result.exit_code == 0, result.output
    assert f"set: not in this folder; reading {run.parent / 'set'}" in result.stdout
    assert load(RunConfig, run / "config.yaml").data.source == "set"
    assert_same_run(run, whole)
    assert not (run.parent / "elsewhere" / "runs").exists()


def test_the_same_command_from_another_folder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent / "elsewhere")
    result = acgan_train(run, SHORT, "--data", "set")
    assert result.exit_code == 0, result.output
    assert latest_payload(run)["nimg"] == 64


def test_before_the_first_checkpoint(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(workdir / "set")
    assert acgan_train("run", SHORT, "--data", "set", "--max-time", "0").exit_code == 0
    shutil.rmtree(workdir / "run" / "checkpoints")
    (workdir / "run" / "generator.safetensors").unlink()
    (workdir / "elsewhere").mkdir()
    monkeypatch.chdir(workdir / "elsewhere")
    assert acgan("train", "../run").exit_code == 0


def test_harmless_keys_may_change_and_others_not(run: Path) -> None:
    assert acgan("train", "run", "--set", "train.total_nimg=96").exit_code == 0
    assert latest_payload(run)["nimg"] == 96
    refused = acgan("train", "run", "--set", "seed=3")
    assert refused.exit_code == 1
    assert "seed: 0 -> 3" in refused.stderr


def test_from_python(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent / "elsewhere")
    assert package.train(run).nimg == 64


def test_a_dry_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent / "elsewhere")
    before = tree(run)
    result = acgan("train", "../run", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "would train in ../run" in result.stdout
    assert tree(run) == before


def test_its_configuration_for_a_new_run_from_another_folder(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent / "elsewhere")
    result = acgan("train", "../run/config.yaml", "--run-dir", "new", "--seeds", "0,1")
    assert result.exit_code == 0, result.output
    assert checkpoints(Path("new/seed1"))[-1] == 64


def test_fresh_from_another_folder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent / "elsewhere")
    result = acgan("train", "../run", "--fresh", "--max-time", "0")
    assert result.exit_code == 0, result.output
    assert checkpoints(run) == [0]
    assert checkpoints(run.with_name("run.1")) == [32]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "run", "--run-dir", "new"], ["--run-dir new", "run/config.yaml", "--init-from run"]),
        (["train", "run", "--seeds", "0,1"], ["--seeds", "run/config.yaml"]),
        (["train", "rum"], ["no recipe, file or run 'rum'"]),
        (["train", "./rum"], ["no recipe, file or run './rum'", "Did you mean 'run'?"]),
        (["train", "set"], ["is a folder without a run", "`acgan train --data set`"]),
        (["classify", "train", "set"], ["`acgan classify train --data set`"]),
        (["classify", "train", "run"], ["configures `acgan train`, not `acgan classify train`"]),
        (["train", "many"], ["holds runs and is none itself", "many/seed0, many/seed1"]),
    ],
)
def test_refusals(arguments: list[str], words: list[str], run: Path) -> None:
    for seed in ("seed0", "seed1"):
        (run.parent / "many" / seed).mkdir(parents=True)
        shutil.copy(run / "config.yaml", run.parent / "many" / seed)
    before = tree(run)
    result = acgan(*arguments)
    assert result.exit_code == 1, result.output
    assert all(word in result.stderr for word in words), result.stderr
    assert tree(run) == before
    assert not Path("runs").exists()


def test_a_name_that_is_a_recipe_and_a_run_is_refused(workdir: Path) -> None:
    begin = ["train", "digits", "--run-dir", "digits", "--max-time", "0", "--quiet"]
    assert acgan(*begin).exit_code == 0
    refused = acgan("train", "digits", "--max-time", "0")
    assert refused.exit_code == 1
    assert "is a recipe, and a run in this folder" in refused.stderr
    assert acgan(*begin).exit_code == 0, "the same command goes on"
    assert acgan("train", "./digits", "--max-time", "0", "--quiet").exit_code == 0
    assert acgan(*begin, "--dry-run").exit_code == 0
    assert sorted(path.name for path in workdir.iterdir()) == ["digits"]


def test_a_damaged_record_is_told(run: Path) -> None:
    (run / "data.json").write_text("{}")
    result = acgan("train", "run")
    assert result.exit_code == 1
    assert "data.json: cannot be read" in result.stderr


def test_a_run_of_an_earlier_version_goes_on(run: Path) -> None:
    (run / "data.json").unlink()
    assert acgan("train", "run").exit_code == 0
    assert (run / "data.json").exists()


# Classifiers.


def test_a_classifier_goes_on_and_is_scored_from_another_folder(
    workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(workdir / "set")
    whole = classified(tmp_path / "whole", CLASSIFIER, "--data", "set")
    with signal_after(2, signal.SIGTERM):
        assert acgan_classify("run", CLASSIFIER, "--data", "set").exit_code == 75
    (workdir / "elsewhere").mkdir()
    monkeypatch.chdir(workdir / "elsewhere")
    result = acgan("classify", "train", "../run")
    assert result.exit_code == 0, result.output
    assert_same_classifier_run(workdir / "run", whole)
    result = acgan("classify", "evaluate", "../run", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert f"reading {workdir / 'set'}" in result.stdout
    refused = acgan("train", "../run")
    assert "configures `acgan classify train`, not `acgan train`" in refused.stderr


def test_a_classifier_with_generated_images_finds_its_generator(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same training without them lies in the run, and goes on with it."""
    with signal_after(2, signal.SIGTERM):
        arguments = ("--data", "set", "--synthetic", "run:4")
        assert acgan_classify("classifier", CLASSIFIER, *arguments).exit_code == 75
    monkeypatch.chdir(run.parent / "elsewhere")
    result = acgan("classify", "train", "../classifier")
    assert result.exit_code == 0, result.output
    assert (run.parent / "classifier" / "comparison.json").exists()
    assert list(Path().iterdir()) == []


def test_a_classifier_on_a_discriminator_finds_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("--data", "set", "--backbone", "discriminator:run", "--max-time", "0")
    assert acgan_classify("classifier", CLASSIFIER, *arguments).exit_code == 0
    shutil.rmtree(run.parent / "classifier" / "checkpoints")  # as before the first one
    (run.parent / "classifier" / "classifier.safetensors").unlink()
    monkeypatch.chdir(run.parent / "elsewhere")
    result = acgan("classify", "train", "../classifier")
    assert result.exit_code == 0, result.output


# Runs among the pictures.


def test_runs_among_the_pictures_do_not_count(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pictures(workdir / "set"))
    command = ("train", "--data", ".", "--set", "train.total_nimg=64", "--set", "monitor.num_per_class=0")
    small = ("--set", "train.batch_size=16", "--set", "model.generator.channels=4")
    command = (*command, *small, "--set", "model.discriminator.channels=4")
    assert acgan(*command, "--max-time", "0").exit_code == 0
    run = Path("runs/folder-set")
    assert checkpoints(run) == [0]
    result = acgan(*command)
    assert result.exit_code == 0, result.output
    assert checkpoints(run)[-1] == 64
    assert load_generator(run).class_names == ("a", "b")
