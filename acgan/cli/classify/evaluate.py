"""``acgan classify evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from acgan.atomic import write_bytes, write_text
from acgan.cli.options import UserPath, check_json_file, device_option, on_error_option
from acgan.cli.output import echo
from acgan.types import WHOLE_AND_SPLITS

if TYPE_CHECKING:
    from acgan.evaluation import ClassifierScores

_CLASSES_SHOWN = 50


@click.command()
@click.argument("run", metavar="RUN_OR_FILE", type=UserPath())
@click.option(
    "--data",
    metavar="SOURCE",
    help="Labelled images; the classes that the classifier knows are scored.  [default: what it was trained on]",
)
@click.option(
    "--split",
    type=click.Choice(WHOLE_AND_SPLITS),
    default="test",
    show_default=True,
    help="Of the data; train is what was trained on, all is for a folder that is nothing but test images.",
)
@click.option("--json", "json_file", type=UserPath(), help="Write all scores here.")
@click.option(
    "--confusion",
    type=UserPath(),
    metavar="FILE.png",
    help="Picture of the confusion matrix.  [default: RUN/confusion.png of a run directory]",
)
@on_error_option()
@device_option
def command(
    run: Path,
    data: str | None,
    split: str,
    json_file: Path | None,
    confusion: Path | None,
    on_error: str | None,
    device: str,
) -> None:
    """Score a classifier on labelled images: overall, class by class, and each auxiliary head.

    RUN_OR_FILE is a run directory of `acgan classify train` or its classifier.safetensors.
    """
    from acgan import api
    from acgan.plots.confusion import confusion_picture
    from acgan.plots.fonts import letters_missing
    from acgan.plots.style import to_png
    from acgan.runtime import choose_device

    check_json_file(json_file)
    scores = api.evaluate_classifier(
        run,
        data,
        split=split,
        device=choose_device(device),
        on_error=on_error,
        say=echo,
        warn=lambda message: echo(f"warning: {message}", err=True),
    )
    picture = confusion or (run / "confusion.png" if run.is_dir() else None)
    try:
        if json_file is not None:
            write_text(json_file, scores.to_json() + "\n")
        if picture is not None:
            figure = confusion_picture(
                scores.main.confusion, scores.class_names, rows="true class", bars="recall"
            )
            write_bytes(picture, to_png(figure))
    finally:  # a full disk loses no score
        _show(scores)
    if picture is not None:
        echo(f"confusion matrix: {picture}")
        if warning := letters_missing(scores.class_names):
            echo(f"warning: {warning}", err=True)


def _show(scores: ClassifierScores) -> None:
    from rich.table import Table

    from acgan.cli.tables import print_table

    main, origin = scores.main, scores.provenance
    table = Table("class", "images", "precision", "recall", "F1")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, one in list(scores.scored.items())[:_CLASSES_SHOWN]:
        figures = ("-" if value is None else f"{value:.4f}" for value in (one.precision, one.recall, one.f1))
        table.add_row(name, f"{one.images:,}", *figures)
    print_table(table)
    if len(scores.scored) > _CLASSES_SHOWN:
        echo(f"and {len(scores.scored) - _CLASSES_SHOWN} more classes: see --json")
    top5 = "" if main.top5 is None else f"  top-5 {main.top5:.4f}"
    echo(
        f"accuracy {main.accuracy:.4f}{top5}  balanced accuracy {main.balanced_accuracy:.4f}  "
        f"macro F1 {main.macro_f1:.4f}  ECE {main.ece:.4f}"
    )
    if len(scores.scored) < len(scores.class_names):
        echo(
            f"of {len(scores.scored):,} of its {len(scores.class_names):,} classes; predictions of classes without "
            "images count as wrong"
        )
    if len(scores.heads) > 1:
        echo(
            "heads: " + "  ".join(f"{name} {accuracy:.4f}" for name, accuracy in scores.heads.items()),
        )
    echo(
        f"on {origin['num_images']:,} images ({origin['data']}, {origin['split']}, {origin['data_fingerprint'][:8]}); "
        f"classifier {origin['classifier_sha256'][:8]}",
    )
