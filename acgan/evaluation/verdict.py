"""An evaluation in words: how good, which class is worst, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping

from acgan.evaluation.measures import Value
from acgan.evaluation.result import Scores, Summary
from acgan.metrics.catalogue import plain_name, printed_scores

#: Deviations of the floor within which a score counts as that of real images.
_NOISE = 2.0
_FEW = 100  # images: with fewer, bad generators reach the floor, and the nearest 1% is no image
_LEAST_COVERAGE = 0.5  # of the floor's
_LEAST_ACCURACY = 0.9  # of the floor's, the class's own where it has one
_FEW_TO_JUDGE = 20  # samples: of fewer, one or two wrong ones say nothing of a class
_LIKE = 2.0  # times as many images on one side: coverage is still like that of equal numbers
_MANY_COPIES = 5.0  # times the floor's
_NEARER = 0.9  # of samples, against held-out images
_FEW_TO_COPY = 200  # images of a class: the nearest 1% of fewer are too few to name a class by
_FEW_OF_CLASS = 500  # images: KID of fewer is noisy


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
    """First measured metric of one of these names."""
    for name, summary in summaries.items():
        if plain_name(name) in plain and summary.value is not None:
            return summary
    return None


def _quality(scores: Scores) -> str:
    score, floor = _named(scores.at_floor_count, "fid", "fcd"), _named(scores.floor, "fid", "fcd")
    if score is None or floor is None or score.value is None or not floor.value:
        return ""
    num = scores.provenance["floor_images"]
    values = f"{score.value:.3f}, real images {floor.value:.3f}"
    values += f" ±{floor.std:.3f}" if floor.std is not None else ""
    ratio = f"{score.value / floor.value:.2f} times the floor ({values})"
    where = f"with {num:,} images on either side"
    if num < _FEW:
        return f"Quality: {ratio}, {where}, which is too few to say more."
    if floor.std is not None and score.value <= floor.value + _NOISE * floor.std:
        return f"Quality: no further from held-out images than real images are, {where}: {ratio}."
    return f"Quality: {ratio}, {where}."


def _worst_class(scores: Scores) -> str:
    """Worst class by Fréchet distance over its own floor if there are images enough, else by KID.

    The distance itself grows with fewer images: by it the rarest class would always be the worst.
    """
    per_class = scores.per_class
    for plain in ("fid", "fcd"):
        score, floor = (
            _by_class(values, plain) for values in (scores.at_floor_count_per_class, scores.floor_per_class)
        )
        if 1 < len(score) == len(per_class) and all(floor.get(name) for name in score):
            worst = max(score, key=lambda name: score[name] / floor[name])
            ratio = f"{score[worst] / floor[worst]:.2f} times its floor"
            values = f"({score[worst]:.3f}, real images {floor[worst]:.3f})"
            return f"Worst class: {worst}, {plain.upper()} {ratio} {values}{_details(per_class[worst])}."
    known = _by_class(per_class, "kid")
    if len(known) < 2:
        return ""
    worst = max(known, key=lambda name: known[name])
    images = min(_counts(scores, worst))
    hint = f"; of {images:,} images this is a hint" if images < _FEW_OF_CLASS else ""
    return f"Worst class: {worst}, by KID {known[worst]:.4g}{_details(per_class[worst])}{hint}."


def _by_class(per_class: Mapping[str, Mapping[str, Value]], plain: str) -> dict[str, float]:
    return {
        name: value
        for name, values in per_class.items()
        for metric, value in values.items()
        if plain_name(metric) == plain and value is not None
    }


def _details(values: Mapping[str, Value]) -> str:
    details = {name: score.detail for name, score in printed_scores().items() if score.detail is not None}
    known = [
        f"{details[plain_name(metric)]} {value:.3f}"
        for metric, value in values.items()
        if plain_name(metric) in details and value is not None
    ]
    return f"; {', '.join(known)}" if known else ""


def _labels(scores: Scores) -> str:
    score, floor = _named(scores.overall, "class_accuracy"), _named(scores.floor, "class_accuracy")
    if score is None or floor is None or score.value is None or floor.value is None:
        return ""
    own = _by_class(scores.floor_per_class, "class_accuracy")
    low = {
        name: value
        for name, value in _by_class(scores.per_class, "class_accuracy").items()
        if value < _LEAST_ACCURACY * own.get(name, floor.value) and _counts(scores, name)[0] >= _FEW_TO_JUDGE
    }
    judged = f"the classifier sees the class asked for in {score.value:.2%} of samples, "
    judged += f"and the right class in {floor.value:.2%} of real images"
    if not low and score.value >= _LEAST_ACCURACY * floor.value:
        return f"Classes: as asked for; {judged}."
    named = ", ".join(f"{name} ({low[name]:.0%})" for name in sorted(low, key=lambda name: low[name]))
    return f"Classes: often not as asked for; {f'right are of {named}; ' if named else ''}{judged}."


def _cover(scores: Scores) -> str:
    score, floor = _named(scores.at_floor_count, "coverage"), _named(scores.floor, "coverage")
    if score is None or floor is None or score.value is None or floor.value is None:
        return ""
    # Coverage grows with the number of samples: all of a class count only if they are about as many as its real images.
    each = {
        name: value
        for name, value in _by_class(scores.per_class, "coverage").items()
        if max(counts := _counts(scores, name)) <= _LIKE * min(counts)
    }
    each |= _by_class(scores.at_floor_count_per_class, "coverage")
    low = [name for name, value in each.items() if value < _LEAST_COVERAGE * floor.value]
    text = f"Diversity: samples cover {score.value:.1%} of real images, real images {floor.value:.1%}"
    if low:
        text += f"; less than half of that in class {', '.join(low)}: collapsed, or unlike real images"
    return f"{text}."


def _copies(scores: Scores) -> str:
    copies, floor = _named(scores.overall, "memorisation_copies"), _named(scores.floor, "memorisation_copies")
    nearer = _named(scores.overall, "memorisation_nearer")
    if copies is None or floor is None or copies.value is None or floor.value is None:
        return ""
    few = min(sum(scores.provenance[key]) for key in ("samples_by_class", "reference_by_class"))
    if few < _FEW:
        return f"Copies: {few} samples or held-out images are too few to tell."
    text = f"{copies.value:.1%} of samples lie as near to a training image as the nearest 1% of held-out images do"
    if copies.value > _MANY_COPIES * max(floor.value, 0.01):
        return f"Copies: {text}: look at memorisation.png."
    # Where held-out images are among the training images, none is nearer than those.
    if nearer is not None and nearer.value is not None and nearer.value > _NEARER:
        return (
            f"Copies: nearly all samples lie nearer to training images than held-out images do ({nearer.value:.2f}): "
            "look at memorisation.png."
        )
    copied = _copied_classes(scores)
    if copied:
        named = ", ".join(
            f"{name} ({copied[name]:.1%})" for name in sorted(copied, key=lambda name: -copied[name])
        )
        return f"Copies: {text}; by held-out images of their own class, far more of {named}: look at memorisation.png."
    return f"Copies: no sign of them; {text}."


def _copied_classes(scores: Scores) -> dict[str, float]:
    """Share of copies in each class with many, judged by the class's own held-out images."""
    shares, floor = (
        _by_class(values, "memorisation_copies") for values in (scores.per_class, scores.floor_per_class)
    )
    return {
        name: share
        for name, share in shares.items()
        if share > _MANY_COPIES * max(floor.get(name, 0.0), 0.01)
        and min(_counts(scores, name)) >= _FEW_TO_COPY
    }


def _counts(scores: Scores, class_name: str) -> tuple[int, int]:
    label = list(scores.per_class).index(class_name)
    samples, real = (scores.provenance[key][label] for key in ("samples_by_class", "reference_by_class"))
    return int(samples), int(real)
