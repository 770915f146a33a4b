"""Intervals of shares, and of means of a few halves. All are meant to hold in 95 of 100 cases."""

from __future__ import annotations

import math
from statistics import NormalDist

_CONFIDENCE = 0.95
#: 97.5 % quantile of Student's t with two degrees of freedom: that of three halvings.
T_OF_THREE = 4.303


def half_interval(std: float, count: int) -> float:
    """Half of the interval of a mean of ``count`` values, two or more, with this deviation, by Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, (1 + _CONFIDENCE) / 2)) * std / math.sqrt(count)


def half_interval_of_difference(std_a: float, std_b: float) -> float:
    """Half of the interval of a difference of two means of three halvings each, by Welch's t.

    A halving's deviation is the standard error itself. Degrees of freedom are 2 if one side has all of it, and 4 if
    both have as much (Welch 1947).
    """
    from scipy.special import stdtrit

    a, b = std_a**2, std_b**2
    if a + b == 0:
        return 0.0
    freedom = (a + b) ** 2 / (a**2 / 2 + b**2 / 2)
    return float(stdtrit(freedom, (1 + _CONFIDENCE) / 2)) * math.sqrt(a + b)


def share_interval(share: float, count: int, *, tries: int = 1) -> tuple[float, float]:
    """Wilson's interval of a share of ``count`` images (Wilson 1927).

    Args:
        share: The share, in [0, 1].
        count: Number of images.
        tries: Number of shares that are looked at together; the interval of each is wider by Bonferroni.
    """
    z = NormalDist().inv_cdf(1 - (1 - _CONFIDENCE) / (2 * tries))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # Rounding would leave 1e-17 beside the ends.
    return (0.0 if share == 0 else middle - half), (1.0 if share == 1 else middle + half)


def share_difference(
    a: float, count_a: int, b: float, count_b: int, *, tries: int = 1
) -> tuple[float, float]:
    """Interval of a - b for two independent shares (Newcombe 1998, method 10).

    Args:
        a: A share of ``count_a`` images.
        count_a: Number of images.
        b: A share of ``count_b`` images.
        count_b: Number of images.
        tries: See ``share_interval``.
    """
    low_a, high_a = share_interval(a, count_a, tries=tries)
    low_b, high_b = share_interval(b, count_b, tries=tries)
    return a - b - math.hypot(a - low_a, high_b - b), a - b + math.hypot(high_a - a, b - low_b)
