"""The two sets of feature vectors that a metric compares."""

from __future__ import annotations

import torch
from torch import Tensor


def feature_pair(first: Tensor, second: Tensor, at_least: int) -> tuple[Tensor, Tensor]:
    """Both sets, detached and on a device that has float64, if a metric can compare them.

    They keep their type: a metric converts what it computes with, as float64 copies of everything need not fit.

    Args:
        first: (N, F) of any floating-point type.
        second: (M, F) of any floating-point type.
        at_least: The fewest vectors that either set may have.

    Raises:
        ValueError: The shapes do not match, a set has too few vectors, or a feature is not finite.
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(f"expected (N, F) and (M, F), got {tuple(first.shape)} and {tuple(second.shape)}")
    if min(len(first), len(second)) < at_least:
        raise ValueError(f"expected at least {at_least} images a side, got {len(first)} and {len(second)}")
    for features in (first, second):
        # NaN would compare as far from everything.
        if not torch.stack(torch.aminmax(features)).isfinite().all():
            raise ValueError("expected finite features, got NaN or infinity")
    return _on_float64_device(first.detach()), _on_float64_device(second.detach())


def _on_float64_device(features: Tensor) -> Tensor:
    return features.cpu() if features.device.type == "mps" else features
