"""The interface of feature extractors. N images, F features, K classes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from acgan.parallel import in_order_on
from acgan.runtime import full_precision

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Extracted:
    """An extractor's output for N images, on the CPU.

    Attributes:
        features: (N, F) float32.
        logits: (N, K) float32; None if the network ends before them.
    """

    features: Tensor
    logits: Tensor | None


class Extractor(Protocol):
    """A fixed network. Scores are comparable if the same one made them. On a CPU, several threads call it at once."""

    @property
    def name(self) -> str:
        """Name of network and weights, ``digits@738debee``; empty for FID's own."""

    @property
    def frechet(self) -> str:
        """Name of the Fréchet distance on its features: ``fid``, ``fcd`` or ``fd``."""

    @property
    def inception_score(self) -> str:
        """Name of the Inception score of its logits."""

    @property
    def dims(self) -> int:
        """F."""

    @property
    def size(self) -> tuple[int, int] | None:
        """(channels, side) of the images it takes; None for RGB or gray images of any size."""

    @property
    def device(self) -> torch.device:
        """The device that it computes on."""

    @property
    def portion_size(self) -> int:
        """Number of images that it computes at once; it takes any number."""

    def describe(self) -> dict[str, Any]:
        """``name``, ``sha256``, ``dims``, ``resize`` and ``precision``: scores are comparable if these are equal."""

    def __call__(self, images: Tensor | np.ndarray) -> Extracted:
        """Features and logits of images (N, C, H, W) uint8."""


def metric_name(metric: str, extractor: Extractor) -> str:
    """A metric's full name: ``fid``, ``fcd[digits@738debee]``. Only FID's own network is not named."""
    return f"{metric}[{extractor.name}]" if extractor.name else metric


def float32_on(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """``full_precision`` on a GPU. A CPU has no less, and its threads share the settings of the process."""
    return contextlib.nullcontext() if device.type == "cpu" else full_precision()


def by_portions(
    images: Tensor | np.ndarray, device: torch.device, size: int, compute: Callable[[Tensor], _Found]
) -> list[_Found]:
    """Outputs of a network for images (N, C, H, W), in portions of ``size`` and in their order."""
    x = images if isinstance(images, Tensor) else torch.from_numpy(np.ascontiguousarray(images))
    with float32_on(device):
        return list(in_order_on(device, compute, x.split(size)))
