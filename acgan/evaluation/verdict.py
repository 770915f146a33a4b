"""An evaluation in words: one plain verdict, then what was found, the worst first.

A measure's loss against real images (`findings.RULES`), at equal counts, has an interval. The near end says which fault
is certain, the far end which one cannot be excluded:

- **collapsed** or **poor**: such a fault is certain.
- **cannot be said of so few**: none is certain, and a poor generator cannot be excluded.
- **usable**: a lesser fault is certain, or cannot be excluded.
- **good**: no fault that counts can be there. A difference that was not found is not enough.
- **cannot be said by so weak a judge**: in place of usable and good, where the classifier that makes the features errs
  too often on real images (`judge_findings`).
- **cannot be said by so strange a judge**: the same, where that classifier was made for images of another kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from acgan.evaluation.class_findings import class_findings, not_scored, real_images, too_rare
from acgan.evaluation.copy_findings import copy_findings
from acgan.evaluation.findings import ASPECTS, Finding, Level, aspects, named
from acgan.evaluation.judge_findings import doubt_of_judge, judges_features, strange_judge, weak_judge
from acgan.evaluation.result import Scores
from acgan.metrics.catalogue import plain_name

_TOO_FEW = "cannot be said of so few"
_TOO_WEAK = "cannot be said by so weak a judge"
_TOO_STRANGE = "cannot be said by so strange a judge"
_LEAST = 20  # images on either side: intervals of fewer hold for nothing
_ASPECTS_FOR_A_VERDICT = ("Distance", "Fidelity", "Diversity")  # without one of these there is none


def verdict(scores: Scores) -> list[str]:
    """Sentences for a person: the verdict, a doubt about the judge, then findings, the worst first."""
    found = all_findings(scores)
    lines = []
    if found:
        doubt = doubt_of_judge(scores)
        doubts = [] if doubt is None else [doubt]
        lines = [headline(scores, found).text, *doubts, *_trainings(scores), *(one.text for one in found)]
        lines += [lacking] if (lacking := not_scored(scores)) else []
    if scores.help is not None:
        lines.append(f"For a classifier: {scores.help['verdict']}.")
    return lines


@dataclass(frozen=True)
class Headline:
    """The verdict itself.

    Attributes:
        word: In a word or few: ``good``, ``usable``, ``cannot be said of so few``.
        reason: What follows the word.
        level: Its level; None where none can be said.
        missing: Aspects that were not judged.
    """

    word: str
    reason: str
    level: Level | None
    missing: tuple[str, ...]

    @property
    def text(self) -> str:
        """The sentence."""
        sentence = f"Verdict: {self.word}{self.reason}."
        return f"{sentence} Not judged: {', '.join(self.missing)}." if self.missing else sentence


def all_findings(scores: Scores) -> list[Finding]:
    """Everything that was found, the worst first; nothing if nothing was judged."""
    found = [*aspects(scores), *class_findings(scores), *copy_findings(scores)]
    return sorted(found, key=lambda one: (-one.certain, -one.possible, -one.weight))


def headline(scores: Scores, found: list[Finding]) -> Headline:
    """The verdict that follows from ``all_findings``, which are not empty."""
    count = int(scores.provenance["floor_images"])
    certain = max(one.certain for one in found)
    possible = max(one.possible for one in found)
    there = {one.aspect for one in found}
    missing = [aspect.lower() for aspect in ASPECTS if aspect not in there]
    if rare := len(too_rare(scores)):
        missing.append(f"{rare} of {len(scores.per_class)} classes by themselves")
    if scores.not_scored:
        missing.append(
            f"{len(scores.not_scored)} of {len(scores.class_names)} classes, without {real_images(scores)}"
        )
    real = sum(scores.provenance.get("reference_by_class", ()))
    rest = f" (of {real:,}: others show what real images score)" if real > count else ""
    sides = f"{count:,} samples against as many real images{rest}"
    level: Level | None = certain
    if count < _LEAST:
        word, reason, level = _TOO_FEW, f": {sides}", None
    elif certain >= Level.POOR:
        word, reason = certain.name.lower(), f", by {_names(found, certain)}; {sides}"
    elif not there & set(_ASPECTS_FOR_A_VERDICT):
        word, reason, level = "cannot be said", ": neither distance, fidelity nor diversity was judged", None
    elif possible >= Level.POOR:
        reason = f": {sides}; it may still be poor in {_possible(found, Level.POOR)}"
        word, level = _TOO_FEW, None
    elif strange_judge(scores) is not None:
        word, reason, level = _TOO_STRANGE, f"; {sides}", None
    elif weak_judge(scores) is not None and judges_features(scores):
        word, reason, level = _TOO_WEAK, f"; {sides}", None
    elif certain == Level.USABLE:
        word, reason = "usable", f", with faults of {_names(found, certain)}; {sides}"
    elif possible == Level.USABLE:
        reason = f": too few images to show that it is good in {_possible(found, Level.USABLE)}; {sides}"
        word, level = "usable at least", Level.USABLE
    else:
        word, reason = "good", f", as real images in all that was judged; {sides}"
    return Headline(word, reason, level, tuple(missing))


def _trainings(scores: Scores) -> Iterator[str]:
    """The worst of several trainings, which a mean hides."""
    summary = named(scores.overall, "fid", "fcd", "fd")
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
    return _listed(one.aspect for one in found if one.certain == level)


def _possible(found: list[Finding], level: Level) -> str:
    return _listed(one.aspect for one in found if one.possible >= level)


def _listed(aspects: Iterable[str]) -> str:
    *others, last = dict.fromkeys(aspect.lower() for aspect in aspects)
    return f"{', '.join(others)} and {last}" if others else last
