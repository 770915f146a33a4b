"""An evaluation's scores as tables and words, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from acgan.cli.output import echo, echo_prose
from acgan.cli.tables import print_table
from acgan.evaluation import doubt_of_judge, verdict, with_interval
from acgan.metrics.catalogue import ClassColumn, plain_name, printed_scores

if TYPE_CHECKING:
    from acgan.evaluation import Scores, Summary

_CLASSES_SHOWN = 50
_REAL = "_real"  # ends the name of what real images have
_PRIORS = {"reference": "as often as in the reference", "uniform": "equally often"}
_SPLITS = {"test": "held-out", "train": "training", "train-all": "training and validation"}


def show(scores: Scores) -> None:
    """Print what was scored, the verdict, and the tables."""
    origin = scores.provenance
    _say_generators(origin)
    doubt = None
    if origin["extractor"] is not None:
        _say_what(origin)
        doubt = doubt_of_judge(scores)
        if doubt is not None:
            echo_prose(doubt)
    for line in verdict(scores):
        if line != doubt:
            echo_prose(line)
    half = origin["floor_images"]
    if scores.floor and half:
        images = f"other {_SPLITS[origin['reference']['split']]} images"
        echo_prose(
            f"\n{half:,} samples, and {half:,} real images, each scored against {half:,} {images}. Real images show "
            "what a perfect generator would score."
        )
        print_table(_beside_real(scores))
        echo(f"\nAll {origin['num_images']:,} samples: compare only with other evaluations of as many.")
    print_table(_overall(scores))
    for note in _notes(scores):
        echo_prose(note)
    chosen = _columns(scores.per_class)
    if chosen:
        print_table(_per_class(scores.per_class, chosen))
    if chosen and len(scores.per_class) > _CLASSES_SHOWN:
        echo(f"and {len(scores.per_class) - _CLASSES_SHOWN} more classes: see the JSON file")


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
    if reference["split"] != "test":
        echo("Copies of training images score as well here as new images do: only --split test tells more.")


def _beside_real(scores: Scores) -> Table:
    """Scores of samples and of real images at the same count; nothing of another count stands beside them."""
    table = _right_aligned("", "samples", "real images")
    for metric, score in scores.at_floor_count.items():
        if not _is_of_real_images(metric, scores.at_floor_count):
            both = (_figure(metric, one, of_halvings=True) for one in (score, scores.floor.get(metric)))
            table.add_row(_title(scores, metric), *both)
    return table


def _overall(scores: Scores) -> Table:
    """Scores of all samples; real images have few at that count, in a column of their own."""
    of_real = {
        metric.removesuffix(_REAL): _figure(metric, summary, of_halvings=False)
        for metric, summary in scores.overall.items()
        if _is_of_real_images(metric, scores.overall)
    }
    table = _right_aligned("", "all samples", *(["held-out images"] if of_real else []))
    for metric, summary in scores.overall.items():
        if not _is_of_real_images(metric, scores.overall):
            figures = [
                _figure(metric, summary, of_halvings=False),
                *([of_real.get(metric, "")] if of_real else []),
            ]
            table.add_row(_title(scores, metric), *figures)
    return table


def _is_of_real_images(metric: str, metrics: Mapping[str, Summary]) -> bool:
    """True for what real images have beside the samples' own score, which a row of samples does not show."""
    return metric.endswith(_REAL) and metric.removesuffix(_REAL) in metrics


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


def _notes(scores: Scores) -> Iterator[str]:
    """Explanations of what stands in the tables."""
    parts = (scores.at_floor_count, scores.floor, scores.overall)
    if any(one.std is not None for part in parts for one in part.values()):
        yield (
            "±: half of a 95 % interval, beside real images over three halvings, of all samples over seeds. [a, b]: "
            "the whole interval, where it ends at 0 or 1."
        )
    overall = [(name, one.value) for part in parts for name, one in part.items()]
    by_class = [one for values in scores.per_class.values() for one in values.items()]
    shown = {name for name, _ in _columns(scores.per_class)}
    if any(value is None for _, value in overall) or any(v is None for name, v in by_class if name in shown):
        yield '"-": too few images to say.'
    if any(plain_name(name) == "kid" and (value or 0) < 0 for name, value in (*overall, *by_class)):
        yield (
            "A KID below 0 is no mistake: its estimate has no bias, so around a distance of 0 it falls on either side."
        )


def _figure(metric: str, summary: Summary | None, *, of_halvings: bool) -> str:
    if summary is None or summary.value is None:
        return "-"
    return with_interval(metric, summary, of_halvings=of_halvings)


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
