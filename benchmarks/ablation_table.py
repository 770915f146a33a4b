"""The Markdown table of `benchmarks/ablation.py`, made from its results."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.special import stdtrit

from acgan.evaluation import CONFIDENCE
from acgan.metrics.bootstrap import MIN_UNITS, bootstrap_difference
from acgan.metrics.catalogue import plain_name

Row = Mapping[str, Any]

#: Metrics of `acgan evaluate` that the columns need.
METRICS = ("frechet", "prdc", "accuracy")

_WORST = "worst class"
_COLUMNS = {
    "FCD": ("fid", "fcd"),
    "intra-class FCD": ("intra_fid_mean", "intra_fcd_mean"),
    "class accuracy": ("class_accuracy",),
    _WORST: ("class_accuracy",),
    "coverage": ("coverage",),
    "recall": ("recall",),
}


def table(rows: Sequence[Row]) -> str:
    """A table with one row per variant, in the order of their first run.

    Args:
        rows: One per run: ``variant``, ``images_shown``, ``scores`` and ``worst_class`` by metric,
            ``collapsed_classes``. A run that was not finite has only ``variant`` and ``not_finite``.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["variant"], []).append(row)
    first = next(iter(groups), "")
    found = {name: _values(group, "FCD") for name, group in groups.items()}
    compared = [name for name in groups if name != first and _enough(found[first]) and _enough(found[name])]
    head = ["variant", "seeds", "images shown", *_COLUMNS, "collapsed at the end"]
    if compared:
        head.insert(4, f"FCD less that of {first}")
    lines = [head, ["---"] * len(head)]
    for name, group in groups.items():
        cells = [name, str(len(group)), _images(group)]
        cells += [summary(_values(group, column)) for column in _COLUMNS]
        if compared:
            cells.insert(4, _difference(found[first], found[name]) if name in compared else "-")
        lines.append([*cells, _collapsed(group)])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def summary(values: Sequence[float]) -> str:
    """The mean with its 95 % t interval; with fewer than three values, the values."""
    if len(values) < MIN_UNITS:
        return ", ".join(f"{value:.4g}" for value in values) or "-"
    half = stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{statistics.mean(values):.4g} ± {half:.2g}"


def _values(group: Sequence[Row], column: str) -> list[float]:
    """A column's value for each run that has one."""
    part = "worst_class" if column == _WORST else "scores"
    found = [
        value
        for row in group
        for metric, value in row.get(part, {}).items()
        if plain_name(metric) in _COLUMNS[column]
    ]
    return [value for value in found if value is not None]


def _enough(values: Sequence[float]) -> bool:
    return len(values) >= MIN_UNITS


def _difference(a: Sequence[float], b: Sequence[float]) -> str:
    difference = bootstrap_difference(a, b, confidence=CONFIDENCE)
    return f"{difference.value:+.3g} ({difference.low:+.3g} to {difference.high:+.3g})"


def _images(group: Sequence[Row]) -> str:
    return (
        ", ".join(dict.fromkeys(f"{row['images_shown']:,}" for row in group if "images_shown" in row)) or "-"
    )


def _collapsed(group: Sequence[Row]) -> str:
    """Number of runs that the monitor warned about in its last look, of those that it looked at."""
    looked = [row["collapsed_classes"] for row in group if row.get("collapsed_classes") is not None]
    text = f"{sum(count > 0 for count in looked)} of {len(looked)}" if looked else "-"
    failed = sum("not_finite" in row for row in group)
    return f"{text}; {failed} not finite" if failed else text
