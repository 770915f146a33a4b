"""``acgan plot``."""

from __future__ import annotations

from pathlib import Path

import click

from acgan.atomic import write_bytes
from acgan.cli.metric_names import ScoreNames
from acgan.cli.options import UserPath
from acgan.cli.output import echo


@click.command()
@click.argument("directories", metavar="DIR...", nargs=-1, required=True, type=UserPath())
@click.option(
    "--metrics",
    type=ScoreNames(),
    metavar="NAME,...",
    help="Draw these scores alone, by class and by truncation, as in kid,recall.",
)
@click.option(
    "--out",
    metavar="FOLDER",
    type=UserPath(file_okay=False),
    help="Where to write the pictures.  [default: the first DIR]",
)
def command(directories: tuple[Path, ...], metrics: tuple[str, ...] | None, out: Path | None) -> None:
    """Draw the runs of variants: curves of the trainings, scores by class, scores by truncation.

    DIR is what `acgan table` takes. curves.png has scores during training, classes.png those of each class,
    truncation.png those of runs with several evaluations: `acgan evaluate RUN --truncation 0.7`. Lines and bars are
    means over seeds, bands and whiskers one standard deviation.
    """
    from acgan import api, results
    from acgan.plots.results import bars_picture, curves_picture
    from acgan.plots.style import to_png

    variants = results.find_variants(directories, with_scores=False, way=api.scoring_way)
    curves = results.training_curves(variants)
    classes = results.class_values(variants, metrics)
    truncations = results.truncation_curves(variants, metrics)
    pictures = {}
    if curves:
        pictures["curves.png"] = curves_picture(curves, xlabel="images shown")
    if classes:
        pictures["classes.png"] = bars_picture(classes, results.class_order(classes))
    if truncations:
        pictures["truncation.png"] = curves_picture(truncations, xlabel="truncation: factor on the latents")
    folder = directories[0] if out is None else out
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / name: to_png(figure) for name, figure in pictures.items()}
    for file, png in files.items():
        write_bytes(file, png)
    for file in files:
        echo(f"picture: {file}")
    for name, reason in (
        ("curves.png", "no scores during training (data.validation_share, evaluate.extractor)"),
        ("classes.png", "no scores by class of single runs"),
        ("truncation.png", "no run with evaluations at several --truncation in its directory"),
    ):
        if name not in pictures:
            echo(f"no {name}: {reason}")
    for variant in variants:
        for words in (*(f"left out: {reason}" for reason in variant.left_out), *variant.stopped):
            echo(f"note: {words}")
