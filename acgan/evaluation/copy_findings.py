"""Findings on copies of training images: in pixels first, then in features."""

from __future__ import annotations

from dataclasses import replace

from acgan.evaluation.bank import MAX_KEPT
from acgan.evaluation.class_findings import by_class
from acgan.evaluation.findings import Finding, Level, named
from acgan.evaluation.result import Scores
from acgan.metrics.intervals import share_difference

#: Copies beyond those among held-out images from which on a generator is usable, and poor.
_SAME, _NEAR, _POOR = 0.001, 0.01, 0.05
_FEATURES = 0.02  # samples nearer than the nearest 1 % of held-out images, beyond theirs
_NEARER = 0.2  # of a chance of 0.5
_BY_FEATURES = "Copies by features"
_LOOK = "look at memorisation.png"


def copy_findings(scores: Scores) -> list[Finding]:
    """Findings on copies; one if nothing was found, none if nothing was looked for."""
    found = [*_pixels(scores), *_features(scores)]
    worse = [one for one in found if one.certain > Level.GOOD]
    if worse or not found:
        return worse
    return [replace(found[0], possible=max(one.possible for one in found))]


def _kept(scores: Scores) -> tuple[int, int]:
    """Samples and held-out images that were searched for."""
    samples, held_out = (sum(scores.provenance[key]) for key in ("samples_by_class", "reference_by_class"))
    return min(samples, MAX_KEPT), min(held_out, MAX_KEPT)


def _pixels(scores: Scores) -> list[Finding]:
    found = []
    for name, what, limit in (
        ("copies_same", "the same picture as a training image", _SAME),
        ("copies_near", "nearly the same picture as a training image", _NEAR),
    ):
        share, real = named(scores.overall, name), named(scores.overall, f"{name}_real")
        if share is None or real is None or share.value is None or real.value is None:
            continue
        samples, held_out = _kept(scores)
        low, high = share_difference(share.value, samples, real.value, held_out)
        number = round(share.value * samples)
        counted = (
            f"{number:,} of {samples:,} samples ({share.value:.2%}) are {what}, perhaps mirrored or moved"
        )
        beside = f"of held-out images {real.value:.2%}"
        certain = Level.GOOD
        if low > 0 or (number and not real.value and name == "copies_same"):
            certain = Level.POOR if low >= _POOR else Level.USABLE
        possible = Level(sum(high >= one for one in (limit, _POOR)))
        if certain > Level.GOOD:
            text = f"Copies: {counted}; {beside}: {_LOOK}."
        else:
            more = "no more" if share.value <= real.value else "not certainly more"
            text = (
                f"Copies: {more} than among held-out images: {counted}; {beside}. "
                f"More than {max(high, 0.0):.2%} beyond those would have been seen."
            )
        named_classes = _classes(scores, name) if certain > Level.GOOD else ""
        text = text.replace(f": {_LOOK}", f"{named_classes}: {_LOOK}")
        found.append(Finding("Copies", certain, max(certain, possible), text, 1 + max(low, 0.0)))
    return found


def _classes(scores: Scores, name: str) -> str:
    shares = by_class(scores.per_class, name)
    most = sorted((one for one in shares if shares[one] > 0), key=lambda one: -shares[one])[:3]
    return f"; most in class {', '.join(f'{one} ({shares[one]:.1%})' for one in most)}" if most else ""


def _features(scores: Scores) -> list[Finding]:
    found = []
    score, floor = (named(part, "memorisation_copies") for part in (scores.at_floor_count, scores.floor))
    count = min(int(scores.provenance["floor_images"]), MAX_KEPT // 2)
    if score is not None and floor is not None and count:
        assert score.value is not None
        assert floor.value is not None
        low, high = share_difference(score.value, count, floor.value, count)
        certain = Level.USABLE if low > _FEATURES else Level.GOOD
        possible = max(certain, Level.USABLE if high > _FEATURES else Level.GOOD)
        text = (
            f"Copies: {score.value:.1%} of samples lie nearer to a training image, by features, than 99% of held-out "
            f"images do, of as many held-out ones {floor.value:.1%}"
        )
        if certain > Level.GOOD:
            text += f": {_LOOK}"
        found.append(Finding(_BY_FEATURES, certain, possible, f"{text}.", max(low, 0.0)))
    score, floor = (named(part, "memorisation_nearer") for part in (scores.at_floor_count, scores.floor))
    if score is not None and floor is not None and count:
        assert score.value is not None
        assert floor.value is not None
        low, _ = share_difference(score.value, count, floor.value, count)
        if low > _NEARER:
            text = (
                f"Copies: most samples lie nearer to training images, by features, than held-out images do "
                f"({score.value:.2f}, held-out ones {floor.value:.2f}): copies, or typical images only: {_LOOK}."
            )
            found.append(Finding(_BY_FEATURES, Level.USABLE, Level.USABLE, text, 0.0))
    return found
