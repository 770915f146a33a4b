"""Base class of random changes of the images that a discriminator sees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor


class DiscriminatorAugmentation(ABC):
    """Changes images at random before the discriminator sees them, real and generated ones alike.

    The change of an image depends only on its own row of draws: a batch that is split gives the same images up to
    rounding. Changes are differentiable with respect to the images, and never wait for the device.

    Args:
        parts: Parts that are switched on, from ``PARTS``, in any order.

    Raises:
        ValueError: If a part is unknown.
    """

    PARTS: ClassVar[tuple[str, ...]]
    #: Uniform draws per image; the same number always, so that switching one part does not alter the others.
    num_draws: ClassVar[int]

    def __init__(self, parts: Sequence[str]):
        if unknown := set(parts).difference(self.PARTS):
            raise ValueError(f"unknown: {sorted(unknown)}; there are {self.PARTS}")
        self.parts = frozenset(parts)

    def __call__(self, images: Tensor, draws: Tensor, p: Tensor) -> Tensor:
        """Change images; with p = 0 by no more than rounding.

        Args:
            images: (n, C, H, W) float32 or float64 in [-1, 1], C 1 or 3.
            draws: (n, num_draws) uniform in [0, 1), of the images' type and device.
            p: () on the device, in [0, 1]: probability of each operation for each image, independent of the others.

        Returns:
            (n, C, H, W) of the same type and memory format, contiguous; values may leave [-1, 1].
        """
        changed = self._change(images, draws, p)
        channels_last = images.is_contiguous(memory_format=torch.channels_last) and not images.is_contiguous()
        return changed.contiguous(
            memory_format=torch.channels_last if channels_last else torch.contiguous_format
        )

    @abstractmethod
    def _change(self, images: Tensor, draws: Tensor, p: Tensor) -> Tensor:
        """The changed images, in any memory format."""
