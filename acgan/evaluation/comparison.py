"""Two evaluations, metric by metric."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from acgan.errors import RunError
from acgan.evaluation.reading import EvaluationFile
from acgan.evaluation.result import EVALUATION_FORMAT
from acgan.metrics import catalogue
from acgan.metrics.bootstrap import MIN_UNITS, Difference, bootstrap_difference

CONFIDENCE = 0.95
#: Classes named of each metric.
CLASSES_NAMED = 3


@dataclass(frozen=True)
class MetricComparison:
    """One metric of both evaluations.

    Attributes:
        metric: Its name, with the extractor's where it has one.
        a: Values of A, one a unit, at least three.
        b: Values of B.
        difference: mean(b) - mean(a).
        floor: Score of real images against real ones; None if unknown.
    """

    metric: str
    a: tuple[float, ...]
    b: tuple[float, ...]
    difference: Difference
    floor: float | None

    @property
    def better(self) -> Literal["A", "B"] | None:
        """Name of the better side; None if they are not distinguishable, or the metric has no known direction."""
        direction = catalogue.better(self.metric)
        if not self.difference.distinguishable or direction is None:
            return None
        return "B" if (self.difference.value > 0) == (direction == "higher") else "A"

    @property
    def verdict(self) -> str:
        """In words."""
        return "distinguishable" if self.difference.distinguishable else "not distinguishable"


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
        units: Units of a metric's values: "generation seeds" or "training seeds".
        rows: Comparisons of the metrics that both have, in A's order.
        class_changes: Largest changes of each metric by class.
        notes: Remarks worth a line.
    """

    headline: str
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
            "notes": self.notes,
            "units": self.units,
            "confidence": CONFIDENCE,
            "metrics": {row.metric: _row_values(row) for row in self.rows},
            "class_changes": [vars(change) for change in self.class_changes],
        }
        return json.dumps(values, indent=2, ensure_ascii=False)


def compare(
    a: EvaluationFile, b: EvaluationFile, names: tuple[str, str] = ("A", "B"), seed: int = 0
) -> Comparison:
    """Compare two evaluations in each metric that both have.

    Args:
        a: One.
        b: The other; a difference is B's value less A's.
        names: Names of both in messages.
        seed: Seed of the bootstrap.

    Raises:
        RunError: They were made in different ways, have too few units for an interval, or no metric in common.
    """
    _check_comparable(a, b, names)
    rows, left_out = [], []
    for metric in dict.fromkeys((*a.overall, *b.overall)):
        values = a.units_of(metric), b.units_of(metric)
        if all(values):
            difference = bootstrap_difference(*values, confidence=CONFIDENCE, seed=seed)
            rows.append(MetricComparison(metric, *values, difference, _floor(a, b, metric)))
        else:
            sides = [side for side, found in zip("AB", values, strict=True) if not found]
            left_out.append(f"{metric} (no values by seed in {' and '.join(sides)})")
    if not rows:
        raise RunError(
            f"{names[0]} and {names[1]} have no metric in common: {', '.join(left_out) or 'both are empty'}. "
            "Evaluate both with the same --metrics."
        )
    return Comparison(
        headline=_headline(a, b),
        units=a.provenance.units,
        rows=tuple(rows),
        class_changes=tuple(_class_changes(a, b)),
        notes=tuple(_notes(a, b, rows, left_out)),
    )


def _check_comparable(a: EvaluationFile, b: EvaluationFile, names: tuple[str, str]) -> None:
    ours, theirs = (dict(_flat(file.provenance.model_dump(exclude={"generators"}))) for file in (a, b))
    # A side without a classifier lacks its keys, and has no scores of one to compare.
    lines = [
        f"  {key}: {value} | {theirs[key]}" for key, value in ours.items() if theirs.get(key, value) != value
    ]
    if lines:
        differing = "\n".join(lines)
        raise RunError(
            f"{names[0]} and {names[1]} were evaluated in different ways and cannot be compared:\n{differing}\n"
            "Evaluate both with the same `acgan evaluate --data … --split … -n … --extractor … --repeats 5`."
        )
    for name, file in zip(names, (a, b), strict=True):
        if file.num_units < MIN_UNITS:
            raise RunError(_too_few(name, file))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _too_few(name: str, file: EvaluationFile) -> str:
    units = file.provenance.units
    remedies = {
        "generation seeds": "Evaluate with `acgan evaluate … --repeats 5`",
        "training seeds": "Train with several seeds (`acgan train --seeds 0,1,2`) and evaluate those runs together",
    }
    return (
        f"{name}: {file.num_units} of {units}; a difference is told from chance by {MIN_UNITS} or more. "
        f"{remedies[units]}."
    )


def _floor(a: EvaluationFile, b: EvaluationFile, metric: str) -> float | None:
    floors = (file.floor[metric].value for file in (a, b) if metric in file.floor)
    return next((floor for floor in floors if floor is not None), None)


def _headline(a: EvaluationFile, b: EvaluationFile) -> str:
    if a.provenance.units == "training seeds":
        numbers = f"{a.num_units} of A and {b.num_units} of B"
        return f"two methods: these differences are between trainings, {numbers}"
    ours, theirs = ({generator.sha256 for generator in file.provenance.generators} for file in (a, b))
    if ours == theirs:
        return f"one generator, not two: A and B are of the same file ({min(ours)[:8]}) and differ by chance alone"
    return (
        "two checkpoints, not two methods: these differences hold for these two generators; train each with "
        "several seeds (`acgan train --seeds 0,1,2`) to compare methods"
    )


def _notes(
    a: EvaluationFile, b: EvaluationFile, rows: list[MetricComparison], left_out: list[str]
) -> Iterator[str]:
    ours, theirs = ({generator.sha256 for generator in file.provenance.generators} for file in (a, b))
    if a.provenance.units == "training seeds" and ours & theirs:
        shared = ", ".join(digest[:8] for digest in sorted(ours & theirs))
        yield f"A and B share generators ({shared}): they are not two independent groups of trainings"
    if len(rows) > 1:
        yield (
            f"{len(rows)} metrics are compared at once: at {CONFIDENCE:.0%} about one in twenty differs by "
            "chance, where nothing does"
        )
    if left_out:
        yield f"not compared: {', '.join(left_out)}"


def _class_changes(a: EvaluationFile, b: EvaluationFile) -> Iterator[ClassChange]:
    changes: dict[str, list[ClassChange]] = {}
    for class_name, metrics in a.per_class.items():
        for metric, ours in metrics.items():
            theirs = b.per_class.get(class_name, {}).get(metric)
            if ours is not None and theirs is not None and ours != theirs:
                changes.setdefault(metric, []).append(ClassChange(metric, class_name, ours, theirs))
    for found in changes.values():
        yield from sorted(found, key=lambda change: -abs(change.b - change.a))[:CLASSES_NAMED]


def _row_values(row: MetricComparison) -> dict[str, Any]:
    return {
        **{
            side: {"value": float(np.mean(values)), "std": float(np.std(values, ddof=1)), "values": values}
            for side, values in (("a", row.a), ("b", row.b))
        },
        "difference": row.difference.value,
        "interval": [row.difference.low, row.difference.high],
        "verdict": row.verdict,
        "better": row.better,
        "floor": row.floor,
    }
