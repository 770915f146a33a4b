"""Images of sides that are no power of two, from ``acgan train`` to samples and scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from run_helpers import acgan, acgan_classify, acgan_train, classified, latest_payload, trained

from acgan import api
from acgan.config import RunConfig, load

pytestmark = pytest.mark.usefixtures("workdir")

SHORT: dict[str, Any] = {"train.total_nimg": 32, "train.batch_size": 8, "monitor.num_per_class": 0}
DCGAN = {
    "model.generator": {"kind": "dcgan", "channels": 4},
    "model.discriminator": {"kind": "dcgan", "channels": 4},
    "loss.penalty": None,
}
PATCHED = {
    "model.generator": {"channels": 8, "max_channels": 16, "class_dim": 8, "patch": 2, "attention": [14]},
    "model.discriminator": {"channels": 8, "max_channels": 16, "patch": 2, "attention": [7]},
    "augment": {"kind": "diff_augment"},
    "loss.lecam": {},
    "loss.consistency": {},
}


def pictures(side: int, count: int = 24) -> Path:
    """An .npz of so many images (N, side, side, 1) in two classes: a bar left or right, and noise."""
    draws = np.random.default_rng(0)
    labels = np.arange(count) % 2
    images = draws.integers(0, 100, (count, side, side, 1), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, label * side // 2 : label * side // 2 + side // 4] += 150
    file = Path(f"bars{side}.npz")
    names = np.array(["left", "right"])
    np.savez(file, train_images=images, train_labels=labels, class_names=names)
    return file


def gan_of(side: int, changes: dict[str, Any], *more: str) -> dict[str, Any]:
    return {**SHORT, **changes, "data.source": str(pictures(side)), "data.resolution": side}


@pytest.mark.parametrize(
    ("side", "changes"),
    [(28, PATCHED), (48, DCGAN), (20, {"augment": {"kind": "ada"}})],
    ids=["28", "48", "20"],
)
def test_a_gan_is_trained_sampled_and_scored(side: int, changes: dict[str, Any]) -> None:
    config = gan_of(side, changes)
    run = trained(Path("run"), {**config, "monitor.num_per_class": 20, "data.test_share": 0.25})
    assert acgan("sample", "run", "-n", "3", "--class", "left", "--out", "left.npz").exit_code == 0
    with np.load("left.npz") as samples:
        assert samples["images"].shape == (3, side, side, 1)
    assert acgan("sample", "run", "-n", "2", "--out", "folder").exit_code == 0
    for file in Path("folder").rglob("*.png"):
        with Image.open(file) as image:
            assert image.size == (side, side)
    result = acgan("evaluate", "run", "--extractor", "digits", "-n", "20", "--metrics", "frechet,diversity")
    assert result.exit_code == 0, result.output
    provenance = json.loads((run / "evaluation.json").read_text())["provenance"]
    assert provenance["reference"]["resolution"] == side
    result = acgan(
        *("fid", "run", config["data.source"], "--extractor", "digits", "-n", "20"),
        *("--resolution", str(side)),
    )
    assert result.exit_code == 0, result.output
    assert f"fitted to {side} px" in result.output


def test_images_of_28_pixels_are_neither_padded_nor_scaled_at_28() -> None:
    source = pictures(28)
    config = load(RunConfig, None, [f"data.source={source}", "data.resolution=28", "data.test_share=0"])
    with np.load(source) as file:
        given = file["train_images"].transpose(0, 3, 1, 2)
    stored = api.load_data(config).train.images
    assert sorted(image.tobytes() for image in stored) == sorted(image.tobytes() for image in given)
    chosen = load(RunConfig, None, [f"data.source={source}", "data.test_share=0"])
    assert api.load_data(chosen).train.resolution == 32, "chosen where nothing is set, as before"


def test_a_training_starts_from_another_and_goes_on() -> None:
    config = gan_of(28, {})
    trained(Path("first"), config)
    result = acgan_train(Path("second"), config, "--init-from", "first", "--max-time", "0s")
    assert result.exit_code == 0, result.output
    assert "not taken" not in result.output
    assert acgan_train(Path("second"), config).exit_code == 0
    assert latest_payload(Path("second"))["nimg"] == 32


def test_a_dry_run() -> None:
    result = acgan_train(Path("run"), gan_of(28, {}), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "gray, 28 px" in result.output
    assert not Path("run").exists()


def test_a_classifier_on_a_trained_discriminator() -> None:
    config = gan_of(28, {})
    trained(Path("gan"), config)
    data = {key: config[key] for key in ("data.source", "data.resolution")}
    backbone = {"model.backbone": {"kind": "discriminator", "run": "gan"}, "model.aux": {"blocks.0": 0.3}}
    classified(Path("run"), {**data, **backbone, "train.total_nimg": 32})
    assert api.load_classifier("run").info.resolution == 28


@pytest.mark.parametrize(
    ("side", "backbone"),
    [
        (28, {"kind": "small", "channels": 4}),
        (96, {"kind": "torchvision", "name": "resnet18"}),
        (224, {"kind": "torchvision", "name": "shufflenet_v2_x0_5"}),
        pytest.param(299, {"kind": "torchvision", "name": "inception_v3"}, marks=pytest.mark.slow),
    ],
    ids=["small", "resnet18", "shufflenet", "inception_v3"],
)
def test_a_classifier(side: int, backbone: dict[str, Any]) -> None:
    changes = {"data.source": str(pictures(side, 12)), "data.resolution": side, "data.test_share": 0.25}
    short = {"train.total_nimg": 4, "train.batch_size": 4, "every.evaluate_nimg": 4, "every.log_nimg": 4}
    run = classified(Path("run"), {**changes, **short, "model.backbone": backbone, "model.aux": None})
    info = api.load_classifier(run).info
    assert info.resolution == info.architecture["image_size"] == side


def test_a_side_that_the_backbone_does_not_take() -> None:
    source = {"data.source": str(pictures(30, 12)), "data.resolution": 30}
    result = acgan_classify(Path("small"), source)
    assert result.exit_code == 1
    assert "the small network serves 16 to 1024 px" in result.stderr
    assert "the nearest are 28 and 32" in result.stderr
    backbone = {"model.backbone": {"kind": "torchvision", "name": "inception_v3"}, "model.aux": None}
    result = acgan_classify(Path("inception"), {**source, **backbone})
    assert result.exit_code == 1
    assert "the backbone does not take images of 3 x 30 x 30" in result.stderr
    assert not Path("small").exists()
    assert not Path("inception").exists()


@pytest.mark.slow
def test_mnist_without_padding(shared_data: Path) -> None:
    changes = {
        **SHORT,
        "data.source": f"mnist:{shared_data}",
        "data.resolution": 28,
        "evaluate.num_images": 100,
    }
    result = acgan_train(
        Path("run"), {**changes, "evaluate.extractor": "mnist", "data.validation_share": 0.01}
    )
    assert result.exit_code == 0, result.output
    assert "padded" not in result.output
    assert "evaluate.extractor takes 1 x 32 x 32" in result.output
    assert acgan("sample", "run", "-n", "2", "--out", "samples").exit_code == 0
