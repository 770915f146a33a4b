"""The options, outputs and exit codes of ``acgan classify train``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from run_helpers import (
    TINY_CLASSIFIER,
    Child,
    acgan,
    acgan_classify,
    checkpoints,
    classified,
    classifier_tensors,
    classify_args,
    differences,
    digits_npz,
    latest_payload,
    overrides,
    stats_rows,
    tree,
)

from acgan import api
from acgan.config import ClassifierConfig, load
from acgan.plots.page import ClassPage

SHORT: dict[str, Any] = {"train.total_nimg": 32}
CONFIG = str(TINY_CLASSIFIER)


# What is said and left behind.


def test_what_a_training_leaves_behind_and_says(workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG)
    assert result.exit_code == 0, result.output
    run = Path("runs/classify-tiny_classifier")
    names = list(tree(run))
    assert [name for name in names if not name.startswith("tensorboard/")] == [
        ".lock",
        "checkpoints/144.pt",
        "checkpoints/144.pt.sha256",
        "checkpoints/160.pt",
        "checkpoints/160.pt.sha256",
        "classifier.safetensors",
        "config.yaml",
        "data.json",
        "provenance.json",
        "samples/000000080.png",
        "samples/000000160.png",
        "stats.jsonl",
    ]
    assert len([name for name in names if name.startswith("tensorboard/")]) == 1
    with Image.open(run / "samples" / "000000080.png") as grid:
        page = ClassPage.planned(["as trained on"], 16, 16)
        assert grid.size == (page.width, page.height)

    rows = stats_rows(run)
    assert [row["nimg"] for row in rows if "train/loss_main" in row] == [32, 64, 96, 128, 160]
    assert [row["nimg"] for row in rows if "test/accuracy" in row] == [80, 160]
    trained_on = next(row for row in rows if "train/loss_main" in row)
    losses = ("loss_main", "loss_block1")
    expected = {*losses, *(f"weighted/{loss}" for loss in losses)}
    expected |= {"accuracy_main", "accuracy_block1", "gradient_norm"}
    assert trained_on.keys() == {"nimg", *(f"train/{name}" for name in expected)}
    # An untrained classifier of ten classes knows nothing.
    assert 0.7 * math.log(10) < trained_on["train/loss_block1"] < 2 * math.log(10)
    assert all(0 <= row.get("test/accuracy", 0) <= 1 for row in rows)

    lines = result.stdout.splitlines()
    ticks = [line for line in lines if " / 160 images  " in line]
    assert len(ticks) == 5
    for part in ("loss ", "accuracy training ", "images/s", " left"):
        assert part in ticks[0], part
    assert ", test " in ticks[-1]
    assert any(line.startswith("head block1: loss weight 0.3, its loss trains ") for line in lines)
    assert "10 classes, gray, 16 px" in result.stdout
    assert "runs/classify-tiny_classifier: 160 images shown (done)" in lines[-4]
    accuracies = [row["test/accuracy"] for row in rows if "test/accuracy" in row]
    assert lines[-3:] == [
        f"Accuracy: {accuracies[-1]:.1%} of the test images, at 160 images shown.",
        f"Scores: acgan classify evaluate {run}",
        f"Classes of images: acgan classify predict {run} IMAGE...",
    ]
    assert result.stderr == ""


def test_quiet_prints_nothing(workdir: Path) -> None:
    child = Child(classify_args("run", SHORT, "--quiet"), workdir / "log")
    assert child.wait() == 0
    assert (child.stdout, child.stderr) == ("", "")
    assert checkpoints(workdir / "run") == [32]


def test_it_learns(tmp_path: Path) -> None:
    """40 iterations of two easy classes: labels, images and gradients belong together."""
    changes = {
        "data.classes": ["0", "1"],
        "train.total_nimg": 640,
        "optim.lr": 1e-2,
        "every.log_nimg": 640,
        "every.checkpoint_nimg": 640,
        "every.sample_nimg": 640,
        "every.evaluate_nimg": 640,
    }
    assert stats_rows(classified(tmp_path / "run", changes))[0]["test/accuracy"] > 0.95


# Dry run.


def test_a_dry_run_tells_much_and_writes_nothing(workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG, "--dry-run", "--aux", "block2=0.25")
    assert result.exit_code == 0, result.output
    assert list(workdir.parent.rglob("*")) == [workdir], "neither here nor in the cache"
    head = next(line for line in result.stdout.splitlines() if "block2" in line and "trains" in line)
    assert "0.25" in head
    assert "block1" not in "".join(line for line in result.stdout.splitlines() if "trains" in line)
    for word in ("head", "loss weight", "own parameters", "main", "backbone", "step of the classifier: "):
        assert word in result.stdout, word
    assert "would train in runs/classify-tiny_classifier" in result.stdout
    length = latest_payload(classified(Path("run"), {"train.total_nimg": None, "train.epochs": 0.1}))["nimg"]
    result = acgan(*classify_args("other", {"train.total_nimg": None, "train.epochs": 0.1}, "--dry-run"))
    assert f"for {length:,} images;" in result.stdout


def test_the_configuration_is_printed_on_demand(workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG, "--print-config", "--aux", "block2=0.25")
    assert result.exit_code == 0, result.output
    assert yaml.safe_load(result.stdout)["model"]["aux"] == {"block2": 0.25}
    assert list(workdir.parent.rglob("*")) == [workdir]


def test_a_dry_run_shows_how_little_reaches_a_frozen_backbone(workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG, "--dry-run", "--freeze", "backbone")
    assert result.exit_code == 0, result.output
    assert "trains 0 of " in result.stdout
    assert "the auxiliary loss there trains its own head and nothing else" in result.stderr


# Options.


def test_seeds_make_a_directory_each(workdir: Path) -> None:
    assert acgan(*classify_args("both", SHORT, "--seeds", "0,1")).exit_code == 0
    assert sorted(path.name for path in Path("both").iterdir()) == ["seed0", "seed1"]
    alone = classified(Path("alone"), {**SHORT, "seed": 1})
    state = latest_payload(alone)["state"]
    assert not differences(latest_payload(Path("both/seed1"))["state"], state)
    assert differences(latest_payload(Path("both/seed0"))["state"]["network"], state["network"])


def test_epochs_take_the_place_of_a_length_in_images(tmp_path: Path) -> None:
    source = digits_npz(tmp_path / "few.npz", {"1": 20, "2": 17}, {"1": 5, "2": 5})
    run = classified(tmp_path / "run", {}, "--data", str(source), "--epochs", "1.5")
    assert latest_payload(run)["nimg"] == 64, "1.5 times 37 images, in whole batches of 16"


@pytest.mark.parametrize(
    ("options", "heads"),
    [
        (["--aux", "block2=0.7"], {"main": 1.0, "block2": 0.7}),
        (["--aux", "block2", "--aux", "stem=0.1"], {"main": 1.0, "block2": 0.3, "stem": 0.1}),
        (["--aux", "none"], {"main": 1.0}),
        (["--set", "model.aux={stem: 0.1}"], {"main": 1.0, "stem": 0.1}),
        (["--set", "model.aux.stem=0.1"], {"main": 1.0, "block1": 0.3, "stem": 0.1}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_aux_heads_replace_those_of_the_recipe(
    options: list[str], heads: dict[str, float], tmp_path: Path
) -> None:
    run = classified(tmp_path / "run", {**SHORT, "train.total_nimg": 16}, *options)
    assert api.load_classifier(run).network.weights == heads
    losses = {name for row in stats_rows(run) for name in row if name.startswith("train/loss_")}
    assert losses == {f"train/loss_{name}" for name in heads}


def test_a_frozen_backbone_stays_as_it_is_bit_for_bit(tmp_path: Path) -> None:
    """Weights, and what BatchNorm has counted: as at the start, however long it goes on."""
    frozen = ("--freeze", "backbone")
    result = acgan_classify(tmp_path / "start", {}, *frozen, "--max-time", "0")
    assert result.exit_code == 0
    assert "warning: everything below block1 is frozen" in result.stderr
    start = classifier_tensors(tmp_path / "start")
    backbone = {name for name in start if name.startswith("backbone.")}
    assert sum("running_mean" in name for name in backbone) == 5
    for nimg in (32, 96):
        run = classified(tmp_path / str(nimg), {"train.total_nimg": nimg}, *frozen)
        now = classifier_tensors(run)
        assert {name for name in now if torch.equal(now[name], start[name])} == backbone


def test_frozen_up_to_a_layer(tmp_path: Path) -> None:
    frozen = ("--freeze", "until:block1")
    assert acgan_classify(tmp_path / "start", {}, *frozen, "--max-time", "0").exit_code == 0
    start = classifier_tensors(tmp_path / "start")
    now = classifier_tensors(classified(tmp_path / "run", {}, *frozen))
    assert {name for name in now if torch.equal(now[name], start[name])} == {
        name for name in start if name.startswith(("backbone.stem.", "backbone.block1."))
    }


def test_a_network_of_torchvision(tmp_path: Path) -> None:
    changes = {
        "data.resolution": 32,
        "data.classes": ["0", "1"],
        "data.max_per_class": 8,
        "train.batch_size": 4,
        "train.total_nimg": 8,
    }
    run = classified(tmp_path / "run", changes, "--backbone", "resnet18", "--aux", "layer2=0.5")
    classifier = api.load_classifier(run)
    assert type(classifier.network.backbone).__name__ == "ResNet"
    assert classifier.network.weights == {"main": 1.0, "layer2": 0.5}
    assert classifier.logits(torch.zeros(3, 1, 32, 32, dtype=torch.uint8)).shape == (3, 2)


def test_half_weights_are_in_the_file_alone(tmp_path: Path) -> None:
    run = classified(tmp_path / "run", {**SHORT, "train.half_weights": True})
    tensors, state = classifier_tensors(run), latest_payload(run)["state"]["network"]
    assert {t.dtype for t in tensors.values()} == {torch.float16, torch.int64}
    assert {t.dtype for t in state.values()} == {torch.float32, torch.int64}
    name = "heads.main.classify.weight"
    assert torch.equal(tensors[name], state[name].half())
    assert torch.equal(api.load_classifier(run).network.state_dict()[name], tensors[name].float())


# Which images.


def test_max_per_class_limits_the_training_images(tmp_path: Path) -> None:
    result = acgan_classify(tmp_path / "run", {"data.max_per_class": 3}, "--epochs", "2")
    assert result.exit_code == 0, result.output
    assert "digits: 30 training images" in result.stdout
    assert latest_payload(tmp_path / "run")["nimg"] == 64, "two times 30 images, in whole batches"


def test_a_validation_share_is_watched_in_place_of_the_test_images(tmp_path: Path) -> None:
    result = acgan_classify(tmp_path / "run", {**SHORT, "data.validation_share": 0.2})
    assert result.exit_code == 0, result.output
    keys = {key for row in stats_rows(tmp_path / "run") for key in row}
    assert {"validation/accuracy", "validation/loss"} <= keys
    assert not any(key.startswith("test/") for key in keys)
    plain = acgan_classify(tmp_path / "plain", SHORT)
    number, of = (
        int(line.split(": ")[1].split(" training")[0].replace(",", ""))
        for said in (result.stdout, plain.stdout)
        for line in said.splitlines()
        if line.startswith("digits: ")
    )
    held_out = int(result.stdout.split(" training images are held out")[0].split()[-1])
    assert number + held_out == of
    assert held_out == pytest.approx(0.2 * of, rel=0.02)
    assert "  validation " in result.stdout


def test_no_test_images_are_not_watched(tmp_path: Path) -> None:
    source = digits_npz(tmp_path / "few.npz", {"1": 4, "2": 4})
    result = acgan_classify(tmp_path / "run", SHORT, "--data", str(source))
    assert result.exit_code == 0, result.output
    assert not any(key.startswith("test/") for row in stats_rows(tmp_path / "run") for key in row)


class Squares(torch.utils.data.Dataset):
    """Bright and dark squares: tensors (1, 20, 20) in [0, 1]."""

    classes = ("dark", "bright one")

    def __len__(self) -> int:
        return 80

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        label = index % 2
        image = torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(index))
        return image * 0.5 + 0.5 * label, label


def test_a_torch_dataset(workdir: Path) -> None:
    changes = {"optim.lr": 1e-2, "train.total_nimg": 480, "every.log_nimg": 160, "every.evaluate_nimg": 480}
    config = load(ClassifierConfig, TINY_CLASSIFIER, overrides(changes))
    ticks: list[Any] = []
    result = api.train_classifier(config, Squares(), ticks.append, run_dir="mine", device="cpu")
    assert (result.directory, result.nimg, result.finished) == (Path("mine"), 480, True)
    assert [tick.nimg for tick in ticks] == [160, 320, 480]
    assert ticks[-1].stats == result.stats
    assert ticks[-1].evaluated["test/accuracy"] > 0.9
    classifier = result.classifier()
    assert classifier.class_names == ("dark", "bright one")
    images = np.stack([np.full((1, 16, 16), value, np.uint8) for value in (30, 220)])
    probabilities = classifier(torch.from_numpy(images))
    assert probabilities.shape == (2, 2)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2))
    again = api.train_classifier(config, Squares(), run_dir="mine", device="cpu")
    assert (again.nimg, again.finished) == (480, True)


def test_a_training_that_is_stopped_ends_with_what_comes_next(workdir: Path) -> None:
    result = acgan_classify(workdir / "my run", SHORT, "--max-time", "0")
    assert result.exit_code == 0, result.output
    assert "stopped by --max-time" in result.output
    assert f"Scores: acgan classify evaluate '{workdir / 'my run'}'" in result.stdout.splitlines()
    assert "Accuracy" not in result.output  # nothing was measured
