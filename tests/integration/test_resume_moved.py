"""Runs gone on with and scored after their pictures moved, and where other pictures have their name."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from elsewhere_helpers import SHORT, pictures, stopped_run
from run_helpers import TINY, acgan, acgan_train, assert_same_run, checkpoints, trained, tree

import acgan as package
from acgan.config import RunConfig, load


@pytest.fixture
def run(workdir: Path) -> Path:
    return stopped_run(workdir)


@pytest.fixture
def whole(run: Path, tmp_path: Path) -> Path:
    """The run that nothing stopped."""
    return trained(tmp_path / "whole", SHORT, "--data", "set")


# Pictures that moved.


def test_pictures_that_moved_are_the_same(run: Path, whole: Path) -> None:
    (run.parent / "set").rename(run.parent / "new")
    lost = acgan("train", "run")
    assert lost.exit_code == 1
    assert str(run.parent / "set") in lost.stderr
    assert "--data" in lost.stderr
    result = acgan("train", "run", "--data", "new")
    assert result.exit_code == 0, result.output
    assert (
        f"have moved (now {run.parent / 'new'}, before {run.parent / 'set'}), and are the same"
        in result.stdout
    )
    assert load(RunConfig, run / "config.yaml").data.source == "new"
    assert_same_run(run, whole)
    # The run keeps the new place.
    assert acgan("train", "run", "--set", "train.total_nimg=96").exit_code == 0
    places = json.loads((run / "data.json").read_text(encoding="utf-8"))
    assert places["paths"] == {"data.source": str(run.parent / "new")}


def test_the_full_command_goes_on_with_pictures_that_moved(run: Path) -> None:
    (run.parent / "set").rename(run.parent / "new")
    result = acgan_train(run, SHORT, "--data", "new")
    assert result.exit_code == 0, result.output


def test_a_finished_run_learns_the_new_place(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert acgan("train", "run").exit_code == 0
    (run.parent / "set").rename(run.parent / "new")
    assert acgan("train", "run", "--data", "new").exit_code == 0
    monkeypatch.chdir(run.parent / "elsewhere")
    result = evaluated(run)
    assert result.exit_code == 0, result.output
    assert f"reading {run.parent / 'new'}" in result.output


def test_a_built_in_set_in_another_folder(workdir: Path) -> None:
    """Its root may be given by data.root, or with its name."""
    changes = {**SHORT, "train.total_nimg": 32, "data.max_per_class": 2}
    shared = Path(__file__).parents[2].parent / "shared" / "data"
    if not (shared / "MNIST").is_dir():
        pytest.skip("MNIST is not here")
    (workdir / "sets").symlink_to(shared)
    (workdir / "again").symlink_to(shared)
    trained(Path("run"), {**changes, "data.root": "sets"}, "--data", "mnist")
    (workdir / "sets").unlink()
    assert acgan_train("run", changes, "--data", "mnist:again").exit_code == 0


def test_other_pictures_are_refused_with_what_differs_and_the_ways_on(run: Path) -> None:
    other = pictures(run.parent / "other", seed=1, classes=("a", "c"), count=30)
    before = tree(run)
    result = acgan("train", "run", "--data", "other")
    assert result.exit_code == 1
    for word in (
        "the training images are not those of the run so far",
        f"data.source: {run.parent / 'set'} -> {other}",
        "a: 20 -> 26 images",
        "b: 20 -> 0 images",
        "c: 0 -> 26 images",
        "`acgan train run/config.yaml --data other --init-from run --run-dir NEW`",
        "--fresh",
    ):
        assert word in result.stderr, (word, result.stderr)
    assert tree(run) == before


def test_data_that_grew_starts_a_new_run_from_the_weights(run: Path) -> None:
    """The command in the refusal does it as it stands, with a space in the folder's name."""
    (run.parent / "set").rename(run.parent / "my set")
    for file in pictures(run.parent / "more", seed=2).rglob("*.png"):
        file.rename(run.parent / "my set" / file.parent.name / f"more-{file.name}")
    refused = acgan("train", "run", "--data", "my set")
    assert refused.exit_code == 1
    assert "a: 20 -> 41 images" in refused.stderr
    command = shlex.split(refused.stderr.split("`acgan ")[1].split("`")[0])
    result = acgan(*command)
    assert result.exit_code == 0, result.output
    assert "generator: took" in result.stdout
    assert checkpoints(Path("NEW"))[-1] == 64


