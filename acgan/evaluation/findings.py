"""Measures of a generator, each as a loss against real images at equal counts, with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from acgan.evaluation.result import Scores, Summary
from acgan.metrics.catalogue import plain_name
from acgan.metrics.intervals import half_interval_of_difference, share_difference

#: Features kept of each half, at most: precision and its like compare single images.
_KEPT = 5_000


class Level(IntEnum):
    """Levels of a generator, from the best."""

    GOOD = 0
    USABLE = 1
    POOR = 2
    COLLAPSED = 3


@dataclass(frozen=True)
class Loss:
    """Distance of samples behind real images: 0 as real ones, 1 nothing left; with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Finding:
    """Something to say on one aspect.

    Attributes:
        aspect: Its first word.
        certain: Level that the near end of the interval has.
        possible: Level that the far end has, which cannot be excluded.
        text: The sentence.
        weight: Orders findings of one level.
    """

    aspect: str
    certain: Level
    possible: Level
    text: str
    weight: float = 0.0


@dataclass(frozen=True)
class Rule:
    """A measure and what its loss means.

    Attributes:
        aspect: Sentence that it belongs to.
        names: Its scores; the first one that was measured counts.
        title: Its name in the sentence.
        loss: From scores, score and floor to the loss; None where it cannot be told.
        limits: Losses from which on it is usable, poor and collapsed.
        worse: Words around a percentage of its loss.
    """

    aspect: str
    names: tuple[str, ...]
    title: str
    loss: Callable[[Scores, Summary, Summary], Loss | None]
    limits: tuple[float, float, float]
    worse: str = "{} worse"

    def level(self, loss: float) -> Level:
        """Level of a loss."""
        return Level(sum(loss >= limit for limit in self.limits))


@dataclass(frozen=True)
class Applied:
    """A rule with what was measured."""

    rule: Rule
    score: float
    floor: float
    loss: Loss

    @property
    def certain(self) -> Level:
        """Level of the near end."""
        return self.rule.level(self.loss.low)

    @property
    def possible(self) -> Level:
        """Level of the far end."""
        return self.rule.level(self.loss.high)

    def text(self) -> str:
        """Score, floor and interval of the loss."""
        return f"{self.rule.title} {self.score:.3f} (real images {self.floor:.3f}; {self._worse()})"

    def _worse(self) -> str:
        low, high = self.loss.low, self.loss.high
        if low > 0:
            return self.rule.worse.format(f"{low:.1%} to {high:.1%}")
        return self.rule.worse.format(f"at most {high:.1%}") if high > 0 else "no worse"


def named(summaries: Mapping[str, Summary], *plain: str) -> Summary | None:
    """First measured metric of one of these names."""
    for name, summary in summaries.items():
        if plain_name(name) in plain and summary.value is not None:
            return summary
    return None


def _between(scores: Scores, score: Summary, floor: Summary, scale: float) -> Loss | None:
    """Loss of score - floor over a scale, by the spread of three halvings of either."""
    if score.std is None or floor.std is None or scale <= 0:
        return None
    assert score.value is not None
    assert floor.value is not None
    value, half = score.value - floor.value, half_interval_of_difference(score.std, floor.std)
    return Loss(value / scale, (value - half) / scale, (value + half) / scale)


def _distance(scores: Scores, score: Summary, floor: Summary) -> Loss | None:
    """Excess over the floor, as a part of the spread of real features: 1 is what one image for all would have."""
    spread = scores.provenance.get("reference_spread")
    return None if not spread else _between(scores, score, floor, spread)


def _alike(scores: Scores, score: Summary, floor: Summary) -> Loss | None:
    """Similarity above that of real images, as a part of what is left to 1, all the same."""
    assert floor.value is not None
    return _between(scores, score, floor, 1 - floor.value)


def _ratio(scores: Scores, score: Summary, floor: Summary) -> Loss | None:
    assert floor.value is not None
    loss = _between(scores, score, floor, floor.value)
    return None if loss is None else Loss(-loss.value, -loss.high, -loss.low)


