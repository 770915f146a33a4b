"""Intervals of a difference of means from a few units, by bootstrap (Efron 1979).

The plain percentile bootstrap of so few units is too narrow: with three a side it finds a difference where there is
none one time in five, not one in twenty. Its deviations are therefore stretched, by sqrt(n / (n - 1)) as a sample's
own spread is too small, and by a quantile of Student's t over that of the normal distribution, as the spread itself
is a guess (Hesterberg 2015, sections 3.3 and 4.2). benchmarks/bootstrap_rates.py counts what is found all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acgan.runtime import Draws

#: Fewest units of a group that tell its spread.
MIN_UNITS = 3


@dataclass(frozen=True)
class Difference:
    """A difference of means, b - a, and the ends of its confidence interval, low <= high."""

    value: float
    low: float
    high: float

    @property
    def distinguishable(self) -> bool:
        """True if the interval excludes zero."""
        return self.low > 0 or self.high < 0


def bootstrap_difference(
    a: Sequence[float],
    b: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Difference:
    """The difference of the means of two independent groups of units.

    The deviations are stretched to the standard error with Welch's degrees of freedom, or to that of the pooled
    variance where it is larger: of groups of 3 and 10, the one of 3 may have hardly any spread by chance.

    Args:
        a: Scores of at least three units: training seeds or generation seeds.
        b: Scores of the other arm; the number may differ.
        confidence: Confidence of the interval, in (0, 1).
        resamples: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        mean(b) - mean(a) with its interval, of no width where neither group has any spread. The confidence is what
        is meant, not a bound. At 0.95 and with equal means, intervals of 3 to 10 units a side excluded zero in 0.7 to
        5.1 % of 10,000 trials where both groups were of one distribution (six were tried), in up to 6.2 % where one
        was three times as wide, and in up to 13.5 % where both were skewed, in opposite directions.

    Raises:
        ValueError: A group has fewer than three units, or a score is not finite.
    """
    groups = [np.asarray(units, np.float64) for units in (a, b)]
    if min(map(len, groups)) < MIN_UNITS or not all(np.isfinite(units).all() for units in groups):
        raise ValueError(f"expected {MIN_UNITS} finite scores or more a group, got {a} and {b}")
    means = [_mean(units) for units in groups]
    value = means[1] - means[0]
    # Deviations from the means, unlike the units themselves, are exactly zero where all units are the same.
    centred = [units - mean for units, mean in zip(groups, means, strict=True)]
    size_a, size_b = map(len, groups)
    part_a, part_b = (float(np.mean(units**2)) / (len(units) - 1) for units in centred)  # s^2 / n
    variance = part_a + part_b
    if variance == 0:
        return Difference(value, value, value)
    freedom = variance**2 / (part_a**2 / (size_a - 1) + part_b**2 / (size_b - 1))
    squares = part_a * size_a * (size_a - 1) + part_b * size_b * (size_b - 1)
    pooled = squares / (size_a + size_b - 2) * (1 / size_a + 1 / size_b)
    scale = _t_over_normal(confidence, freedom) * max(1.0, pooled / variance) ** 0.5
    generator = Draws(seed).generator("bootstrap")
    deviations = [_resampled_means(units, resamples, generator) for units in centred]
    return _interval(value, (deviations[1] - deviations[0]) * scale, confidence)


def paired_bootstrap(
    a: np.ndarray, b: np.ndarray, *, confidence: float = 0.95, resamples: int = 2_000, seed: int = 0
) -> Difference:
    """The difference in accuracy of two arms that were trained with the same seeds and tested on the same images.

    Seeds and images are both drawn anew, each for both arms at once: d[s, i] = b[s, i] - a[s, i] has a part of the
    seed, a part of the image, and the rest. The rest makes the seeds' means vary as well as the images', and would
    count twice: it is taken off the images' (Cameron et al. 2011, eq. 2.8), where the seeds' make up for it.

    Args:
        a: (S, N) bool, True where the classifier of a seed is right on an image, S >= 3.
        b: (S, N) bool: the same of the other arm.
        confidence: Confidence of the interval, in (0, 1).
        resamples: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        mean(b) - mean(a), in [-1, 1], with its interval.

    Raises:
        ValueError: The shapes differ, there are fewer than three seeds, or fewer than two images.
    """
    if a.shape != b.shape or a.ndim != 2 or a.shape[0] < MIN_UNITS or a.shape[1] < 2:
        raise ValueError(f"expected twice the same (S >= {MIN_UNITS}, N >= 2), got {a.shape} and {b.shape}")
    num_seeds, num_images = a.shape
    difference = b.astype(np.int8) - a.astype(np.int8)
    by_seed = difference.sum(axis=1, dtype=np.int64) / num_images
    by_image = difference.sum(axis=0, dtype=np.int64)  # in units of 1 / S
    value = float(by_seed.mean())

    of_seeds = float(by_seed.var()) / (num_seeds - 1)
    of_images = float(by_image.var()) / num_seeds**2 / (num_images - 1)
    # A cell's variance: of all three parts.
    squares = np.count_nonzero(difference) / difference.size - value**2
    rest = squares - of_seeds * (num_seeds - 1) - of_images * (num_images - 1)
    rest /= (num_seeds - 1) * (num_images - 1)
    stretch_seeds = _t_over_normal(confidence, num_seeds - 1)
    stretch_images = _t_over_normal(confidence, num_images - 1)
    # Few seeds may agree by chance, and then cover nothing of the rest.
    covered = min(rest, of_seeds * (stretch_seeds / stretch_images) ** 2)
    own = max(0.0, of_images - covered) / of_images if of_images > 0 else 0.0

    generator = Draws(seed).generator("bootstrap")
    seeds = _resampled_means(by_seed - value, resamples, generator)
    # Images with the same sum are alike: how often each sum is drawn is all there is to know of a resample.
    sums, counts = np.unique(by_image, return_counts=True)
    drawn = generator.multinomial(num_images, counts / num_images, size=resamples)  # at most 2 S + 1 columns
    images = drawn @ (sums / num_seeds - value) / num_images
    images *= (own * num_images / (num_images - 1)) ** 0.5
    return _interval(value, stretch_seeds * seeds + stretch_images * images, confidence)


def _mean(units: np.ndarray) -> float:
    """The mean, which is exactly the units' value where they all have the same."""
    return float(units[0] + (units - units[0]).mean())


def _resampled_means(centred: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """(resamples,) means of as many units drawn with replacement, with the variance of the mean, unbiased."""
    size = len(centred)
    means: np.ndarray = centred[generator.integers(size, size=(resamples, size))].mean(axis=1)
    means *= (size / (size - 1)) ** 0.5
    return means


def _t_over_normal(confidence: float, freedom: float) -> float:
    """Ratio of a two-sided interval's width by Student's distribution to that by the normal one."""
    from scipy.special import ndtri, stdtrit

    quantile = (1 + confidence) / 2
    return float(stdtrit(freedom, quantile) / ndtri(quantile))


def _interval(value: float, deviations: np.ndarray, confidence: float) -> Difference:
    low, high = np.quantile(deviations, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Difference(value, value + float(low), value + float(high))
