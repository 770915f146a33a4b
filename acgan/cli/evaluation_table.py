"""An evaluation's scores as tables and words, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from acgan.cli.output import echo
from acgan.cli.tables import print_table
from acgan.evaluation import interval, verdict
from acgan.metrics.catalogue import ClassColumn, plain_name, printed_scores

if TYPE_CHECKING:
    from acgan.evaluation import Scores, Summary

_CLASSES_SHOWN = 50
_PRIORS = {"reference": "as often as in the reference", "uniform": "equally often"}
_SPLITS = {"test": "held-out", "train": "training"}


def show(scores: Scores) -> None:
    """Print the scores, tables and verdict."""
    origin = scores.provenance
    _say_generators(origin)
    if origin["extractor"] is not None:
        _say_what(origin)
    half = origin["floor_images"]
    if scores.floor and half:
        echo(f"Of {half:,} on either side, against {half:,} other held-out images: like with like.")
        print_table(_beside_real(scores))
        everyone = f"{origin['num_images']:,}"
        echo(f"Of all {everyone}: compare with other evaluations of as many, not with the above.")
    print_table(_overall(scores))
    if _has_intervals(scores):
        echo("±: half of a 95 % interval, beside real images over three halvings, of all samples over seeds.")
    chosen = _columns(scores.per_class)
    if chosen:
        print_table(_per_class(scores.per_class, chosen))
    if chosen and len(scores.per_class) > _CLASSES_SHOWN:
        echo(f"and {len(scores.per_class) - _CLASSES_SHOWN} more classes: see the JSON file")
    for line in verdict(scores):
        echo(line)


def _say_generators(origin: Mapping[str, Any]) -> None:
    for generator in origin["generators"]:
        known = (
            f"{generator['file']}, {generator['nimg']:,} images shown, training seed {generator['training_seed']}"
            if generator["kind"] == "generator"
            else "samples that something else generated"
        )
        echo(f"{generator['path']}: {known}")


def _say_what(origin: Mapping[str, Any]) -> None:
    reference, extractor = origin["reference"], origin["extractor"]
    echo(
        f"{origin['num_images']:,} samples, labels {_PRIORS[origin['label_prior']]}, seed {origin['seed']}"
        + (f" to {origin['seed'] + origin['repeats'] - 1}" if origin["repeats"] > 1 else "")
        + f", against {reference['num_images']:,} {_SPLITS[reference['split']]} images of {reference['data']}",
    )
    seen = {False: "which never saw these images", True: "which was trained on these images: judge with care"}
    echo(
        f"features: {extractor['name'] or 'FID Inception'}, {extractor['dims']} of them, "
        + seen.get(
            origin["extractor_saw_reference"], "and whether it was trained on these images is not known"
        ),
    )


def _beside_real(scores: Scores) -> Table:
    """Scores of samples and of real images at the same count; nothing of another count stands beside them."""
    table = _right_aligned("", "samples", "real images")
    for metric, score in scores.at_floor_count.items():
        digits = printed_scores()[plain_name(metric)].digits
        both = (_figure(one, digits, of_halvings=True) for one in (score, scores.floor.get(metric)))
        table.add_row(_title(scores, metric), *both)
    return table


def _overall(scores: Scores) -> Table:
    table = _right_aligned("", "all samples")
    for metric, summary in scores.overall.items():
        digits = printed_scores()[plain_name(metric)].digits
        table.add_row(_title(scores, metric), _figure(summary, digits, of_halvings=False))
    return table


def _right_aligned(*headings: str) -> Table:
    table = Table(*headings)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _title(scores: Scores, metric: str) -> str:
    title = printed_scores()[plain_name(metric)].title
    assert title is not None, metric
    if metric != "ms_ssim":
        return title
    scales = scores.provenance["ms_ssim_scales"]
    return f"{title}, {scales} scale{'s' if scales > 1 else ''}"


def _has_intervals(scores: Scores) -> bool:
    every = (*scores.at_floor_count.values(), *scores.floor.values(), *scores.overall.values())
    return any(one.std is not None for one in every)


def _figure(summary: Summary | None, form: str, *, of_halvings: bool) -> str:
    if summary is None or summary.value is None:
        return "-"
    # Accuracies of classifiers have a deviation over trainings, and no values: it is not printed, but in the JSON file.
    spread = interval(summary, of_halvings=of_halvings) if of_halvings or len(summary.values) > 1 else None
    return f"{summary.value:{form}}" + ("" if spread is None else f" ±{spread:{form}}")


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
    table = _right_aligned("class", *(column.heading for _, column in chosen))
    for name, values in list(per_class.items())[:_CLASSES_SHOWN]:
        figures = (_number(values[metric], column.digits) for metric, column in chosen)
        table.add_row(name, *figures)
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
