"""Resizing as clean-fid does, against its own code and a float64 reference."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from acgan.extracting import InceptionExtractor
from acgan.extracting.inception_network import SIDE
from acgan.extracting.resizing import clean_resized
from acgan.runtime import Draws
from acgan.types import RESIZES

SIZES = [(32, 32), (20, 27), (299, 299), (512, 300), (299, 700)]


def images_of(height: int, width: int, channels: int = 3) -> Tensor:
    draw = Draws(height).generator("images").integers(0, 256, (2, channels, height, width), dtype=np.uint8)
    return torch.from_numpy(draw)


def bicubic(length: int, side: int) -> np.ndarray:
    """(side, length) float64 weights of Keys' cubic (a = -1/2), as wide as a pixel of the result where it shrinks."""
    wide = max(length / side, 1.0)
    weights = np.zeros((side, length))
    for place in range(side):
        centre = (place + 0.5) * length / side
        for pixel in range(length):
            x = abs((pixel + 0.5 - centre) / wide)
            if x < 1:
                weights[place, pixel] = 1.5 * x**3 - 2.5 * x**2 + 1
            elif x < 2:
                weights[place, pixel] = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_clean_fids_to_the_bit(size: tuple[int, int]) -> None:
    """Images resized by the package: fid.make_resizer("PIL", False, "bicubic", (299, 299))."""
    resizer = pytest.importorskip("cleanfid.resize").build_resizer("clean")
    images = images_of(*size)
    expected = np.stack([resizer(image.permute(1, 2, 0).numpy()) for image in images])
    found = clean_resized(images, SIDE)
    assert found.dtype == torch.float32
    assert np.array_equal(found.permute(0, 2, 3, 1).numpy(), expected)


@pytest.mark.parametrize("size", [(7, 12), (40, 9), (16, 16)])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_the_bicubic_filter_in_float64(size: tuple[int, int], channels: int) -> None:
    images, side = images_of(*size, channels), 16
    rows, columns = (bicubic(length, side) for length in size)
    exact = np.einsum("ih,nchw,jw->ncij", rows, images.double().numpy(), columns)
    found = clean_resized(images, side)
    assert found.shape == (2, channels, side, side)
    np.testing.assert_allclose(found.numpy(), exact.clip(0, 255), atol=1e-3)


def test_nothing_is_rounded_and_a_plain_image_stays_plain() -> None:
    plain = torch.full((1, 3, 20, 30), 77, dtype=torch.uint8)
    assert torch.allclose(clean_resized(plain, 50), torch.tensor(77.0), atol=1e-4)
    varied = clean_resized(images_of(32, 32), 50)
    assert (varied != varied.round()).float().mean() > 0.5


def test_features_are_of_clean_images_as_clean_fid_scales_them(inception_weights: Path) -> None:
    """(x - 128) / 128, where pytorch-fid has x / 127.5 - 1: handed images of the right size in pytorch-fid's scale."""
    images = images_of(40, 50)
    extractor = InceptionExtractor(64, inception_weights, warn=lambda message: None, resize="clean")
    scaled = (clean_resized(images, SIDE) - 128) / 128
    plain = InceptionExtractor(64, inception_weights, warn=lambda message: None)
    network = plain._network
    with torch.inference_mode():
        expected = network.stem(scaled.contiguous(memory_format=torch.channels_last)).mean(dim=(2, 3))
    found = extractor(images).features
    assert (found - expected).norm() < 1e-6 * expected.norm()
    assert (found - plain(images).features).norm() > 1e-2 * expected.norm()
    torch.testing.assert_close(
        extractor(images[:, :1]).features, extractor(images[:, :1].expand(-1, 3, -1, -1)).features
    )


def test_every_way_has_its_place_in_names_and_provenance(inception_weights: Path) -> None:
    described = [
        InceptionExtractor(64, inception_weights, warn=lambda message: None, resize=way).describe()
        for way in RESIZES
    ]
    assert [one["resize"] for one in described] == ["299 px, bilinear", "299 px, bicubic as clean-fid's"]
    names = [one["name"].partition("@")[0] for one in described]
    assert names == ["inception-64", "inception-64-clean"]
