"""What turns images into features. N images, F features, K classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Extracted:
    """What an extractor makes of N images, on the CPU.

    Attributes:
        features: (N, F) float32.
        logits: (N, K) float32; None where the network ends before it has any.
    """

    features: Tensor
    logits: Tensor | None


class Extractor(Protocol):
    """A fixed network: the same one for every score that is to be compared."""

    @property
    def name(self) -> str:
        """Which network with which weights: ``digits@738debee``; empty for FID's own."""

    @property
    def frechet(self) -> str:
        """What the Fréchet distance on its features is called: ``fid`` or ``fcd``."""

    @property
    def inception_score(self) -> str:
        """What the Inception score of its logits is called."""

    @property
    def dims(self) -> int:
        """F."""

    @property
    def size(self) -> tuple[int, int] | None:
        """(channels, side) of the images it takes; None for RGB or gray images of any size."""

    def describe(self) -> dict[str, Any]:
        """``name``, ``sha256``, ``dims``, ``resize`` and ``precision``: scores are compared where these are equal."""

    def __call__(self, images: Tensor | np.ndarray) -> Extracted:
        """Features and logits of images (N, C, H, W) uint8."""


def metric_name(metric: str, extractor: Extractor) -> str:
    """A metric's full name: ``fid``, ``fcd[digits@738debee]``. Nothing but FID's own network goes without saying."""
    return f"{metric}[{extractor.name}]" if extractor.name else metric
