"""Findings on single classes: which are wrong, collapsed, or could not be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acgan.evaluation.findings import Finding, Level
from acgan.evaluation.measures import Value
from acgan.evaluation.result import Scores
from acgan.metrics.catalogue import plain_name, printed_scores
from acgan.metrics.intervals import share_difference
from acgan.metrics.prdc import expected_coverage
from acgan.types import MIN_IMAGES_PER_CLASS

_WRONG = 0.1  # of the accuracy of real images of the class lost for certain
_UNCOVERED = 0.5  # of coverage
_ALIKE = 0.4  # of what is left to 1; 100 pairs tell a mean to about 0.05
_NAMED = 10
_NOTE = "Note"  # judges no aspect


def class_findings(scores: Scores) -> list[Finding]:
    """Findings on classes, each compared at equal counts with an interval that allows for their number."""
    worst = worst_class(scores)
    found = [_wrong(scores), _collapsed(scores), _unjudged(scores), None if worst is None else worst.finding]
    return [one for one in found if one is not None]


def by_class(per_class: Mapping[str, Mapping[str, Value]], plain: str) -> dict[str, float]:
    """Values of a metric by class, where measured."""
    return {
        name: value
        for name, values in per_class.items()
        for metric, value in values.items()
        if plain_name(metric) == plain and value is not None
    }


def counts(scores: Scores, class_name: str) -> tuple[int, int]:
    """Samples and real images of a class."""
    label = list(scores.per_class).index(class_name)
    samples, real = (scores.provenance[key][label] for key in ("samples_by_class", "reference_by_class"))
    return int(samples), int(real)


def _split(scores: Scores) -> str:
    """The part of the data that has the real images."""
    return str(scores.provenance.get("reference", {}).get("split", "test"))


def _half(scores: Scores, class_name: str) -> int:
    """Images of a class on either side of the floor."""
    return min(counts(scores, class_name)) // 2


def _wrong(scores: Scores) -> Finding | None:
    score = by_class(scores.at_floor_count_per_class, "class_accuracy")
    floor = by_class(scores.floor_per_class, "class_accuracy")
    judged = [name for name in score if floor.get(name) and _half(scores, name) > 0]
    shares = {name: (score[name], floor[name], _half(scores, name)) for name in judged}
    rare = {name: share for name, share in shares.items() if share[2] < MIN_IMAGES_PER_CLASS}
    if len(rare) > 1:  # single ones may say nothing, and together something
        total = sum(count for *_, count in rare.values())
        means = [sum(share[i] * share[2] for share in rare.values()) / total for i in (0, 1)]
        shares[f"rare classes together ({', '.join(list(rare)[:_NAMED])})"] = (means[0], means[1], total)
    low = {}
    for name, (own, real, count) in shares.items():
        if share_difference(real, count, own, count, tries=len(shares))[0] > _WRONG * real:
            low[name] = (own, real)
    if not low:
        return None
    order = sorted(low, key=lambda name: low[name][0])
    text = ", ".join(
        f"{name} ({low[name][0]:.1%}, real images {low[name][1]:.1%})" for name in order[:_NAMED]
    )
    level = Level.POOR if any(own < real / 2 for own, real in low.values()) else Level.USABLE
    return Finding("Classes", level, level, f"Classes: often not as asked for: {text}.", 1.0)


def _collapsed(scores: Scores) -> Finding | None:
    coverage, alike, judged = _uncovered(scores), {}, 0
    real = by_class(scores.per_class, "ms_ssim_real")
    for name, similarity in by_class(scores.per_class, "ms_ssim").items():
        if name not in real or min(counts(scores, name)) < MIN_IMAGES_PER_CLASS or real[name] >= 1:
            continue
        judged += 1
        if (similarity - real[name]) / (1 - real[name]) > _ALIKE:
            alike[name] = f"MS-SSIM {similarity:.2f}, real images {real[name]:.2f}"
    if not coverage and not alike:
        return None
    parts = {
        name: ", ".join(texts) for name in {**alike, **coverage} if (texts := _both(name, alike, coverage))
    }
    text = "; ".join(f"{name} ({part})" for name, part in list(parts.items())[:_NAMED])
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    level = Level.COLLAPSED if judged and len(alike) >= judged / 2 else Level.POOR
    what = "collapsed" if alike else "hardly covered: collapsed, or unlike real images"
    return Finding("Diversity", level, level, f"Diversity: {what} in class {text}{more}.", 1.0)


def _both(name: str, *parts: Mapping[str, str]) -> list[str]:
    return [part[name] for part in parts if name in part]


def _uncovered(scores: Scores) -> dict[str, str]:
    """Classes with less than half of the coverage that as many real images have."""
    score = by_class(scores.at_floor_count_per_class, "coverage")
    floor = by_class(scores.floor_per_class, "coverage")
    cases = {name: (score[name], floor[name], _half(scores, name)) for name in score if floor.get(name)}
    for name, value in by_class(scores.per_class, "coverage").items():
        if (
            name not in cases
        ):  # halves are too small: what real images have at the counts of all is known in theory
            samples, real = counts(scores, name)
            cases[name] = (value, expected_coverage(samples, real, scores.nearest_k), real)
    return {
        name: f"coverage {own:.2f}, real images {real:.2f}"
        for name, (own, real, count) in cases.items()
        if share_difference(real, count, own, count, tries=len(cases))[0] > _UNCOVERED * real
    }


def too_rare(scores: Scores) -> list[str]:
    """Classes with too few images to be judged by themselves; none where classes are not measured."""
    if not any(by_class(scores.per_class, plain) for plain in ("class_accuracy", "coverage", "kid")):
        return []
    return [name for name in scores.per_class if min(counts(scores, name)) < MIN_IMAGES_PER_CLASS]


def _unjudged(scores: Scores) -> Finding | None:
    few = too_rare(scores)
    if not few:
        return None
    shown = ", ".join(f"{name} ({min(counts(scores, name))})" for name in few[:_NAMED])
    more = f" and {len(few) - _NAMED} more" if len(few) > _NAMED else ""
    ways = ["`--split train` has more real ones"] if _split(scores) == "test" else []
    ways += [] if scores.is_of_samples else ["`-n` draws more samples"]
    ways = [", ".join(ways)] if ways else []
    ways.append("give more samples" if scores.is_of_samples else "merge rare classes with data.classes")
    advice = "; or ".join(ways)
    text = (
        f"Not judged by themselves, with fewer than {MIN_IMAGES_PER_CLASS} samples or real images: {shown}{more}. "
        f"{advice[:1].upper()}{advice[1:]}."
    )
    return Finding(_NOTE, Level.GOOD, Level.GOOD, text, -1.0)


def not_scored(scores: Scores) -> str | None:
    """A sentence on the classes that could not be scored at all; None if there are none."""
    lacking, known = scores.not_scored, len(scores.class_names)
    if not lacking:
        return None
    return f"Judged: {len(scores.per_class)} of {known} classes; not {lacking_in_words(scores)}."


def lacking_in_words(scores: Scores) -> str:
    """The classes that could not be scored, and why."""
    lacking = scores.not_scored
    more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    return f"{', '.join(lacking[:_NAMED])}{more}: no {real_images(scores)}"


def real_images(scores: Scores) -> str:
    """Kind of the real images, in words."""
    return "test images" if _split(scores) == "test" else "training images"


@dataclass(frozen=True)
class WorstClass:
    """The class that is furthest from its own floor, of those that have one: a place to look, no decision.

    Attributes:
        name: Its name.
        by: The measure that says so, beside the one of real images of the class.
        finding: The sentence, with more measures.
    """

    name: str
    by: str
    finding: Finding


def worst_class(scores: Scores) -> WorstClass | None:
    """The worst class; None where classes were not measured by themselves."""
    for plain in ("fid", "fcd", "fd"):
        score = by_class(scores.at_floor_count_per_class, plain)
        floor = by_class(scores.floor_per_class, plain)
        ratios = {name: score[name] / floor[name] for name in score if floor.get(name)}
        if len(ratios) > 1:
            worst = max(ratios, key=lambda name: ratios[name])
            ratio = f"{plain.upper()} {ratios[worst]:.2f} times its floor"
            values = f"({score[worst]:.3f}, real images {floor[worst]:.3f})"
            return _as_worst(scores, worst, f"{ratio} {values}", len(ratios))
    known = by_class(scores.per_class, "kid")  # unbiased: it does not grow with fewer images
    if len(known) < 2:
        return None
    worst = max(known, key=lambda name: known[name])
    metric = next(name for name in scores.per_class[worst] if plain_name(name) == "kid")
    halves = _beside(scores, worst, metric)
    value = f"{known[worst]:.4g}" if halves is None else f"{halves[0]:.4g} (real images {halves[1]:.4g})"
    images = min(counts(scores, worst))
    return _as_worst(scores, worst, f"KID {value} of {images:,} images, a hint", len(known))


def _as_worst(scores: Scores, worst: str, by: str, judged: int) -> WorstClass:
    of = "" if judged == len(scores.per_class) else f" of the {judged} with images enough"
    text = f"Worst class{of}: {worst}, by {by}{_details(scores, worst)}."
    return WorstClass(worst, by, Finding(_NOTE, Level.GOOD, Level.GOOD, text, -0.5))


def _beside(scores: Scores, name: str, metric: str) -> tuple[float, float] | None:
    """A metric of a class beside that of real images of it, at equal counts; None where that is not known."""
    own, floor = (
        part.get(name, {}).get(metric) for part in (scores.at_floor_count_per_class, scores.floor_per_class)
    )
    if own is not None and floor is not None:
        return own, floor
    value = scores.per_class[name][metric]
    if plain_name(metric) == "coverage" and value is not None:  # halves are too small; in theory it is known
        return value, expected_coverage(*counts(scores, name), scores.nearest_k)
    return None


def _details(scores: Scores, name: str) -> str:
    details = {one: score.detail for one, score in printed_scores().items() if score.detail is not None}
    known, alone = [], False
    for metric, value in scores.per_class[name].items():
        if plain_name(metric) not in details or value is None:
            continue
        title, beside = details[plain_name(metric)], _beside(scores, name, metric)
        alone |= beside is None
        known.append(
            f"{title} {value:.3f}"
            if beside is None
            else f"{title} {beside[0]:.3f} (real images {beside[1]:.3f})"
        )
    if not known:
        return ""
    return f"; {', '.join(known)}" + (
        "; what real images have in the others is not known of so few" if alone else ""
    )
