"""An evaluation's scores as tables and words, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from acgan.evaluation import verdict
from acgan.metrics.catalogue import ClassColumn, plain_name, printed_scores

if TYPE_CHECKING:
    from acgan.evaluation import Scores, Summary

_CLASSES_SHOWN = 50
_PRIORS = {"reference": "as often as in the reference", "uniform": "equally often"}
_SPLITS = {"test": "held-out", "train": "training"}


def show(scores: Scores, console: Console) -> None:
    """Print the scores, tables and verdict."""
    origin = scores.provenance
    _say_generators(origin, console)
    if origin["extractor"] is not None:
        _say_what(origin, console)
    console.print(_overall(scores), markup=False)
    chosen = _columns(scores.per_class)
    if chosen:
        console.print(_per_class(scores.per_class, chosen))
    if chosen and len(scores.per_class) > _CLASSES_SHOWN:
        console.print(f"and {len(scores.per_class) - _CLASSES_SHOWN} more classes: see the JSON file")
    for line in verdict(scores):
        console.print(line, markup=False)


def _say_generators(origin: Mapping[str, Any], console: Console) -> None:
    for generator in origin["generators"]:
        console.print(
            f"{generator['path']}: {generator['file']}, {generator['nimg']:,} images shown, "
            f"training seed {generator['training_seed']}",
            markup=False,
        )


def _say_what(origin: Mapping[str, Any], console: Console) -> None:
    reference, extractor = origin["reference"], origin["extractor"]
    console.print(
        f"{origin['num_images']:,} samples, labels {_PRIORS[origin['label_prior']]}, seed {origin['seed']}"
        + (f" to {origin['seed'] + origin['repeats'] - 1}" if origin["repeats"] > 1 else "")
        + f", against {reference['num_images']:,} {_SPLITS[reference['split']]} images of {reference['data']}",
        markup=False,
    )
    seen = {False: "which never saw these images", True: "which was trained on these images: judge with care"}
    console.print(
        f"features: {extractor['name'] or 'FID Inception'}, {extractor['dims']} of them, "
        + seen.get(
            origin["extractor_saw_reference"], "and whether it was trained on these images is not known"
        ),
        markup=False,
    )


def _overall(scores: Scores) -> Table:
    half = scores.provenance["floor_images"]
    beside = [f"{half:,} samples", f"{half:,} real: floor"] if half else []
    table = Table("", "samples", *beside)
    for column in table.columns[1:]:
        column.justify = "right"
    shown = printed_scores()
    for metric, summary in scores.overall.items():
        score = shown[plain_name(metric)]
        title = score.title
        assert title is not None, metric
        if metric == "ms_ssim":
            scales = scores.provenance["ms_ssim_scales"]
            title += f", {scales} scale{'s' if scales > 1 else ''}"
        others = [scores.at_floor_count.get(metric), scores.floor.get(metric)] if half else []
        table.add_row(title, *(_figure(one, score.digits) for one in (summary, *others)))
    return table


def _figure(summary: Summary | None, form: str) -> str:
    if summary is None or summary.value is None:
        return "-"
    spread = "" if summary.std is None else f" ±{summary.std:{form}}"
    return f"{summary.value:{form}}{spread}"


def _columns(per_class: Mapping[str, Mapping[str, float | None]]) -> list[tuple[str, ClassColumn]]:
    """Scores that were measured for at least one class, with their columns."""
    names = {plain_name(metric): metric for metric in next(iter(per_class.values()))}
    found = [
        (names[plain], score.column)
        for plain, score in printed_scores().items()
        if score.column is not None
        and plain in names
        and any(values[names[plain]] is not None for values in per_class.values())
    ]
    return sorted(found, key=lambda one: not one[1].first)


def _per_class(
    per_class: Mapping[str, Mapping[str, float | None]], chosen: Sequence[tuple[str, ClassColumn]]
) -> Table:
    table = Table("class", *(column.heading for _, column in chosen))
    for header in table.columns[1:]:
        header.justify = "right"
    for name, values in list(per_class.items())[:_CLASSES_SHOWN]:
        figures = (_number(values[metric], column.digits) for metric, column in chosen)
        table.add_row(escape(name), *figures)
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
