"""Doubts about the classifier that judges: one that errs on real images tells little of generated ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acgan.evaluation.findings import named
from acgan.evaluation.result import Scores
from acgan.extracting import strange_in_words
from acgan.metrics.intervals import share_interval

#: Part of what naming the commonest class for every image leaves to be told, that a judge is to tell of real images. A
#: generator that loses more of the accuracy of real images than the rest is called poor (``findings.RULES``).
_LEAST_SKILL = 0.7
_IMAGES = {
    "test": "held-out real images",
    "train": "real training images",
    "train-all": "real training and validation images",
}


@dataclass(frozen=True)
class Skill:
    """Accuracy of a classifier on real images that it was not trained on, beside that of one that looks at none.

    Attributes:
        accuracy: Share of images that it is right about.
        low: Near end of the accuracy's 95 % interval.
        high: Far end.
        chance: Share that is right where the commonest class is named for every image.
    """

    accuracy: float
    low: float
    high: float
    chance: float

    @classmethod
    def of(cls, accuracy: float, count: int, by_class: Sequence[int]) -> Skill:
        """Skill by the accuracy on ``count`` images, of classes with so many images."""
        return cls(accuracy, *share_interval(accuracy, count), max(by_class) / sum(by_class))

    @property
    def is_weak(self) -> bool:
        """True if it certainly errs too often to judge samples."""
        return self.chance < 1 and self._beyond_chance(self.high) < _LEAST_SKILL

    @property
    def is_strong(self) -> bool:
        """True if it certainly errs seldom enough."""
        return self.chance < 1 and self._beyond_chance(self.low) >= _LEAST_SKILL

    def _beyond_chance(self, accuracy: float) -> float:
        return (accuracy - self.chance) / (1 - self.chance)


def weak_judge(scores: Scores) -> str | None:
    """A sentence if the classifier certainly errs too often on the real images of this evaluation, else None.

    Certainly: by the far end of the 95 % interval of its accuracy. Its images are those of one side of the floor.
    """
    accuracy, count = named(scores.floor, "class_accuracy"), int(scores.provenance["floor_images"])
    by_class = scores.provenance.get("reference_by_class", ())
    if accuracy is None or accuracy.value is None or not count or not sum(by_class):
        return None
    skill = Skill.of(accuracy.value, count, by_class)
    if not skill.is_weak:
        return None
    images = _IMAGES[scores.provenance.get("reference", {}).get("split", "test")]
    return (
        f"Weak judge: this classifier names only {accuracy.value:.0%} of the {images} rightly ({skill.low:.0%} to "
        f"{skill.high:.0%}, by {count:,} images; the commonest class for all would be {skill.chance:.0%} right): "
        f"{'its scores tell' if judges_features(scores) else 'class accuracy tells'} little."
    )


def strange_judge(scores: Scores) -> str | None:
    """A sentence if the classifier that makes the features was made for images of another kind, else None."""
    unlike = scores.provenance.get("extractor_unlike")
    return strange_in_words(scores.provenance["extractor"].get("name"), unlike) if unlike else None


def doubt_of_judge(scores: Scores) -> str | None:
    """The doubt about the classifier that judges, the heavier one; None if there is none."""
    return strange_judge(scores) or weak_judge(scores)


def judges_features(scores: Scores) -> bool:
    """True if the classifier that sees the classes makes the features too, on which most scores rest."""
    classifier, extractor = (scores.provenance.get(key) for key in ("classifier", "extractor"))
    return classifier is not None and classifier == extractor
