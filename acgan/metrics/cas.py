"""The classification accuracy score and GAN-test, from the answers of classifiers.

Shapes: S seeds, N test images, M generated ones, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from acgan.metrics.bootstrap import Difference, paired_bootstrap

_LEAST_GAP = 0.03  # of accuracy, to a classifier trained fully: more is called undertrained


@dataclass(frozen=True)
class SeedAccuracies:
    """Accuracy of one classifier a seed; shares in [0, 1].

    Attributes:
        values: S accuracies.
        per_class: K mean recalls over the seeds; None where a class has no images to judge by.
    """

    values: tuple[float, ...]
    per_class: tuple[float | None, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        """Sample standard deviation over the seeds."""
        return float(np.std(self.values, ddof=1))

    def to_dict(self) -> dict[str, Any]:
        """``value``, the mean; ``std``; and ``values`` by seed."""
        return {"value": self.mean, "std": self.std, "values": list(self.values)}


@dataclass(frozen=True)
class CasScores:
    """Worth of a generator's images to a classifier, judged on real test images.

    Attributes:
        real: Trained on real images.
        synthetic: Trained on generated images: the classification accuracy score (Ravuri & Vinyals 2019).
        both: Trained on both: their naive augmentation score.
        gan_test: Trained on real images and judged on generated ones (GAN-test, Shmelkov et al. 2018). Far above
            ``synthetic``, samples are of their class but lack its diversity.
        gain: ``both`` minus ``real``.
        gap: ``synthetic`` minus ``real``.
        class_gains: K times ``gain`` on the test images of a class; None where it has fewer than two. The intervals
            are each class's own: of 20 classes, one is expected to lie outside by chance.
        class_names: K names.
        full: Accuracy that the real images allow, of a classifier trained fully or longer; None if not known.
        full_of: Classifier whose accuracy that is, in words.
        provenance: Settings of the measurement, in plain values.
    """

    real: SeedAccuracies
    synthetic: SeedAccuracies
    both: SeedAccuracies
    gan_test: SeedAccuracies
    gain: Difference
    gap: Difference
    class_gains: tuple[Difference | None, ...]
    class_names: tuple[str, ...]
    full: float | None = None
    full_of: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def undertrained(self) -> bool:
        """True if the classifiers of real images are more than 3 points below what the images allow."""
        return self.full is not None and self.real.mean < self.full - _LEAST_GAP

    @property
    def verdict(self) -> str:
        """Effect of generated images beside real ones, and alone, in words and numbers.

        It begins with ``helps``, ``hurts`` or ``not distinguishable``, or with ``undertrained``: then samples may only
        stand in for real images that there was no time to learn from.
        """
        short = ""
        if self.undertrained and self.full is not None:
            short = (
                f"undertrained, since {self.full_of} reaches {_percent(self.full)}: train longer (--steps) before "
                "concluding; so far "
            )
        word = "not distinguishable"
        if self.gain.distinguishable:
            word = "helps" if self.gain.value > 0 else "hurts"
        alone = "not distinguishable from real ones alone"
        if self.gap.distinguishable:
            alone = f"{'better' if self.gap.value > 0 else 'worse'} than real ones alone"
        return short + (
            f"{word}: real and generated images together {_percent(self.both.mean)}, real ones alone "
            f"{_percent(self.real.mean)} ({_points(self.gain)}); generated ones alone "
            f"{_percent(self.synthetic.mean)}, {alone} ({_points(self.gap)})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values: ``overall`` and ``per_class`` scores by name, ``verdict`` and ``provenance``.

        Per class, ``cas_gain_low`` and ``cas_gain_high`` bound the 95 % interval of ``cas_gain``; what cannot be told
        is None.
        """
        arms = self._arms()
        overall = {name: arm.to_dict() for name, arm in arms.items()}
        overall |= {"cas_gain": _to_dict(self.gain), "cas_gap": _to_dict(self.gap)}
        per_class: dict[str, dict[str, float | None]] = {}
        for label, name in enumerate(self.class_names):
            gain = self.class_gains[label]
            per_class[name] = {
                **{arm: scores.per_class[label] for arm, scores in arms.items()},
                "cas_gain": gain.value if gain else None,
                "cas_gain_low": gain.low if gain else None,
                "cas_gain_high": gain.high if gain else None,
            }
        return {
            "overall": overall,
            "per_class": per_class,
            "verdict": self.verdict,
            "undertrained": self.undertrained,
            "full_accuracy": self.full,
            "full_accuracy_of": self.full_of,
            "provenance": self.provenance,
        }

    def _arms(self) -> dict[str, SeedAccuracies]:
        return {
            "cas_real": self.real,
            "cas_synthetic": self.synthetic,
            "cas_both": self.both,
            "gan_test": self.gan_test,
        }


def cas_scores(
    right: Mapping[str, np.ndarray],
    labels: np.ndarray,
    *,
    gan_right: np.ndarray,
    gan_labels: np.ndarray,
    class_names: tuple[str, ...],
    full: float | None = None,
    full_of: str = "",
    provenance: Mapping[str, Any],
) -> CasScores:
    """Score classifiers by which images they name rightly.

    Args:
        right: ``real``, ``synthetic`` and ``both``, what was trained on: (S, N) bool of the real test images, with the
            same S >= 3 seeds.
        labels: (N,) int64 of the N >= 2 test images.
        gan_right: (S, M) bool of generated images, by the classifiers trained on real ones.
        gan_labels: (M,) int64, the classes that the generator was asked for.
        class_names: K names.
        full: Accuracy that the real images allow; None if not known.
        full_of: Classifier whose accuracy that is, in words.
        provenance: Settings of the measurement.

    Returns:
        The scores. Intervals are of 95 %, by a paired bootstrap over test images and seeds.
    """
    members = [np.flatnonzero(labels == label) for label in range(len(class_names))]
    return CasScores(
        **{arm: _accuracies(right[arm], labels, len(class_names)) for arm in ("real", "synthetic", "both")},
        gan_test=_accuracies(gan_right, gan_labels, len(class_names)),
        gain=paired_bootstrap(right["real"], right["both"]),
        gap=paired_bootstrap(right["real"], right["synthetic"]),
        class_gains=tuple(
            paired_bootstrap(right["real"][:, own], right["both"][:, own]) if len(own) > 1 else None
            for own in members
        ),
        class_names=class_names,
        full=full,
        full_of=full_of,
        provenance=dict(provenance),
    )


def _accuracies(right: np.ndarray, labels: np.ndarray, num_classes: int) -> SeedAccuracies:
    own = [right[:, labels == label] for label in range(num_classes)]
    return SeedAccuracies(
        values=tuple(right.mean(axis=1).tolist()),
        per_class=tuple(float(part.mean()) if part.size else None for part in own),
    )


def _to_dict(difference: Difference) -> dict[str, float]:
    return {"value": difference.value, "low": difference.low, "high": difference.high}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(difference: Difference) -> str:
    value, low, high = (100 * bound for bound in (difference.value, difference.low, difference.high))
    return f"{value:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}"
