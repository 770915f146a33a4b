"""The collapse monitor: are the samples of a class copies of a few images, and do they cover the real ones?

Cheap enough to run during training: distances between pictures scaled down, no feature extractor.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

#: Fewer images than this of a class say nothing about its diversity.
MIN_IMAGES = 20
_SIDE = 8
_NEAREST_K = 5


@dataclass(frozen=True)
class ClassDiversity:
    """The diversity of one class's samples.

    Attributes:
        duplicates: Share of samples whose nearest other sample is closer than the 1st percentile of
            nearest-neighbour distances among as many real images; about 0.01 for real images.
        coverage: Share of real images that have a sample within the distance of their 5th nearest real
            neighbour (Naeem et al. 2020, eq. 4); about 0.97 for real images.
    """

    duplicates: float
    coverage: float


def class_diversity(samples: Tensor, real: Tensor) -> ClassDiversity | None:
    """Compare samples of a class with real images of it.

    Args:
        samples: (N, C, H, W) uint8.
        real: (N, C, H, W) uint8, as many.

    Returns:
        The diversity, or None where there are too few images to tell.
    """
    if len(samples) != len(real):
        raise ValueError(f"expected as many samples as real images, got {len(samples)} and {len(real)}")
    if len(real) < MIN_IMAGES:
        return None
    a, b = _scaled_down(samples), _scaled_down(real)
    real_neighbours = torch.cdist(b, b).fill_diagonal_(torch.inf).sort(dim=1).values
    radius = real_neighbours[:, _NEAREST_K - 1]  # (N,)
    closeness = real_neighbours[:, 0].quantile(0.01)
    sample_nearest = torch.cdist(a, a).fill_diagonal_(torch.inf).min(dim=1).values
    return ClassDiversity(
        duplicates=(sample_nearest < closeness).float().mean().item(),
        coverage=(torch.cdist(b, a).min(dim=1).values < radius).float().mean().item(),
    )


def _scaled_down(images: Tensor) -> Tensor:
    """(N, C * 8 * 8) float: what differs only in noise comes out alike."""
    return F.adaptive_avg_pool2d(images.float(), _SIDE).flatten(1)