def test_another_set_before_the_first_checkpoint_is_another_run(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    pictures(run.parent / "other", seed=1)
    result = acgan("train", "run", "--data", "other")
    assert result.exit_code == 1
    assert "--init-from" in result.stderr


# Two folders of one name.


def test_other_data_of_that_name_is_told_and_not_read(
    run: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(run.parent / "elsewhere" / "set", seed=1)
    monkeypatch.chdir(run.parent / "elsewhere")
    result = acgan("train", "../run", "--quiet")
    assert result.exit_code == 0, result.output
    assert "holds other images than the run's" in result.stderr
    assert_same_run(run, whole)


def test_other_data_of_that_name_is_an_error_where_the_runs_is_gone(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run.parent / "set").rename(run.parent / "gone")
    pictures(run.parent / "elsewhere" / "set", seed=1)
    monkeypatch.chdir(run.parent / "elsewhere")
    for result in (acgan("train", "../run"), evaluated(run)):
        assert result.exit_code == 1
        assert "data.source: found other images at" in result.stderr


def test_other_data_that_is_named_is_not_replaced(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(run.parent / "elsewhere" / "set", seed=1)
    monkeypatch.chdir(run.parent / "elsewhere")
    for command in (("../run",), (str(TINY), "--run-dir", "../run")):
        result = acgan("train", *command, "--data", "set")
        assert result.exit_code == 1
    assert "--init-from" in acgan("train", "../run", "--data", "set").stderr


def test_a_copy_beside_is_read_and_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copytree(run.parent / "set", run.parent / "elsewhere" / "set")
    monkeypatch.chdir(run.parent / "elsewhere")
    result = acgan("train", "../run")
    assert result.exit_code == 0, result.output
    assert f"set: reading {copy}, which holds the same images" in result.stdout


def test_a_list_with_its_pictures_elsewhere(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted(pictures(workdir / "set").rglob("*.png"))
    rows = [f"{file.relative_to(workdir / 'set')},{file.parent.name}" for file in files]
    (workdir / "list.csv").write_text("\n".join(["path,label", *rows]))
    changes = {**SHORT, "data.root": "set"}
    assert acgan_train("run", changes, "--data", "list.csv", "--max-time", "0").exit_code == 0
    (workdir / "elsewhere").mkdir()
    pictures(workdir / "elsewhere" / "set", seed=1)
    monkeypatch.chdir(workdir / "elsewhere")
    assert acgan("train", "../run").exit_code == 0
    for scored in ("../run", "../run/generator.safetensors"):
        result = evaluated(Path(scored))
        assert result.exit_code == 0, result.output


def test_a_folder_named_like_a_built_in_set_is_not_read(workdir: Path) -> None:
    trained(Path("digits"), SHORT)
    result = evaluated(Path("digits"))
    assert result.exit_code == 0, result.output
    assert acgan("train", "./digits", "--set", "train.total_nimg=96").exit_code == 0


# Scores.


def evaluated(run: Path, *more: str) -> Any:
    return acgan(
        "evaluate",
        str(run),
        *more,
        "--extractor",
        "digits",
        "--metrics",
        "frechet",
        "-n",
        "4",
        "--device",
        "cpu",
    )


def test_scores_find_the_data_from_another_folder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = evaluated(Path("run"))
    assert here.exit_code == 0, here.output
    monkeypatch.chdir(run.parent / "elsewhere")
    there = evaluated(Path("../run"))
    assert there.exit_code == 0, there.output
    assert f"reading {run.parent / 'set'}" in there.output
    shutil.copy(run / "generator.safetensors", "alone.safetensors")
    alone = evaluated(Path("alone.safetensors"))  # places are in the run's data.json
    assert alone.exit_code == 1
    assert "there is no path 'set'" in alone.stderr
    assert evaluated(Path("alone.safetensors"), "--data", str(run.parent / "set")).exit_code == 0


def test_a_run_on_a_dataset_of_torch_names_no_path(workdir: Path) -> None:
    images = (np.random.default_rng(0).integers(0, 256, (48, 1, 16, 16)) / 255).astype(np.float32)
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(images), torch.arange(48) % 2)
    options = {"overrides": [f"{key}={json.dumps(value)}" for key, value in SHORT.items()], "run_dir": "run"}
    package.train(str(TINY), dataset, max_time_sec=0, **options)
    for result in (acgan("train", "run"), evaluated(Path("run"))):
        assert result.exit_code == 1
        assert "Python handed over" in result.stderr
    assert package.train("run", dataset).nimg == 64
