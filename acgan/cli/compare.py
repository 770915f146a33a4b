"""``acgan compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from acgan.atomic import write_text
from acgan.cli.options import check_json_file

if TYPE_CHECKING:
    from rich.table import Table

    from acgan.evaluation import Comparison, MetricComparison


@click.command()
@click.argument("a", metavar="A.json", type=click.Path(path_type=Path))
@click.argument("b", metavar="B.json", type=click.Path(path_type=Path))
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the comparison here.")
def command(a: Path, b: Path, json_file: Path | None) -> None:
    """Say whether two evaluations differ, metric by metric.

    A.json and B.json were written by `acgan evaluate`, or are run directories with an evaluation.json. Both have to
    be of the same reference, extractor and number of images, and of three seeds or more: `--repeats 5`, or several
    runs of `acgan train --seeds 0,1,2`.

    A difference is distinguishable where its 95 % interval, bootstrapped over the seeds, excludes zero.
    """
    from acgan.evaluation import compare, evaluation_file, read_evaluation

    check_json_file(json_file)
    file_a, file_b = evaluation_file(a), evaluation_file(b)
    scores_a, scores_b = read_evaluation(a), read_evaluation(b)
    found = compare(scores_a, scores_b, (str(file_a), str(file_b)))
    if json_file is not None:
        write_text(json_file, found.to_json(file_a, file_b) + "\n")
    click.echo(f"A: {file_a} ({scores_a.num_units} {found.units})")
    click.echo(f"B: {file_b} ({scores_b.num_units} {found.units})")
    _show(found)


def _show(found: Comparison) -> None:
    from acgan.cli.tables import console_for

    click.echo(f"{found.headline}\n")
    table = _table("metric", "A", "B", "B - A", "95 % interval", "verdict", "floor")
    for row in found.rows:
        table.add_row(*_cells(row))
    console_for(table).print(table)
    click.echo("floor: real images against real ones, at the floor's own number of images")
    if found.class_changes:
        click.echo("\nclasses that changed most, with one value each and so without a verdict:")
        classes = _table("metric", "class", "A", "B", "B - A")
        for change in found.class_changes:
            a, b = change.a, change.b
            classes.add_row(change.metric, change.class_name, f"{a:.4g}", f"{b:.4g}", f"{b - a:+.3g}")
        console_for(classes).print(classes)
    for note in found.notes:
        click.echo(f"note: {note}")


def _cells(row: MetricComparison) -> tuple[str, ...]:
    import numpy as np

    a, b = (f"{np.mean(values):.4g} ± {np.std(values, ddof=1):.2g}" for values in (row.a, row.b))
    difference = row.difference
    verdict = row.verdict if row.better is None else f"{row.verdict}, {row.better} is better"
    floor = "-" if row.floor is None else f"{row.floor:.4g}"
    interval = f"{difference.low:+.3g} to {difference.high:+.3g}"
    return (row.metric, a, b, f"{difference.value:+.3g}", interval, verdict, floor)


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table()
    for column in columns:
        is_text = column in ("metric", "class", "verdict")
        table.add_column(column, justify="left" if is_text else "right", overflow="fold")
    return table
