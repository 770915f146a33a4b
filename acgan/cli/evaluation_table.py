"""An evaluation's scores as tables and words, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from acgan.evaluation import plain_name, verdict

if TYPE_CHECKING:
    from acgan.evaluation import Scores, Summary

_CLASSES_SHOWN = 50
#: Metrics by name without extractor: how they are written, and with which digits.
_ROWS = {
    "fid": ("FID", ".3f"),
    "fcd": ("FCD", ".3f"),
    "intra_fid_mean": ("  within classes, mean", ".3f"),
    "intra_fid_worst": ("  within classes, worst", ".3f"),
    "intra_fcd_mean": ("  within classes, mean", ".3f"),
    "intra_fcd_worst": ("  within classes, worst", ".3f"),
    "kid": ("KID", ".4g"),
    "inception_score": ("Inception score", ".2f"),
    "classifier_score": ("classifier score", ".2f"),
    "precision": ("precision", ".3f"),
    "recall": ("recall", ".3f"),
    "density": ("density", ".3f"),
    "coverage": ("coverage", ".3f"),
    "class_accuracy": ("class accuracy", ".4f"),
    "ms_ssim": ("MS-SSIM in classes", ".3f"),
    "diverse_classes": ("classes as diverse", ".2f"),
    "memorisation_nearer": ("nearer to training", ".3f"),
    "memorisation_copies": ("  copies", ".3f"),
    "cas_real": ("accuracy, trained on real", ".4f"),
    "cas_synthetic": ("  on samples (CAS)", ".4f"),
    "cas_both": ("  on both", ".4f"),
    "gan_test": ("GAN-test", ".4f"),
}
#: Of each class: headings, and digits.
_COLUMNS = {
    "class_accuracy": ("acc.", ".3f"),
    "fid": ("FID", ".2f"),
    "fcd": ("FCD", ".2f"),
    "kid": ("KID", ".3g"),
    "precision": ("prec.", ".3f"),
    "recall": ("recall", ".3f"),
    "coverage": ("cover.", ".3f"),
    "ms_ssim": ("MS-SSIM", ".3f"),
    "ms_ssim_real": ("real's", ".3f"),
    "cas_synthetic": ("CAS", ".3f"),
    "cas_gain": ("CAS gain", "+.3f"),
}
_PRIORS = {"reference": "as often as in the reference", "uniform": "equally often"}
_SPLITS = {"test": "held-out", "train": "training"}


def show(scores: Scores, console: Console) -> None:
    """Print everything a person needs to judge a generator."""
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
    """What was compared with what, by which features; of an evaluation that looked at images."""
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
    for metric, summary in scores.overall.items():
        title, form = _ROWS[plain_name(metric)]
        if metric == "ms_ssim":
            scales = scores.provenance["ms_ssim_scales"]
            title += f", {scales} scale{'s' if scales > 1 else ''}"
        others = [scores.at_floor_count.get(metric), scores.floor.get(metric)] if half else []
        table.add_row(title, *(_figure(one, form) for one in (summary, *others)))
    return table


def _figure(summary: Summary | None, form: str) -> str:
    if summary is None or summary.value is None:
        return "-"
    spread = "" if summary.std is None else f" ±{summary.std:{form}}"
    return f"{summary.value:{form}}{spread}"


def _columns(per_class: Mapping[str, Mapping[str, float | None]]) -> list[tuple[str, str, str]]:
    """What is shown of classes: metric, heading and digits of what was measured for any of them."""
    names = {plain_name(metric): metric for metric in next(iter(per_class.values()))}
    return [
        (names[plain], *_COLUMNS[plain])
        for plain in _COLUMNS
        if plain in names and any(values[names[plain]] is not None for values in per_class.values())
    ]


def _per_class(
    per_class: Mapping[str, Mapping[str, float | None]], chosen: Sequence[tuple[str, str, str]]
) -> Table:
    table = Table("class", *(heading for _, heading, _ in chosen))
    for column in table.columns[1:]:
        column.justify = "right"
    for name, values in list(per_class.items())[:_CLASSES_SHOWN]:
        figures = (_number(values[metric], form) for metric, _, form in chosen)
        table.add_row(escape(name), *figures)
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
