"""The beginning of a training on a model card: the weights that it started from, and images of each class."""

from types import SimpleNamespace
from typing import Any

import pytest

from acgan.export.card import _began


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
    source: Any = SimpleNamespace(provenance={"init_from": origin})
    assert _began(source) == words
