"""``acgan compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from acgan.atomic import write_text
from acgan.cli.metric_names import ScoreNames, titles
from acgan.cli.options import UserPath, check_json_file
from acgan.cli.output import echo

if TYPE_CHECKING:
    from rich.table import Table

    from acgan.evaluation import Comparison, MetricComparison

#: Settings that differ and are listed; a comparison of many is none of a method.
_SETTINGS_SHOWN = 20


@click.command()
@click.argument("a", metavar="RUN_A", type=UserPath())
@click.argument("b", metavar="RUN_B", type=UserPath())
@click.option(
    "--metrics",
    type=ScoreNames(),
    metavar="NAME,...",
    help="Compare these alone, as in frechet,recall: the fewer, the smaller a difference can be told.",
)
@click.option("--unequal", is_flag=True, help="Compare trainings that showed different numbers of images.")
@click.option("--json", "json_file", type=UserPath(), help="Write the comparison here.")
def command(a: Path, b: Path, metrics: tuple[str, ...] | None, unequal: bool, json_file: Path | None) -> None:
    """Say whether two evaluations differ, metric by metric.

    RUN_A and RUN_B are run directories that `acgan evaluate` scored, or files that it wrote. Both have to be of the
    same reference, extractor and number of images, and of three seeds or more: `--repeats 5`, or several runs of
    `acgan train --seeds 0,1,2`.

    With five seeds or more a side, a difference is distinguishable where its 95 % interval excludes zero and an exact
    permutation test, corrected for all metrics, finds it rarer than 5 %. Else it leans where the interval does.
    """
    from acgan import api
    from acgan.evaluation import compare, evaluation_file, read_evaluation, with_runs

    check_json_file(json_file)
    for side in (a, b):
        api.check_scored(side)
    file_a, file_b = evaluation_file(a), evaluation_file(b)
    side_a, side_b = (with_runs(read_evaluation(file), file.parent) for file in (file_a, file_b))
    found = compare(side_a, side_b, (str(file_a), str(file_b)), metrics=metrics, unequal=unequal)
    if json_file is not None:
        write_text(json_file, found.to_json(file_a, file_b) + "\n")
    echo(f"A: {file_a} ({side_a.scores.units_in_words})")
    echo(f"B: {file_b} ({side_b.scores.units_in_words})")
    origin = side_a.scores.provenance
    features = "" if origin.extractor is None else f", features of {origin.extractor.name or 'FID Inception'}"
    echo(f"both: {origin.num_images:,} samples{features}")
    _show(found)


def _show(found: Comparison) -> None:
    from acgan.cli.tables import print_table

    _show_differing(found)
    echo(f"{found.headline}\n")
    names = titles([row.metric for row in found.rows])
    for table in (_values(found, names), _differences(found, names)):
        print_table(table)
        echo()
    echo(
        f"±: half of a 95 % interval of the mean, over {found.units}; p: permutation test, in brackets after Holm's "
        "correction"
    )
    echo("could see: the true difference whose interval excludes zero 4 times in 5, at this spread")
    beside = [row for row in found.rows if row.at_equal_counts is not None]
    if beside:
        echo(f"\nbeside real images, {_counts(beside)} on either side:")
        floors = _beside_real(beside, names)
        print_table(floors)
    if found.class_changes:
        echo("\nclasses that changed most, with one value each and so without a verdict:")
        classes = _table("metric", "class", "A", "B", "B - A")
        for change in found.class_changes:
            a, b = change.a, change.b
            title = names.get(change.metric, change.metric).strip()
            classes.add_row(title, change.class_name, f"{a:.4g}", f"{b:.4g}", f"{b - a:+.3g}")
        print_table(classes)
    for note in found.notes:
        echo(f"note: {note}")


def _show_differing(found: Comparison) -> None:
    """All that differs, before any score."""
    from acgan.cli.tables import print_table

    if not found.differs:
        return
    echo("what differs:")
    table = _table("what", "A", "B")
    for one in found.differs[:_SETTINGS_SHOWN]:
        table.add_row(one.what, one.a, one.b)
    print_table(table)
    if len(found.differs) > _SETTINGS_SHOWN:
        echo(f"and {len(found.differs) - _SETTINGS_SHOWN} settings more: see --json")
    echo()


def _values(found: Comparison, names: dict[str, str]) -> Table:
    import numpy as np

    from acgan.metrics.intervals import half_interval

    table = _table("score", "", "mean ±", "by seed")
    for row in found.rows:
        for side, values in (("A", row.a), ("B", row.b)):
            half = half_interval(float(np.std(values, ddof=1)), len(values))
            mean = f"{np.mean(values):.4g} ±{half:.2g}"
            title = names[row.metric] if side == "A" else ""
            table.add_row(title, side, mean, " ".join(f"{value:.4g}" for value in values))
    return table


def _differences(found: Comparison, names: dict[str, str]) -> Table:
    table = _table("score", "B - A", "95 % interval", "could see", "p", "verdict")
    for row in found.rows:
        table.add_row(names[row.metric], *_cells(row))
    return table


def _cells(row: MetricComparison) -> tuple[str, ...]:
    tested, difference = row.tested, row.difference
    seen = "-" if tested.smallest_seen is None else f"{tested.smallest_seen:.2g}"
    interval = f"{difference.low:+.3g} to {difference.high:+.3g}"
    probability = f"{tested.p:.2g} ({tested.p_holm:.2g})"
    return (f"{difference.value:+.3g}", interval, seen, probability, tested.in_words(row.metric, "A", "B"))


def _beside_real(rows: list[MetricComparison], names: dict[str, str]) -> Table:
    table = _table("score", "A", "B", "real images")
    for row in rows:
        beside = row.at_equal_counts
        if beside is not None:
            values = (beside.a, beside.b, beside.floor)
            table.add_row(names[row.metric], *("-" if value is None else f"{value:.4g}" for value in values))
    return table


def _counts(rows: list[MetricComparison]) -> str:
    return " or ".join(sorted({f"{row.at_equal_counts.num_images:,}" for row in rows if row.at_equal_counts}))


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    text = ("what", "metric", "score", "class", "verdict", "by seed", "")
    for column in columns:
        is_text = column in text or columns[0] == "what"
        table.add_column(column, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    return table
