"""A difference of means between two groups of trainings, its test, and the words for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from acgan.metrics import catalogue
from acgan.metrics.bootstrap import Difference, bootstrap_difference
from acgan.metrics.significance import (
    UNITS_TO_DISTINGUISH,
    holm,
    least_probability,
    permutation_test,
    smallest_seen,
    unseen_share,
)

CONFIDENCE = 0.95
Verdict = Literal["distinguishable", "leans", "not distinguishable"]


@dataclass(frozen=True)
class TestedDifference:
    """A difference of means with all that was computed of it.

    Attributes:
        difference: mean(b) - mean(a), with its interval.
        p: Probability by the permutation test.
        p_holm: The same, corrected for all tests that were made together.
        smallest_seen: True difference that is seen four times in five; None if it cannot be told.
        units: Units of the smaller group.
    """

    difference: Difference
    p: float
    p_holm: float
    smallest_seen: float | None
    units: int

    @property
    def verdict(self) -> Verdict:
        """Distinguishable are differences of five units or more a side, by interval and by corrected test.

        Where the interval alone excludes zero, they lean.
        """
        if not self.difference.distinguishable:
            return "not distinguishable"
        surely = self.units >= UNITS_TO_DISTINGUISH and self.p_holm <= 1 - CONFIDENCE
        return "distinguishable" if surely else "leans"

    def in_words(self, metric: str, a: str, b: str) -> str:
        """The verdict, with the side that scores better where the metric has a direction."""
        verdict, better = self.verdict, self.better(metric)
        if verdict == "not distinguishable":
            return verdict
        if better is None:
            higher = "higher" if self.difference.value > 0 else "lower"
            return f"leans: {b} {higher}" if verdict == "leans" else f"{verdict}, {b} {higher}"
        side = b if better == "B" else a
        return f"leans to {side}" if verdict == "leans" else f"{verdict}, {side} scores better"

    def better(self, metric: str) -> Literal["A", "B"] | None:
        """Side that scores better; None if nothing is seen, or the metric has no known direction."""
        direction = catalogue.better(metric)
        if self.verdict == "not distinguishable" or direction is None:
            return None
        return "B" if (self.difference.value > 0) == (direction == "higher") else "A"


def judge_together(
    groups: Collection[tuple[tuple[float, ...], tuple[float, ...]]], seed: int = 0
) -> list[TestedDifference]:
    """Test differences together: their probabilities are corrected for their number.

    Args:
        groups: Values of A and of B, three or more of each.
        seed: Seed of the bootstrap.
    """
    probabilities = [permutation_test(a, b, seed) for a, b in groups]
    return [
        TestedDifference(
            bootstrap_difference(a, b, confidence=CONFIDENCE, seed=seed),
            p,
            corrected,
            smallest_seen(a, b, CONFIDENCE),
            min(len(a), len(b)),
        )
        for (a, b), p, corrected in zip(groups, probabilities, holm(probabilities), strict=True)
    ]


def limits(sizes: list[tuple[int, int]], units: str) -> Iterator[str]:
    """Remarks on what tests of groups of these sizes cannot show.

    Args:
        sizes: Numbers of units of both groups, one a test.
        units: Kind of the units.
    """
    tests, smaller = len(sizes), [min(size) for size in sizes]
    fewest = min(smaller)
    if fewest < UNITS_TO_DISTINGUISH:
        some = "" if max(smaller) < UNITS_TO_DISTINGUISH else "where there are so few, "
        yield (
            f"{fewest} {units} a side: {some}a difference leans at most; it takes {UNITS_TO_DISTINGUISH} to call one "
            "distinguishable"
        )
    enough = [size for size in sizes if min(size) >= UNITS_TO_DISTINGUISH]
    least = min(1.0, tests * min((least_probability(*size) for size in enough), default=0.0))
    if least > 1 - CONFIDENCE:
        yield (
            f"{tests} tests at once, so that p after Holm's correction is {least:.2g} at least and a difference leans "
            f"at most: name fewer --metrics, or take more {units}"
        )
    if units == "training seeds":
        yield (
            f"all this holds for trainings like these: a failure that strikes up to {unseen_share(fewest):.0%} of "
            f"trainings may not have shown in {fewest}, and would change the means: look at single values, or take "
            "more seeds"
        )
