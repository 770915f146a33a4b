"""Diversity of a class: the share of near-duplicates among samples, and the share of real images that they cover.

It compares scaled-down pictures without a feature extractor, which is cheap enough during a training.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from acgan.types import MIN_IMAGES_PER_CLASS

_SIDE = 16
_COMPONENTS = 8
_NEAREST_K = 5
_FIRST_PERCENTILE = -2.326  # of the standard normal distribution
_SAME = 1e-3  # distances below are none


@dataclass(frozen=True)
class ClassDiversity:
    """The diversity of one class's samples.

    Attributes:
        duplicates: Share of samples whose nearest other sample is closer than the 1st percentile of
            nearest-neighbour distances among as many real images.
        coverage: Share of real images that have a sample within the distance of their 5th nearest real
            neighbour (Naeem et al. 2020, eq. 4).
        realistic: Share of samples that lie within that distance of any real image (Kynkäänniemi et al. 2019, eq. 2).

    Real images against other real images of their class, 1,000 draws a number of images from each of digits, MNIST and
    CIFAR-10 (``benchmarks/monitor_rates.py``): ``duplicates`` is 0.02 to 0.05 on average, and the largest of 3,000
    was 0.60 with 20 images, 0.47 with 30, 0.25 with 60; ``coverage`` is 0.97 to 0.98, the smallest 0.50, 0.63 and
    0.75. So few images may show a collapse by chance: by the default thresholds 4 of 3,000 draws of 20 images did, and
    none of 30 or more.
    """

    duplicates: float
    coverage: float
    realistic: float


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
    if len(real) < MIN_IMAGES_PER_CLASS:
        return None
    a, b = _scaled_down(samples), _scaled_down(real)
    radius = torch.cdist(b, b).fill_diagonal_(torch.inf).kthvalue(_NEAREST_K, dim=1).values  # (N,)
    within = torch.cdist(b, a) < radius[:, None]  # (N real, N samples)
    coverage, realistic = (within.any(dim=dim).double().mean().item() for dim in (1, 0))
    p, q = _principal_components(torch.cat((a, b))).chunk(2)
    duplicates = (_nearest(p) < _first_percentile(_nearest(q))).double().mean().item()
    return ClassDiversity(duplicates, coverage, realistic)


def _scaled_down(images: Tensor) -> Tensor:
    """(N, C * 16 * 16), in float64, so that the distance between equal images comes out as zero."""
    return F.adaptive_avg_pool2d(images.double(), _SIDE).flatten(1)


def _principal_components(features: Tensor) -> Tensor:
    """The few directions (N, 8) in which the pictures differ most: noise is spread over all of them alike.

    They are those of samples and real images together; of either alone, they would fit that side better.
    """
    centred = features - features.mean(dim=0)
    directions: Tensor = torch.linalg.svd(centred, full_matrices=False).Vh[:_COMPONENTS]
    return centred @ directions.T


def _nearest(points: Tensor) -> Tensor:
    """(N,) distance of each point to the nearest other one."""
    return torch.cdist(points, points).fill_diagonal_(torch.inf).min(dim=1).values.clamp_min(_SAME)


def _first_percentile(distances: Tensor) -> Tensor:
    """The 1st percentile of the log-normal distribution through the distances.

    The empirical one would lie at the smallest of a hundred distances, and be zero where two real images are
    the same. So that a few such pairs do not widen the distribution either, none counts as lying further below the
    median than the largest distance lies above it.
    """
    logs = distances.log()
    logs = logs.clamp_min(2 * logs.median() - logs.max())
    return (logs.mean() + _FIRST_PERCENTILE * logs.std()).exp()
