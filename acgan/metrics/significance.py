"""Tests of differences of means between a few units, and what so few could not have shown."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from acgan.runtime import Draws

#: Divisions of the units into two groups that are all gone through; of more, so many are drawn.
MAX_DIVISIONS = 200_000
#: Fewest units a side that a difference is called distinguishable with; fewer lean. Of four a side, the least
#: probability is 0.029 for one metric, which no second metric leaves room for.
UNITS_TO_DISTINGUISH = 5
#: Share of the trainings in which a difference of the size that is printed is seen.
POWER = 0.8


def permutation_test(a: Sequence[float], b: Sequence[float], seed: int = 0) -> float:
    """Probability of a difference of means at least as large, either way, if units fell into the groups by chance.

    All divisions of the units into two groups of these sizes are gone through where there are at most 200,000 (up to
    10 a side), which is exact (Fisher 1935, section 21). Of more, 200,000 are drawn, and the division that was found
    counts as one of them (Phipson & Smyth 2010, eq. 2).

    Args:
        a: Finite values of one group, at least one.
        b: Those of the other.
        seed: Seed of the draws.

    Returns:
        The probability, in (0, 1]: at least that of the division itself, and of its mirror where the groups are of
        one size.
    """
    units = np.concatenate([np.asarray(a, np.float64), np.asarray(b, np.float64)])
    # Sums of the same values in another order differ in their last digits.
    rounding = 1e-12 * len(units) * float(np.abs(units).max(initial=0))
    units = units - units.mean()
    size_a, size = len(a), len(units)
    exact = math.comb(size, size_a) <= MAX_DIVISIONS
    members = _all_divisions(size, size_a) if exact else _drawn_divisions(size, size_a, seed)
    # With the sum of all at zero, a group's sum tells the difference of means.
    sums = np.abs(members @ units)
    least = abs(float(units[:size_a].sum())) - rounding
    found = int(np.count_nonzero(sums >= least))
    return found / len(sums) if exact else (found + 1) / (len(sums) + 1)


def least_probability(size_a: int, size_b: int) -> float:
    """The least that the permutation test of groups of these sizes can yield."""
    divisions = math.comb(size_a + size_b, size_a)
    if divisions > MAX_DIVISIONS:
        return 1 / (MAX_DIVISIONS + 1)
    return (2 if size_a == size_b else 1) / divisions


def holm(probabilities: Sequence[float]) -> list[float]:
    """Probabilities corrected for their number (Holm 1979): below alpha, any false one among them is as rare as that.

    Args:
        probabilities: One a test.

    Returns:
        The corrected ones in the same order, at most 1.
    """
    corrected, highest = [0.0] * len(probabilities), 0.0
    for rank, index in enumerate(sorted(range(len(probabilities)), key=lambda index: probabilities[index])):
        highest = max(highest, min(1.0, (len(probabilities) - rank) * probabilities[index]))
        corrected[index] = highest
    return corrected


def smallest_seen(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> float | None:
    """The true difference of means whose interval would exclude zero four times in five, at the spread of these units.

    It is the standard error times the sum of two quantiles of Student's t, with Welch's degrees of freedom, or the
    standard error of the pooled variance where that is larger, as in the interval of ``bootstrap_difference``. The
    deviation of few units is too small on the average, by the factor c4 (Holtzman 1950); that of the smaller group
    makes up for it. `benchmarks/comparison_rates.py` counts how often such a difference is seen.

    Args:
        a: Values of one group, at least two.
        b: Those of the other.
        confidence: Confidence of the interval.

    Returns:
        The difference, above zero; None where neither group has any spread, which tells nothing.
    """
    from scipy.special import stdtrit

    sizes = len(a), len(b)
    variances = [float(np.var(units, ddof=1)) for units in (a, b)]
    parts = [variance / size for variance, size in zip(variances, sizes, strict=True)]
    if sum(parts) == 0:
        return None
    freedom = sum(parts) ** 2 / sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    squares = sum(variance * (size - 1) for variance, size in zip(variances, sizes, strict=True))
    pooled = squares / (sum(sizes) - 2) * sum(1 / size for size in sizes)
    quantiles = stdtrit(freedom, (1 + confidence) / 2) + stdtrit(freedom, POWER)
    fewest = min(sizes)
    c4 = math.sqrt(2 / (fewest - 1)) * math.exp(math.lgamma(fewest / 2) - math.lgamma((fewest - 1) / 2))
    return float(quantiles * max(sum(parts), pooled) ** 0.5 / c4)


def mean_interval(units: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Student's interval of the mean; None of fewer than two units."""
    from scipy.special import stdtrit

    size = len(units)
    if size < 2:
        return None
    mean, error = float(np.mean(units)), float(np.std(units, ddof=1)) / size**0.5
    reach = float(stdtrit(size - 1, (1 + confidence) / 2)) * error
    return mean - reach, mean + reach


def unseen_share(size: int, confidence: float = 0.95) -> float:
    """The largest share of trainings that may fail although none of so many did: 1 - (1 - confidence)^(1 / size)."""
    return float(1 - (1 - confidence) ** (1 / size))


@lru_cache(maxsize=8)
def _all_divisions(size: int, size_a: int) -> np.ndarray:
    """(divisions, size) ones for the members of the first group, else zeros."""
    chosen = np.array(list(itertools.combinations(range(size), size_a)))
    members = np.zeros((len(chosen), size))
    np.put_along_axis(members, chosen, 1.0, axis=1)
    return members


def _drawn_divisions(size: int, size_a: int, seed: int) -> np.ndarray:
    ranks = Draws(seed).generator("permutation").random((MAX_DIVISIONS, size)).argsort(axis=1)
    return np.asarray(ranks < size_a, dtype=np.float64)
