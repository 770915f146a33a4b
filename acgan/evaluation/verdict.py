"""An evaluation in words: one plain verdict, then what was found, the worst first.

A measure's loss against real images (`findings.RULES`), at equal counts, has an interval. The near end says which fault
is certain, the far end which one cannot be excluded:

- **collapsed** or **poor**: such a fault is certain.
- **cannot be said of so few**: none is certain, and a poor generator cannot be excluded.
- **usable**: a lesser fault is certain, or cannot be excluded.
- **good**: no fault that counts can be there. A difference that was not found is not enough.
"""

from __future__ import annotations

from collections.abc import Iterator

from acgan.evaluation.class_findings import class_findings, too_rare
from acgan.evaluation.copy_findings import copy_findings
from acgan.evaluation.findings import ASPECTS, Finding, Level, aspects, named
from acgan.evaluation.result import Scores
from acgan.metrics.catalogue import plain_name

_LEAST = 20  # images on either side: intervals of fewer hold for nothing
_ASPECTS_FOR_A_VERDICT = ("Distance", "Fidelity", "Diversity")  # without one of these there is none


def verdict(scores: Scores) -> list[str]:
    """Sentences for a person: the verdict, then findings, the worst first."""
    found = [*aspects(scores), *class_findings(scores), *copy_findings(scores)]
    lines = []
    if found:
        found.sort(key=lambda one: (-one.certain, -one.possible, -one.weight))
        lines = [_headline(scores, found), *_trainings(scores), *(one.text for one in found)]
    if scores.help is not None:
        lines.append(f"For a classifier: {scores.help['verdict']}.")
    return lines


def _headline(scores: Scores, found: list[Finding]) -> str:
    count = int(scores.provenance["floor_images"])
    certain = max(one.certain for one in found)
    possible = max(one.possible for one in found)
    there = {one.aspect for one in found}
    missing = [aspect.lower() for aspect in ASPECTS if aspect not in there]
    if rare := len(too_rare(scores)):
        missing.append(f"{rare} of {len(scores.per_class)} classes by themselves")
    sides = f"{count:,} samples against as many real images"
    if count < _LEAST:
        text = f"Verdict: cannot be said of so few: {sides}"
    elif certain >= Level.POOR:
        text = f"Verdict: {certain.name.lower()}, by {_names(found, certain)}; {sides}"
    elif not there & set(_ASPECTS_FOR_A_VERDICT):
        text = "Verdict: cannot be said: neither distance, fidelity nor diversity was judged"
    elif possible >= Level.POOR:
        text = f"Verdict: cannot be said of so few: {sides}; poor is not excluded, by {_possible(found, Level.POOR)}"
    elif certain == Level.USABLE:
        text = f"Verdict: usable, with faults of {_names(found, certain)}; {sides}"
    elif possible == Level.USABLE:
        text = f"Verdict: usable at least; good is not shown, by {_possible(found, Level.USABLE)}; {sides}"
    else:
        text = f"Verdict: good, as real images in all that was judged; {sides}"
    return f"{text}. Not judged: {', '.join(missing)}." if missing else f"{text}."


def _trainings(scores: Scores) -> Iterator[str]:
    """The worst of several trainings, which a mean hides."""
    summary = named(scores.overall, "fid", "fcd")
    if scores.provenance.get("units") != "training seeds" or summary is None or len(summary.values) < 2:
        return
    kind = next(plain_name(name).upper() for name, one in scores.overall.items() if one is summary)
    seeds = (one["training_seed"] for one in scores.provenance["generators"])
    *others, (worst, seed) = sorted(zip(summary.values, seeds, strict=True), key=lambda pair: pair[0])
    low, high = f"{others[0][0]:.3f}", f"{others[-1][0]:.3f}"
    between = low if low == high else f"{low} to {high}"
    yield (
        f"All numbers are means of {len(others) + 1} trainings. The worst is seed {seed}, by {kind} {worst:.3f}; "
        f"the others have {between}."
    )


def _names(found: list[Finding], level: Level) -> str:
    return " and ".join(dict.fromkeys(one.aspect.lower() for one in found if one.certain == level))


def _possible(found: list[Finding], level: Level) -> str:
    return " and ".join(dict.fromkeys(one.aspect.lower() for one in found if one.possible >= level))
