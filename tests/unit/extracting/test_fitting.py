"""Images are brought to a network's size in one way, whichever command looks at them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from acgan.extracting import ClassifierExtractor, InceptionExtractor, fitted, target_of
from acgan.fid import open_side


@pytest.fixture(scope="module", params=["digits", "cifar10_jpg", "mnist"])
def extractor(request: pytest.FixtureRequest) -> ClassifierExtractor:
    """A shipped one."""
    return ClassifierExtractor(request.param)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [16, 28, 32, 64])
def test_fid_and_evaluate_see_the_same_pixels(
    side: int,
    channels: int,
    extractor: ClassifierExtractor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "cache"))
    images = np.random.default_rng(0).integers(0, 256, (5, channels, side, side), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images)
    (expected,) = open_side(str(tmp_path / "images.npz")).batches(extractor)
    found = fitted(images, target_of(extractor))
    assert (found.dtype, tuple(found.shape[1:])) == (
        torch.uint8,
        (extractor.size[0], *(extractor.size[1:] * 2)),
    )
    assert np.array_equal(found.numpy(), expected)


def test_what_fits_is_untouched(inception_weights: Path) -> None:
    images = torch.zeros(2, 1, 16, 16, dtype=torch.uint8)
    assert fitted(images, target_of(ClassifierExtractor("digits"))) is images
    inception = InceptionExtractor(64, inception_weights, warn=lambda message: None)
    assert fitted(images, target_of(inception)) is images, "of any size"
