"""Samples that something else generated, in the place of a generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from acgan.runtime import Draws
from acgan.types import ImageStore

_PORTION = 256


class Samples(Protocol):
    """Generated images of named classes, as they are scored: a generator's, or given ones."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """K names; a label's index is its class."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""

    @property
    def origin(self) -> Mapping[str, Any]:
        """Provenance, as far as it is known."""

    def available(self, label: int) -> int | None:
        """Number of images of a class; None if there is no end of them."""

    def stream_classes(
        self, counts: Mapping[int, int], *, seed: int = 0, truncation: float = 1.0
    ) -> Iterator[tuple[int, int, Tensor]]:
        """Images of several classes, see ``ClassSampler.stream_classes``."""

    def image(self, label: int, index: int, *, seed: int = 0, truncation: float = 1.0) -> Tensor:
        """The image (C, H, W) uint8 of a class that ``stream_classes`` gives that index."""


class GivenSamples:
    """Samples that lie in a store. A seed chooses which come first.

    Args:
        store: The samples.
    """

    def __init__(self, store: ImageStore):
        self.store = store
        self._rows = [np.flatnonzero(store.labels == label) for label in range(store.num_classes)]

    @property
    def class_names(self) -> tuple[str, ...]:
        """K names; a label's index is its class."""
        return self.store.class_names

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.store.channels, self.store.resolution, self.store.resolution

    @property
    def origin(self) -> Mapping[str, Any]:
        """Nothing: pictures do not tell how their generator was trained."""
        return {}

    def available(self, label: int) -> int:
        """Number of images of a class."""
        return len(self._rows[label])

    def stream_classes(
        self, counts: Mapping[int, int], *, seed: int = 0, truncation: float = 1.0
    ) -> Iterator[tuple[int, int, Tensor]]:
        """The first images of several classes, in the order of a seed.

        Args:
            counts: Number of images by class, at most those that are available.
            seed: Seed of the order.
            truncation: 1: pictures cannot be drawn more typical.

        Yields:
            The class, the index of the portion's first image, and images (n, C, H, W) uint8.
        """
        assert truncation == 1
        for label, count in counts.items():
            rows = self._shuffled(label, seed)[:count]
            assert len(rows) == count, "no more than there are"
            for start in range(0, count, _PORTION):
                yield label, start, torch.from_numpy(self.store.images[rows[start : start + _PORTION]])

    def image(self, label: int, index: int, *, seed: int = 0, truncation: float = 1.0) -> Tensor:
        """The image (C, H, W) uint8 of a class that ``stream_classes`` gives that index."""
        return torch.from_numpy(np.array(self.store.images[self._shuffled(label, seed)[index]]))

    def _shuffled(self, label: int, seed: int) -> np.ndarray:
        return Draws(seed).generator("given samples", label).permutation(self._rows[label])
