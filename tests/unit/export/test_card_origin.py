"""Weights that a training started from, as model cards and reports tell them."""

from typing import Any

import pytest

from acgan.weights.starting import started_from


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (None, None),
        (
            {"path": "starter", "data": "cifar10_jpg", "nimg": 112_000},
            "the starter that comes with acgan (trained on cifar10_jpg, 112,000 images shown)",
        ),
        ({"path": "/home/me/runs/cats", "data": "cats"}, "the weights of cats (trained on cats)"),
        ({"path": "inception.pth", "sha256": "00"}, "the weights of inception.pth"),
    ],
)
def test_it_names_the_networks_and_their_images(origin: Any, words: str | None) -> None:
    assert started_from({"init_from": origin}) == words


@pytest.mark.parametrize(
    ("backbone", "words"),
    [
        ({"kind": "small"}, None),
        ({"kind": "torchvision", "name": "resnet18", "pretrained": False, "weights": None}, None),
        (
            {"kind": "torchvision", "name": "resnet18", "pretrained": True},
            "a resnet18 with torchvision's ImageNet weights",
        ),
        (
            {"kind": "torchvision", "name": "resnet18", "pretrained": True, "weights": "/home/me/own.pth"},
            "a resnet18 with the weights of own.pth",
        ),
        (
            {"kind": "discriminator", "run": "/home/me/runs/cats", "trained": True},
            "the discriminator of cats",
        ),
        ({"kind": "discriminator", "run": "/home/me/runs/cats", "trained": False}, None),
        ("damaged", None),
    ],
)
def test_it_names_the_backbone_of_a_classifier(backbone: Any, words: str | None) -> None:
    config = {"model": {"backbone": backbone}}
    assert started_from({"init_from": None, "config": config}) == words
    own = {"path": "runs/mine"}
    assert started_from({"init_from": own, "config": config}) == "the weights of mine", "these came last"
