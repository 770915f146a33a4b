"""Cheap stand-ins for the tests of evaluation: an extractor and a generator that need no training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from acgan.data import fingerprint
from acgan.extracting import Extracted
from acgan.types import ImageStore


class Projection:
    """Features are random projections of the pixels, logits those of the class of the brightest quarter."""

    name, frechet, inception_score, size = "projection@0", "fcd", "classifier_score", None
    device = torch.device("cpu")

    def __init__(self, dims: int = 4, num_classes: int = 3, side: int = 16):
        generator = torch.Generator().manual_seed(0)
        self.dims = dims
        self._features = torch.randn(side * side, dims, generator=generator)
        self._logits = torch.randn(side * side, num_classes, generator=generator)

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "sha256": "0", "dims": self.dims, "resize": "none", "precision": "float32"}

    def __call__(self, images: Tensor | np.ndarray) -> Extracted:
        x = torch.as_tensor(images).float().flatten(1) / 255
        return Extracted(x @ self._features, x @ self._logits)


def noise(count: int, seed: int, level: float = 100.0) -> np.ndarray:
    """(count, 1, 16, 16) uint8, around a level."""
    draws = np.random.default_rng(seed)
    return draws.normal(level, 30, (count, 1, 16, 16)).clip(0, 255).astype(np.uint8)


def make_store(counts: list[int], seed: int = 0) -> ImageStore:
    """Noise around a level of its own for each class, shuffled."""
    parts = [noise(count, 10 * seed + label, 60.0 + 60 * label) for label, count in enumerate(counts)]
    images = np.concatenate(parts)
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    order = np.random.default_rng(seed).permutation(len(labels))
    names = tuple("abcdefgh"[: len(counts)])
    images, labels = images[order], labels[order]
    return ImageStore(images, labels, names, fingerprint(images, labels, names))


class Replay:
    """Stands for a generator: gives the images of a store in order."""

    def __init__(self, store: ImageStore):
        self.store = store
        self.class_names = store.class_names

    def stream_classes(
        self, counts: Mapping[int, int], *, seed: int = 0, truncation: float = 1.0
    ) -> Iterator[tuple[int, int, Tensor]]:
        for label, count in counts.items():
            rows = np.flatnonzero(self.store.labels == label)[:count]
            assert len(rows) == count
            for start in range(0, count, 7):
                yield label, start, torch.from_numpy(self.store.images[rows[start : start + 7]])


def scenes_store(counts: list[int], seed: int) -> ImageStore:
    """Smooth pictures, all different, of a lightness of its own for each class, shuffled."""
    draws = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    pictures = gaussian_filter(draws.normal(size=(len(labels), 1, 16, 16)), (0, 0, 1.2, 1.2), mode="nearest")
    pictures = 100 + 30 * labels[:, None, None, None] + 35 * pictures / pictures.std()
    order = draws.permutation(len(labels))
    images, labels = pictures.clip(0, 255).astype(np.uint8)[order], labels[order]
    names = tuple("abcdefgh"[: len(counts)])
    return ImageStore(images, labels, names, fingerprint(images, labels, names))
