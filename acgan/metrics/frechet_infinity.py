"""The Fréchet distance of infinitely many samples, extrapolated. N samples, F features."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from acgan.metrics.frechet import frechet_distance
from acgan.metrics.statistics import FeatureStatistics
from acgan.runtime import Draws

#: Numbers of samples that a line is laid through.
POINTS = 15
_LEAST_SHARE = 10  # the smallest number is this part of N
_LEAST_FACTOR = 2  # and at least so many samples a feature: with fewer the distance is no line in 1 / N


@dataclass(frozen=True)
class Extrapolated:
    """Fréchet distance at 1 / N = 0.

    Attributes:
        value: Where the line meets 1 / N = 0; it may be below 0.
        error: Its standard error, of the 15 distances about the line. They are of one set of samples, whose own chance
            it does not contain.
    """

    value: float
    error: float


def fewest_samples(dims: int) -> int:
    """Number of samples that an extrapolation needs: the largest number of a point is then twice the smallest."""
    return 2 * _LEAST_FACTOR * dims


def frechet_infinity(features: Tensor, mean: Tensor, covariance: Tensor, *, seed: int = 0) -> Extrapolated:
    """Extrapolate the Fréchet distance of samples to a reference (FID infinity, Chong & Forsyth 2020).

    The distance of N samples is too high by a part that falls as 1 / N. It is measured of 15 numbers of samples, evenly
    spaced from a tenth of N, but at least two a feature, up to N; each is drawn without replacement, a line in 1 / N is
    laid through all by least squares. The reference's own number of images stays as it is, and so does its part.

    Args:
        features: (N, F) of any floating-point type.
        mean: (F,) of the reference.
        covariance: (F, F) of the reference.
        seed: Seed of the subsets.

    Raises:
        ValueError: There are fewer than ``fewest_samples``, or the shapes do not match.
    """
    count, dims = features.shape
    if count < fewest_samples(dims):
        raise ValueError(f"expected {fewest_samples(dims)} samples or more of {dims} features, got {count}")
    draws, features = Draws(seed), features.detach().cpu()
    least = max(count // _LEAST_SHARE, _LEAST_FACTOR * dims)
    sizes = np.linspace(least, count, POINTS).astype(np.int64)

    def distance(point: int) -> float:
        chosen = draws.generator("frechet infinity", point).permutation(count)[: sizes[point]]
        statistics = FeatureStatistics(dims)
        statistics.update(features[torch.from_numpy(chosen)])
        return frechet_distance(statistics.mean, statistics.covariance, mean, covariance)

    return _at_zero(1 / sizes, np.array([distance(point) for point in range(POINTS)]))


def _at_zero(x: np.ndarray, y: np.ndarray) -> Extrapolated:
    """The intercept of the line by least squares, and its standard error."""
    centred = x - x.mean()
    square = float(centred @ centred)
    slope = float(centred @ y) / square
    left = y - y.mean() - slope * centred
    variance = float(left @ left) / (len(x) - 2)
    value = float(y.mean()) - slope * float(x.mean())
    return Extrapolated(value, math.sqrt(variance * (1 / len(x) + float(x.mean()) ** 2 / square)))
