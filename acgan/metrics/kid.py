"""The kernel distance of two sets of features (KID where they are Inception's). Shapes: N, M images, F features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from acgan.metrics._feature_pair import feature_pair
from acgan.runtime import Draws


@dataclass(frozen=True)
class KernelDistance:
    """How far two sets of features lie apart.

    Attributes:
        value: Mean estimate over the subsets; around 0, on either side, where the distributions are the same.
        std: Standard deviation over the subsets (of the population, divided by their number); None where there was
            but one estimate, over everything. The subsets overlap: it is no standard error of the value.
    """

    value: float
    std: float | None


def kernel_distance(
    real: Tensor,
    fake: Tensor,
    *,
    strata: tuple[Tensor, Tensor] | None = None,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> KernelDistance:
    """Estimate the squared maximum mean discrepancy without bias (Bińkowski et al. 2018, eq. 4).

    The kernel is k(x, y) = (x·y / F + 1)³. Each of several estimates takes as many images of both sides, drawn
    without replacement; where neither side has more than the subset size, there is one estimate over all images.

    The estimate is without bias for images drawn independently. Where the number of images of each class was fixed
    instead, two different images are of one class less often than chance has it, and the estimate lies below, the
    further the fewer the images. With their classes as ``strata`` it has no bias: pairs within a class of n images
    count n / (n - 1) times. Drawn subsets need no strata, but for the little that the whole was not drawn at random.

    Args:
        real: (N, F) features of real images, of any floating-point type; computed with in float64.
        fake: (M, F) features of generated images.
        strata: (N,) and (M,) int64 classes, of which the numbers of images were fixed; used where one estimate is over
            everything. A class with a single image leaves that side as it is without strata.
        subsets: Number of estimates.
        subset_size: Images of a side in an estimate; no more than the smaller side has are taken.
        seed: Which subsets; the same for the same seed, N and M.

    Returns:
        Mean and standard deviation of the estimates.

    Raises:
        ValueError: The shapes do not match, a side has fewer than 2 images, a feature is not finite, there are no
            subsets, or they have fewer than 2 images.
    """
    if subsets < 1 or subset_size < 2:
        raise ValueError(f"expected subsets >= 1 and subset_size >= 2, got {subsets} and {subset_size}")
    real, fake = feature_pair(real, fake, at_least=2)
    if max(len(real), len(fake)) <= subset_size:
        return KernelDistance(_squared_mmd(real, fake, strata or (None, None)), None)
    size = min(subset_size, len(real), len(fake))
    draws = Draws(seed)
    estimates = []
    for subset in range(subsets):
        generator = draws.generator("kernel distance subsets", subset)
        estimates.append(
            _squared_mmd(_subset(real, size, generator), _subset(fake, size, generator), (None, None))
        )
    return KernelDistance(float(np.mean(estimates)), float(np.std(estimates)))


def _subset(features: Tensor, size: int, generator: np.random.Generator) -> Tensor:
    chosen = torch.from_numpy(generator.choice(len(features), size, replace=False))
    return features[chosen.to(features.device)]


def _squared_mmd(real: Tensor, fake: Tensor, strata: tuple[Tensor | None, Tensor | None]) -> float:
    real, fake = real.double(), fake.double()
    within = [_mean_within(x, classes) for x, classes in zip((real, fake), strata, strict=True)]
    return sum(within) - 2 * _kernel(real, fake).mean().item()


def _mean_within(features: Tensor, classes: Tensor | None) -> float:
    """The mean kernel of pairs of different images: with themselves, they would bias the estimate."""
    kernel, count = _kernel(features, features).fill_diagonal_(0), len(features)
    if classes is not None:
        classes = classes.to(features.device)
        sizes = classes.bincount()[classes]  # (n,) of each image's class
        if (sizes > 1).all():
            same = classes[:, None] == classes
            kernel[same] *= (sizes.double() / (sizes - 1)).repeat_interleave(sizes)
            return kernel.sum().item() / count**2
    return kernel.sum().item() / (count * (count - 1))


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3
