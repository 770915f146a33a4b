"""Use of samples to a classifier (``cas``), run by run: its intervals are over trainings of classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acgan.evaluation import HelpRecord
from acgan.results.variants import Variant

#: Scores of ``cas``, in the order of their columns.
CAS_SCORES = ("cas_real", "cas_synthetic", "cas_both", "gan_test")


@dataclass(frozen=True)
class Helped:
    """Gain of classifiers by the samples of a run.

    Attributes:
        accuracies: Values of ``CAS_SCORES``; None where one is missing.
        gain: Trained on both minus trained on real images, with its 95 % interval.
        undertrained: True if the classifiers were trained too little to conclude anything.
    """

    variant: str
    seed: int
    accuracies: tuple[float | None, ...]
    gain: tuple[float, float, float]
    undertrained: bool


def helped(variants: Sequence[Variant]) -> tuple[Helped, ...]:
    """All runs that were measured."""
    return tuple(
        Helped(
            variant.name,
            one.seed,
            tuple(one.overall.get(name) for name in CAS_SCORES),
            (one.cas.cas_gain.value, one.cas.cas_gain.low, one.cas.cas_gain.high),
            one.cas.verdict.startswith("undertrained"),
        )
        for variant in variants
        for one in variant.scored
        if one.cas is not None
    )


def judged_differently(variants: Sequence[Variant]) -> list[str]:
    """Conditions of the classifiers' trainings that are not the same for all runs, by name."""
    found: list[HelpRecord] = [
        one.cas for variant in variants for one in variant.scored if one.cas is not None
    ]
    if not found:
        return []
    first = found[0].conditions()
    return [key for key, value in first.items() if any(one.conditions()[key] != value for one in found)]
