"""``acgan data show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from acgan.atomic import write_bytes, write_text
from acgan.cli.options import UserPath, check_json_file, check_output_file, data_set_option
from acgan.cli.progress import Reporter, counting

_PAIRS_SHOWN = 20

if TYPE_CHECKING:
    from rich.table import Table

    from acgan.api import DataSummary
    from acgan.types import ClassPictures


@click.command()
@click.argument("source")
@data_set_option
@click.option(
    "--save",
    metavar="SHEET.png",
    type=UserPath(),
    help="Write a picture: one row a class, as stored and as the networks see it; at most 64 classes.",
)
@click.option("--json", "json_file", metavar="FILE", type=UserPath(), help="Write all of it here.")
def command(source: str, overrides: tuple[str, ...], save: Path | None, json_file: Path | None) -> None:
    """Show how SOURCE is read, and why: its classes and parts, sizes, what is left out, and doubts.

    SOURCE is what `acgan train --data` takes. The images are decoded into the cache, so that a training starts at
    once. Where pictures are broken, all else is shown, then the error that a training stops with.
    """
    from acgan import api
    from acgan.api.class_table import reading_line, with_noun
    from acgan.api.inputs import summary_line, tell_remarks
    from acgan.cli.tables import print_table
    from acgan.plots.fonts import letters_missing

    check_json_file(json_file)
    check_output_file("--save", save)
    if save is not None and save.suffix.lower() != ".png":
        raise click.BadParameter(f"{save}; expected a name that ends in .png.", param_hint="--save")
    with counting("reading images", False) as progress:
        found = api.show_data(source, overrides, progress=progress)
    # Files come first: nobody may be there to read.
    if json_file is not None:
        write_text(json_file, found.to_json() + "\n")
    if save is not None:
        write_bytes(save, found.sheet())
    reporter = Reporter(quiet=False)
    if found.dataset.report is not None:
        reading = found.dataset.report.reading
        reporter.say(reading_line(reading))
        for what, text in (("labels from", reading.labels), ("parts from", reading.parts)):
            if text:
                reporter.say(f"{what}: {text}")
    reporter.say(summary_line(found.dataset))
    table = source_table(found)
    print_table(table)
    tell_remarks(found.dataset, reporter.say, reporter.warn)
    shown = found.alike[:_PAIRS_SHOWN]
    for pair in shown:
        reporter.say(f"alike: {pair.held_out_name} (held out) and {pair.train_name} (training)")
    report = found.dataset.report
    if report is not None and (more := report.num_pairs - len(shown)) > 0:
        reporter.say(f"and {with_noun(more, 'more such pair', 'more such pairs')}")
    if save is not None:
        reporter.say(f"contact sheet: {click.format_filename(save)}")
        if warning := letters_missing(found.dataset.train.class_names):
            reporter.warn(warning)
    if found.broken is not None:
        raise found.broken


def source_table(found: DataSummary) -> Table:
    """All classes with their images by part, sizes and modes."""
    from rich.table import Table

    report = found.dataset.report
    pictures = report.pictures if report is not None else ()
    table = Table()
    table.add_column("class", overflow="fold")
    for part in found.counts.parts:
        table.add_column(part, justify="right")
    if pictures:
        table.add_column("width x height", no_wrap=True)
        table.add_column("modes", overflow="fold")
    rows = found.counts.rows()
    for place, (name, numbers) in enumerate(rows):
        looks = _looks(pictures[place]) if place < len(pictures) else ()
        table.add_row(name, *(f"{number:,}" for number in numbers), *looks)
        if place == len(found.counts.class_names) - 1:
            table.add_section()
    return table


def _looks(pictures: ClassPictures) -> tuple[str, str]:
    sides = (
        f"{low}" if low == high else f"{low}-{high}" for low, high in (pictures.widths, pictures.heights)
    )
    modes = sorted(pictures.modes.items(), key=lambda mode: -mode[1])
    return " x ".join(sides), ", ".join(f"{mode} {count:,}" for mode, count in modes)
