"""The kernel distance of two sets of features (KID where they are Inception's). Shapes: N, M images, F features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from acgan.metrics._feature_pair import feature_pair
from acgan.parallel import in_order_on
from acgan.runtime import Draws


@dataclass(frozen=True)
class KernelDistance:
    """Kernel distance of two sets of features.

    Attributes:
        value: Mean estimate over the subsets; around 0, on either side, where the distributions are the same.
        std: Standard deviation over the subsets (of the population, divided by their number); None where there was
            but one estimate, over everything. The subsets overlap: it is no standard error of the value.
        published: The value as papers have it: of the same subsets, without strata.
        published_std: Its standard deviation over them.
    """

    value: float
    std: float | None
    published: float
    published_std: float | None


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
    further the fewer the images; drawing subsets of them does not help. With their classes as ``strata`` it has no
    bias: on a side of N images, N_c of class c, pairs within c count N_c / (N_c - 1) times, and all (N - 1) / N times.

    Args:
        real: (N, F) features of real images, of any floating-point type; computed with in float64.
        fake: (M, F) features of generated images.
        strata: (N,) and (M,) int64 classes, of which the numbers of images were fixed. Classes of a single image,
            which have no pairs, count as one class; a lone one goes to the smallest other class.
        subsets: Number of estimates.
        subset_size: Images of a side in an estimate; no more than the smaller side has are taken.
        seed: Seed of the subsets, which are equal for equal seed, N and M.

    Raises:
        ValueError: The shapes do not match, a side has fewer than 2 images, a feature is not finite, there are no
            subsets, or they have fewer than 2 images.
    """
    if subsets < 1 or subset_size < 2:
        raise ValueError(f"expected subsets >= 1 and subset_size >= 2, got {subsets} and {subset_size}")
    real, fake = feature_pair(real, fake, at_least=2)
    sides = [_Side(x, None) for x in (real, fake)]
    if strata is not None:
        sides = [_Side(x, _pair_weights(classes)) for x, classes in zip((real, fake), strata, strict=True)]
    if max(len(real), len(fake)) <= subset_size:
        value, plain = _squared_mmd(*sides)
        return KernelDistance(value, None, plain, None)
    size = min(subset_size, len(real), len(fake))
    draws = Draws(seed)

    def estimate(subset: int) -> tuple[float, float]:
        generator = draws.generator("kernel distance subsets", subset)
        return _squared_mmd(*(side.subset(size, generator) for side in sides))

    values, plain = np.array(list(in_order_on(real.device, estimate, range(subsets)))).T
    return KernelDistance(
        float(np.mean(values)), float(np.std(values)), float(np.mean(plain)), float(np.std(plain))
    )


@dataclass(frozen=True)
class _Weights:
    """Weights of the pairs of images of one side.

    Attributes:
        classes: (n,) int64.
        within: (n,) float64 weights of each image's pairs within its class.
        all: Weight of any pair.
    """

    classes: Tensor
    within: Tensor
    all: float


def _pair_weights(classes: Tensor) -> _Weights:
    """Weights that make up for fixed numbers of images of each class."""
    classes = _without_single(classes)
    sizes = classes.bincount()[classes].double()  # (N,) of each image's class
    return _Weights(classes, sizes / (sizes - 1), (len(classes) - 1) / len(classes))


def _without_single(classes: Tensor) -> Tensor:
    """Classes (N,) of two images or more: those of one image together, a lone one with the smallest other class."""
    sizes = classes.bincount()
    alone = sizes[classes] == 1  # (N,)
    if not alone.any():
        return classes
    others = torch.where(sizes > 1, sizes, len(classes))
    joined = len(sizes) if alone.sum() > 1 else int(others.argmin())
    return torch.where(alone, joined, classes)


@dataclass(frozen=True)
class _Side:
    """Features (n, F) and the weights of their pairs."""

    features: Tensor
    weights: _Weights | None

    def subset(self, size: int, generator: np.random.Generator) -> _Side:
        """Some of the images; their pairs count as those of the whole side do."""
        chosen = torch.from_numpy(generator.choice(len(self.features), size, replace=False))
        weights = self.weights
        if weights is not None:
            weights = _Weights(weights.classes[chosen], weights.within[chosen], weights.all)
        return _Side(self.features[chosen.to(self.features.device)], weights)

    def mean_kernel(self) -> tuple[float, float]:
        """Means over pairs of different images, weighted and plain; pairs of an image with itself would bias them."""
        x, count = self.features.double(), len(self.features)
        kernel = _kernel(x, x).fill_diagonal_(0)
        mean = kernel.sum().item() / (count * (count - 1))
        if self.weights is None:
            return mean, mean
        classes, within = self.weights.classes.to(x.device), self.weights.within.to(x.device)
        same = (kernel * (classes[:, None] == classes)).sum(dim=1)  # (n,)
        more = (same * (within - 1)).sum().item() / (count * (count - 1))
        return (mean + more) * self.weights.all, mean


def _squared_mmd(real: _Side, fake: _Side) -> tuple[float, float]:
    """The squared discrepancy with the pairs' weights, and without."""
    between = _kernel(real.features.double(), fake.features.double()).mean().item()
    weighted, plain = (
        a + b - 2 * between for a, b in zip(real.mean_kernel(), fake.mean_kernel(), strict=True)
    )
    return weighted, plain


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3
