"""An evaluation in words: how good, which class is worst, and what to look at."""

from __future__ import annotations

import re
from collections.abc import Mapping

from acgan.evaluation.result import Scores, Summary

#: Deviations of the floor within which a score is that of real images.
_NOISE = 2.0
_FEW = 100  # images: a floor of so few is that of a bad generator too
_LEAST_COVERAGE = 0.5  # of the floor's
_LEAST_ACCURACY = 0.9  # of the floor's
_MANY_COPIES = 5.0  # times the floor's


def plain_name(metric: str) -> str:
    """A metric's name without its extractor."""
    return re.sub(r"\[.*\]$", "", metric)


def verdict(scores: Scores) -> list[str]:
    """Sentences for a person, the most important first."""
    lines = [
        _quality(scores),
        _worst_class(scores),
        _labels(scores),
        _cover(scores),
        _copies(scores),
    ]
    if scores.help is not None:
        lines.append(f"For a classifier: {scores.help['verdict']}.")
    return [line for line in lines if line]


def _named(summaries: Mapping[str, Summary], *plain: str) -> Summary | None:
    """The first metric of one of these names, where it was measured."""
    for name, summary in summaries.items():
        if plain_name(name) in plain and summary.value is not None:
            return summary
    return None


def _quality(scores: Scores) -> str:
    score, floor = _named(scores.at_floor_count, "fid", "fcd"), _named(scores.floor, "fid", "fcd")
    if score is None or floor is None or score.value is None or not floor.value:
        return ""
    num = scores.provenance["floor_images"]
    ratio = (
        f"{score.value / floor.value:.2f} times the floor ({score.value:.3f}, real images {floor.value:.3f}"
    )
    ratio += f" ±{floor.std:.3f})" if floor.std is not None else ")"
    where = f"with {num:,} images on either side"
    if num < _FEW:
        return f"Quality: {ratio}, {where}, which is too few to say more."
    if floor.std is not None and score.value <= floor.value + _NOISE * floor.std:
        return f"Quality: no further from held-out images than real images are, {where}: {ratio}."
    return f"Quality: {ratio}, {where}."


def _worst_class(scores: Scores) -> str:
    """By the Fréchet distance where every class has one, else by KID, which few images allow."""
    per_class = scores.per_class
    for plain in ("fid", "fcd", "kid"):
        values = {
            name: value
            for name, of_class in per_class.items()
            for metric, value in of_class.items()
            if plain_name(metric) == plain
        }
        known = {name: value for name, value in values.items() if value is not None}
        if len(known) > 1 and (plain == "kid" or len(known) == len(per_class)):
            worst = max(known, key=lambda name: known[name])
            details = [
                f"{text} {value:.3f}"
                for metric, value in per_class[worst].items()
                for text in [_DETAILS.get(plain_name(metric))]
                if text and value is not None
            ]
            rest = f" ({', '.join(details)})" if details else ""
            each = round(scores.provenance["num_images"] / len(per_class))
            hint = f"; with about {each:,} images a class this is a hint" if plain == "kid" else ""
            return f"Worst class: {worst}, by {plain.upper()} {known[worst]:.4g}{rest}{hint}."
    return ""


_DETAILS = {
    "class_accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
}


def _labels(scores: Scores) -> str:
    score, floor = _named(scores.overall, "class_accuracy"), _named(scores.floor, "class_accuracy")
    if score is None or floor is None or score.value is None or floor.value is None:
        return ""
    word = "are what they should be" if score.value >= _LEAST_ACCURACY * floor.value else "are often wrong"
    return (
        f"Classes {word}: the classifier sees the class asked for in {score.value:.2%} of samples, and its own in "
        f"{floor.value:.2%} of real images."
    )


def _cover(scores: Scores) -> str:
    score, floor = _named(scores.at_floor_count, "coverage"), _named(scores.floor, "coverage")
    if score is None or floor is None or score.value is None or floor.value is None:
        return ""
    low = [
        name
        for name, values in scores.per_class.items()
        for metric, value in values.items()
        if plain_name(metric) == "coverage" and value is not None and value < _LEAST_COVERAGE * floor.value
    ]
    text = f"Diversity: samples cover {score.value:.1%} of real images, real images {floor.value:.1%}"
    return f"{text}; less than half of that in class {', '.join(low)}: collapsed." if low else f"{text}."


def _copies(scores: Scores) -> str:
    score, floor = _named(scores.overall, "memorisation_copies"), _named(scores.floor, "memorisation_copies")
    if score is None or floor is None or score.value is None or floor.value is None:
        return ""
    expected = max(floor.value, 0.01)
    text = f"{score.value:.1%} of samples lie as near to a training image as the nearest 1% of held-out images do"
    if score.value > _MANY_COPIES * expected:
        return f"Copies: {text}: look at memorisation.png."
    return f"Copies: no sign of them; {text}."