def _share(scores: Scores, score: Summary, floor: Summary) -> Loss | None:
    return _lost_share(score, floor, int(scores.provenance["floor_images"]))


def _neighbours(scores: Scores, score: Summary, floor: Summary) -> Loss | None:
    return _lost_share(score, floor, min(int(scores.provenance["floor_images"]), _KEPT))


def _lost_share(score: Summary, floor: Summary, count: int) -> Loss | None:
    assert score.value is not None
    assert floor.value is not None
    if not count or floor.value <= 0:
        return None
    low, high = share_difference(floor.value, count, score.value, count)
    return Loss(1 - score.value / floor.value, low / floor.value, min(high / floor.value, 1.0))


_NEVER = math.inf
_FARTHER = "beyond them by {} of their spread"
_SIMILARITY = "MS-SSIM in classes"
#: The whole verdict on the measures, but for classes and copies. Limits: usable from, poor from, collapsed from.
RULES = (
    Rule("Distance", ("fid",), "FID", _distance, (0.02, 0.25, _NEVER), _FARTHER),
    Rule("Distance", ("fcd",), "FCD", _distance, (0.02, 0.25, _NEVER), _FARTHER),
    Rule("Distance", ("fd",), "FD", _distance, (0.02, 0.25, _NEVER), _FARTHER),
    Rule("Fidelity", ("precision",), "precision", _neighbours, (0.05, 0.3, _NEVER)),
    Rule("Fidelity", ("density",), "density", _ratio, (0.1, 0.5, _NEVER)),
    Rule("Diversity", ("coverage",), "coverage", _neighbours, (0.05, 0.4, 0.7)),
    Rule("Diversity", ("recall",), "recall", _neighbours, (0.1, 0.5, 0.9)),
    Rule("Diversity", ("ms_ssim",), _SIMILARITY, _alike, (0.05, 0.2, 0.4), "{} of the way to all alike"),
    Rule("Classes", ("class_accuracy",), "class accuracy", _share, (0.03, 0.3, _NEVER)),
)
ASPECTS = ("Distance", "Fidelity", "Diversity", "Classes", "Copies")
_WORDS = {
    Level.USABLE: "worse than real images",
    Level.POOR: "far worse than real images",
    Level.COLLAPSED: "collapsed",
}


def measured(scores: Scores) -> list[Applied]:
    """All rules whose measures are there, at equal counts on either side."""
    found = []
    for rule in RULES:
        score, floor = named(scores.at_floor_count, *rule.names), named(scores.floor, *rule.names)
        if score is None or floor is None or score.value is None or floor.value is None:
            continue
        loss = rule.loss(scores, score, floor)
        if loss is not None:
            found.append(Applied(rule, score.value, floor.value, loss))
    return found


def _excludes_collapse(one: Applied) -> bool:
    """True if samples cover no real images for another reason: they lie beside them, or differ more, as noise does."""
    if one.rule.title == _SIMILARITY:
        return one.loss.high <= 0
    return one.rule.title == "precision" and one.certain >= Level.POOR


def aspects(scores: Scores) -> list[Finding]:
    """A finding for each aspect of which something was measured; it weighs all measures, the worst first."""
    every = measured(scores)
    collapse = not any(map(_excludes_collapse, every))
    found = []
    for aspect in ASPECTS:
        own = [one for one in every if one.rule.aspect == aspect]
        if not own:
            continue
        worst = {
            one: one.certain if collapse or one.rule.title == _SIMILARITY else min(one.certain, Level.POOR)
            for one in own
        }
        own.sort(key=lambda one: (worst[one], one.loss.value), reverse=True)
        certain = worst[own[0]]
        possible = max(certain, *(one.possible for one in own))
        if certain > Level.GOOD:
            word = _WORDS[certain]
        elif possible == Level.GOOD:
            word = "as real images, within what counts"
        else:
            word = "a fault that counts is neither shown nor excluded"
        text = f"{aspect}: {word}; {', '.join(one.text() for one in own)}."
        found.append(Finding(aspect, certain, possible, text, own[0].loss.value))
    return found
