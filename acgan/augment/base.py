"""What changes of the images a discriminator sees have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor


class DiscriminatorAugmentation(ABC):
    """Changes images at random before the discriminator sees them, real and generated ones alike.

    Each image is changed by its own row of draws and by nothing else: a batch that is split gives the same
    images up to rounding. Differentiable with respect to the images, and never waits for the device.

    Args:
        parts: What is switched on, of ``PARTS``; in which order does not matter.

    Attributes:
        PARTS: What can be switched on.
        num_draws: Uniform draws an image, the same number whatever is switched on, so that switching one part
            on or off does not change the others.

    Raises:
        ValueError: A part is unknown.
    """

    PARTS: ClassVar[tuple[str, ...]]
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
            p: () on the device, in [0, 1]: with which probability each operation is applied to an image,
                independently of the others.

        Returns:
            (n, C, H, W), which may leave [-1, 1], of the same type, contiguous in the same memory format.
        """
        changed = self._change(images, draws, p)
        channels_last = images.is_contiguous(memory_format=torch.channels_last) and not images.is_contiguous()
        return changed.contiguous(
            memory_format=torch.channels_last if channels_last else torch.contiguous_format
        )

    @abstractmethod
    def _change(self, images: Tensor, draws: Tensor, p: Tensor) -> Tensor:
        """Images, changed, in any memory format."""
