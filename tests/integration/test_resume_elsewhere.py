"""Runs gone on with and scored by their directory alone, from any folder, also after their pictures moved."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from run_helpers import (
    TINY,
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

SHORT: dict[str, Any] = {
    "train.total_nimg": 64,
    "every.checkpoint_nimg": 32,
    "every.log_nimg": 32,
    "monitor.num_per_class": 0,
}
CLASSIFIER: dict[str, Any] = {"train.total_nimg": 64, "every.checkpoint_nimg": 32}


def pictures(folder: Path, seed: int = 0, classes: tuple[str, ...] = ("a", "b"), count: int = 24) -> Path:
    """A folder of class folders."""
    rng = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")
    return folder


@pytest.fixture
def run(workdir: Path) -> Path:
    """A run on the folder ``set`` in the current one, with a checkpoint at 32 of 64 images; what it is beside is
    ``elsewhere``, an empty folder."""
    pictures(workdir / "set")
    (workdir / "elsewhere").mkdir()
    with signal_after(2, signal.SIGTERM):
        assert acgan_train("run", SHORT, "--data", "set").exit_code == 75
    return workdir / "run"


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
