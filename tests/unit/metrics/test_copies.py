"""Copies of training images in pixels, where the truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom
from sklearn.datasets import load_digits

from acgan.metrics.copies import NEAR, NOTHING, SAME, TrainingPictures, pictures

SIDE = 32


def scenes(count: int, seed: int, channels: int = 3, side: int = SIDE) -> np.ndarray:
    """(count, C, side, side) uint8: pictures of shapes at all scales, large ones most, all different."""
    draws = np.random.default_rng(seed)
    total = np.zeros((count, channels, side, side))
    for scale in (4.0, 2.0, 1.0, 0.5):
        shapes = gaussian_filter(draws.normal(size=total.shape), (0, 0, scale, scale), mode="nearest")
        total += scale * shapes / shapes.std(axis=(1, 2, 3), keepdims=True)
    total = 128 + 50 * total / total.std(axis=(1, 2, 3), keepdims=True)
    return np.clip(total, 0, 255).astype(np.uint8)


def moved(images: np.ndarray, down: int, right: int) -> np.ndarray:
    wide = np.pad(images, ((0, 0), (0, 0), (8, 8), (8, 8)), mode="edge")
    side = images.shape[2]
    return wide[:, :, 8 + down : 8 + down + side, 8 + right : 8 + right + side]


def noisy(images: np.ndarray, level: float) -> np.ndarray:
    added = images + np.random.default_rng(5).normal(0, level, images.shape)
    return np.clip(added.round(), 0, 255).astype(np.uint8)


ALTERATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "verbatim": (lambda images: images, SAME),
    "mirrored": (lambda images: images[..., ::-1], SAME),
    "moved by 1": (lambda images: moved(images, 1, -1), SAME),
    "moved by 2": (lambda images: moved(images, -2, 2), SAME),
    "mirrored and moved": (lambda images: moved(images[..., ::-1], 0, 2), SAME),
    "brighter": (lambda images: (images // 2 + 90).astype(np.uint8), SAME),
    "noisy": (lambda images: noisy(images, 4), NEAR),
}


@pytest.fixture(scope="module", params=[1, 3])
def training(request: pytest.FixtureRequest) -> tuple[np.ndarray, TrainingPictures]:
    images = scenes(600, 0, request.param)
    return images, TrainingPictures(images, np.arange(600))


@pytest.mark.parametrize("name", ALTERATIONS)
def test_copies_are_found_however_they_lie(name: str, training: tuple[np.ndarray, TrainingPictures]) -> None:
    images, search = training
    alteration, limit = ALTERATIONS[name]
    distances, rows = search.nearest(pictures(alteration(images[100:160])))
    assert rows.tolist() == list(range(100, 160))
    assert distances.max() < limit


@pytest.mark.parametrize(("level", "limit"), [(5, SAME), (10, NEAR)])
def test_noise_hides_no_copy_of_a_picture_without_details(level: float, limit: float) -> None:
    """Digits of 8 x 8 at 16 px: their high frequencies hardly differ, and noise has them all."""
    digits = zoom(load_digits().images, (1, 2, 2), order=1)[:, None]
    images = (255 / digits.max() * digits).astype(np.uint8)
    search = TrainingPictures(images, np.arange(len(images)))
    distances, rows = search.nearest(pictures(noisy(images[:200], level)))
    assert np.mean((rows.numpy() == np.arange(200)) & (distances.numpy() < limit)) > 0.9


def test_no_two_digits_are_the_same_picture() -> None:
    """Tiny and alike, at 16 px as the source makes them: the nearest two of all have a distance of 0.084."""
    small = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    images = np.stack([Image.fromarray(one).resize((16, 16), Image.Resampling.BICUBIC) for one in small])
    order = np.random.default_rng(4).permutation(len(images))  # divides these two
    search = TrainingPictures(images[:, None], np.sort(order[600:]))
    distances, _ = search.nearest(pictures(images[order[:600], None]))
    assert SAME < distances.min() < 0.1


def test_other_pictures_are_no_copies(training: tuple[np.ndarray, TrainingPictures]) -> None:
    images, search = training
    distances, _ = search.nearest(pictures(scenes(300, 1, images.shape[1])))
    assert distances.min() > NEAR


def test_a_picture_without_contrast_is_a_copy_of_nothing() -> None:
    images = np.full((40, 1, 16, 16), 200, dtype=np.uint8)
    distances, _ = TrainingPictures(images, np.arange(40)).nearest(pictures(images[:3]))
    assert distances.tolist() == [NOTHING] * 3


@pytest.mark.parametrize(("side", "count"), [(8, 3), (12, 1), (28, 70), (100, 70)])
def test_any_side_and_any_number(side: int, count: int) -> None:
    images = scenes(count, 2, 1, side)
    assert pictures(images).shape[-1] == min(side, 50)
    rows = np.arange(count)[::2]  # a part of them
    distances, found = TrainingPictures(images, rows).nearest(pictures(images[rows]))
    assert distances.max() < SAME
    assert torch.equal(found, torch.from_numpy(rows))
