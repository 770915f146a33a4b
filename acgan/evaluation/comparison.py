"""Two evaluations, metric by metric."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from acgan.errors import RunError, bounded
from acgan.evaluation.differing import Differing, EvaluatedSide, differences, settings_known
from acgan.evaluation.reading import EvaluationFile, different_conditions
from acgan.evaluation.result import EVALUATION_FORMAT
from acgan.evaluation.tested_difference import (
    CONFIDENCE,
    TestedDifference,
    Verdict,
    judge_together,
    limits,
)
from acgan.metrics import catalogue
from acgan.metrics.bootstrap import MIN_UNITS, Difference
from acgan.reading import to_json

#: Classes named of each metric.
CLASSES_NAMED = 3


@dataclass(frozen=True)
class EqualCounts:
    """Means of A and B at the number of images of the floor, and the floor: real images against real ones."""

    num_images: int
    a: float | None
    b: float | None
    floor: float


@dataclass(frozen=True)
class MetricComparison:
    """One metric of both evaluations.

    Attributes:
        metric: Its name, with the extractor's where it has one.
        a: Values of A, one a unit, at least three.
        b: Values of B.
        tested: Their difference.
        at_equal_counts: What compares with real images; None if unknown.
    """

    metric: str
    a: tuple[float, ...]
    b: tuple[float, ...]
    tested: TestedDifference
    at_equal_counts: EqualCounts | None

    @property
    def difference(self) -> Difference:
        """mean(b) - mean(a), with its interval."""
        return self.tested.difference

    @property
    def better(self) -> Literal["A", "B"] | None:
        """Name of the side that scores better; None if nothing is seen, or the metric has no known direction."""
        return self.tested.better(self.metric)

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        return self.tested.verdict


@dataclass(frozen=True)
class ClassChange:
    """A metric of one class on both sides, with one value each."""

    metric: str
    class_name: str
    a: float
    b: float


@dataclass(frozen=True)
class Comparison:
    """Result of ``acgan compare``.

    Attributes:
        differs: What differs besides the scores, the gravest first.
        units: Units of a metric's values: "generation seeds" or "training seeds".
        rows: Comparisons of the metrics that both have, in A's order.
        class_changes: Largest changes of each metric by class.
        notes: Remarks worth a line.
    """

    headline: str
    differs: tuple[Differing, ...]
    units: str
    rows: tuple[MetricComparison, ...]
    class_changes: tuple[ClassChange, ...]
    notes: tuple[str, ...]

    def to_json(self, a: Path, b: Path) -> str:
        """JSON text of everything, with the files of A and B."""
        values = {
            "format": EVALUATION_FORMAT,
            "a": str(a),
            "b": str(b),
            "headline": self.headline,
            "differs": [{"what": one.what, "a": one.a, "b": one.b} for one in self.differs],
            "notes": self.notes,
            "units": self.units,
            "confidence": CONFIDENCE,
            "metrics": {row.metric: _row_values(row) for row in self.rows},
            "class_changes": [vars(change) for change in self.class_changes],
        }
        return to_json(values)


def compare(
    a: EvaluationFile | EvaluatedSide,
    b: EvaluationFile | EvaluatedSide,
    names: tuple[str, str] = ("A", "B"),
    seed: int = 0,
    *,
    metrics: Collection[str] | None = None,
    unequal: bool = False,
) -> Comparison:
    """Compare two evaluations in each metric that both have.

    Args:
        a: One; ``with_runs`` adds the runs that it was made of, whose configurations then are compared.
        b: The other; a difference is B's value less A's.
        names: Names of both in messages.
        seed: Seed of the bootstrap.
        metrics: Scores to compare, without their extractor: fewer tests are corrected less. None is all.
        unequal: Compare trainings that showed different numbers of images.

    Raises:
        RunError: They were made in different ways or showed different numbers of images, have too few units for an
            interval, or no metric in common.
    """
    side_a, side_b = (side if isinstance(side, EvaluatedSide) else EvaluatedSide(side) for side in (a, b))
    a, b = side_a.scores, side_b.scores
    _check_comparable(a, b, names)
    differs = differences(side_a, side_b)
    if not unequal:
        _check_budgets(differs, names)
    groups, left_out = {}, []
    for metric in dict.fromkeys((*a.overall, *b.overall)):
        if metrics is not None and catalogue.plain_name(metric) not in metrics:
            continue
        values = a.units_of(metric), b.units_of(metric)
        if all(values):
            groups[metric] = values
        else:
            sides = [side for side, found in zip("AB", values, strict=True) if not found]
            left_out.append(f"{bounded(metric)} (no values by seed in {' and '.join(sides)})")
    if not groups:
        raise RunError(
            f"{names[0]} and {names[1]} have no metric in common: {', '.join(left_out) or 'both are empty'}. "
            "Evaluate both with the same --metrics."
        )
    tested = judge_together(groups.values(), seed)
    rows = [
        MetricComparison(metric, *values, found, _at_equal_counts(a, b, metric))
        for (metric, values), found in zip(groups.items(), tested, strict=True)
    ]
    return Comparison(
        headline=_headline(side_a, side_b, differs),
        differs=tuple(differs),
        units=a.provenance.units,
        rows=tuple(rows),
        class_changes=tuple(_class_changes(a, b, {row.metric for row in rows} if metrics else None)),
        notes=tuple(_notes(side_a, side_b, rows, left_out)),
    )


def _check_comparable(a: EvaluationFile, b: EvaluationFile, names: tuple[str, str]) -> None:
    lines = different_conditions(a, b)
    if a.provenance.units != b.provenance.units:
        lines.append(f"  units: {a.provenance.units} | {b.provenance.units}")
    if lines:
        differing = "\n".join(lines)
        raise RunError(
            f"{names[0]} and {names[1]} were evaluated in different ways and cannot be compared:\n{differing}\n"
            "Evaluate both with the same `acgan evaluate --data … --split … -n … --extractor … --repeats 5`."
        )
    for name, file in zip(names, (a, b), strict=True):
        if file.num_units < MIN_UNITS:
            raise RunError(_too_few(name, file))


def _check_budgets(differs: list[Differing], names: tuple[str, str]) -> None:
    for one in differs:
        if one.refused:
            raise RunError(
                f"{names[0]} and {names[1]}: unequal budgets, {one.what}: {one.a} | {one.b}; expected trainings of "
                "one length, of which a difference tells of the method. Train both as long, compare the runs' own "
                "directories, or compare all the same with --unequal."
            )


def _too_few(name: str, file: EvaluationFile) -> str:
    units = file.provenance.units
    remedies = {
        "generation seeds": "Evaluate with `acgan evaluate … --repeats 5`",
        "training seeds": "Train with several seeds (`acgan train --seeds 0,1,2`) and evaluate those runs together",
    }
    return (
        f"{name}: {file.units_in_words}; a difference is told from chance by {MIN_UNITS} or more. "
        f"{remedies[units]}."
    )


def _at_equal_counts(a: EvaluationFile, b: EvaluationFile, metric: str) -> EqualCounts | None:
    """The floor beside scores of as many images; None where a side has none, or the numbers of images differ."""
    counts = {file.provenance.floor_images for file in (a, b)}
    floor = a.floor[metric].value if metric in a.floor else None
    at = [file.at_floor_count[metric].value if metric in file.at_floor_count else None for file in (a, b)]
    count = next(iter(counts))
    if len(counts) > 1 or not count or floor is None or at == [None, None]:
        return None
    return EqualCounts(count, at[0], at[1], floor)


def _headline(a: EvaluatedSide, b: EvaluatedSide, differs: list[Differing]) -> str:
    ours, theirs = ({generator.sha256 for generator in side.generators} for side in (a, b))
    if a.scores.provenance.units == "generation seeds":
        if ours == theirs:
            return f"one generator, not two: A and B are of the same file ({min(ours)[:8]}) and differ by chance alone"
        return (
            "two checkpoints, not two methods: these differences hold for these two generators; train each with "
            "several seeds (`acgan train --seeds 0,1,2`) to compare methods"
        )
    numbers = f"{a.scores.num_units} of A and {b.scores.num_units} of B"
    others = [one.what for one in differs if not one.is_setting]
    if others:
        return (
            f"not methods alone: A and B differ in {', '.join(others)} as well, and these differences, between "
            f"trainings ({numbers}), may come from that"
        )
    if settings_known(a, b) and not differs:
        return f"one method twice: no setting differs, and these differences are between its trainings, {numbers}"
    return f"two methods: these differences are between trainings, {numbers}"


def _notes(
    a: EvaluatedSide, b: EvaluatedSide, rows: list[MetricComparison], left_out: list[str]
) -> Iterator[str]:
    ours, theirs = ({generator.sha256 for generator in side.generators} for side in (a, b))
    of_trainings = a.scores.provenance.units == "training seeds"
    if of_trainings and ours & theirs:
        shared = ", ".join(digest[:8] for digest in sorted(ours & theirs))
        yield f"A and B share generators ({shared}): they are not two independent groups of trainings"
    if not settings_known(a, b) and ours != theirs:
        yield "configurations are not compared: the runs of A or B are not at hand, or have changed since"
    yield from limits(
        [(len(row.a), len(row.b)) for row in rows], "training seeds" if of_trainings else "generation seeds"
    )
    if left_out:
        yield f"not compared: {', '.join(left_out)}"


def _class_changes(
    a: EvaluationFile, b: EvaluationFile, chosen: Collection[str] | None
) -> Iterator[ClassChange]:
    changes: dict[str, list[ClassChange]] = {}
    for class_name, metrics in a.per_class.items():
        for metric, ours in metrics.items():
            theirs = b.per_class.get(class_name, {}).get(metric)
            wanted = chosen is None or metric in chosen
            if wanted and ours is not None and theirs is not None and ours != theirs:
                changes.setdefault(metric, []).append(ClassChange(metric, class_name, ours, theirs))
    for found in changes.values():
        yield from sorted(found, key=lambda change: -abs(change.b - change.a))[:CLASSES_NAMED]


def _row_values(row: MetricComparison) -> dict[str, Any]:
    tested, beside = row.tested, row.at_equal_counts
    return {
        **{
            side: {"value": float(np.mean(values)), "std": float(np.std(values, ddof=1)), "values": values}
            for side, values in (("a", row.a), ("b", row.b))
        },
        "difference": row.difference.value,
        "interval": [row.difference.low, row.difference.high],
        "p": tested.p,
        "p_holm": tested.p_holm,
        "smallest_seen": tested.smallest_seen,
        "verdict": row.verdict,
        "better": row.better,
        "at_equal_counts": None if beside is None else vars(beside),
    }
