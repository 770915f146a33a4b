"""``acgan table``."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from acgan.atomic import write_text
from acgan.cli.metric_names import ScoreNames, titles
from acgan.cli.options import UserPath, check_output_file
from acgan.cli.output import echo

if TYPE_CHECKING:
    from acgan.results import ResultTable


@click.command()
@click.argument("directories", metavar="DIR...", nargs=-1, required=True, type=UserPath())
@click.option(
    "--metrics",
    type=ScoreNames(),
    metavar="NAME,...",
    help="Show and test these alone, as in frechet,recall.",
)
@click.option(
    "--baseline", metavar="NAME", help="Variant that the others are compared with.  [default: the first]"
)
@click.option("--per-class", is_flag=True, help="Add the scores of each class.")
@click.option("--unequal", is_flag=True, help="Compare variants that showed different numbers of images.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "latex", "csv", "parquet"]),
    help="Print it in this form, or write it with --out.  [default: a table for the terminal]",
)
@click.option("--out", metavar="FILE", type=UserPath(dir_okay=False), help="Write it here.")
def command(
    directories: tuple[Path, ...],
    metrics: tuple[str, ...] | None,
    baseline: str | None,
    per_class: bool,
    unequal: bool,
    form: str | None,
    out: Path | None,
) -> None:
    """Tell means, intervals and differences of variants, over training seeds.

    DIR holds the variants (DIR/VARIANT/seed0, …), is the directory of `acgan train --seeds`, or is a run. Each run, or
    all runs of a variant together, were scored by `acgan evaluate`; those without scores, or not trained to the end,
    are left out by name.
    """
    if form == "parquet" and out is None:
        raise click.UsageError("--format parquet is no text: name a file with --out.")
    if out is not None and form is None:
        raise click.UsageError("--out needs --format: markdown, latex, csv or parquet.")
    from acgan import api, results

    check_output_file("--out", out)
    found = results.result_table(
        results.find_variants(directories, way=api.scoring_way),
        metrics=metrics,
        baseline=baseline,
        per_class=per_class,
        unequal=unequal,
    )
    if form is None:
        _show(found)
    elif form == "parquet" and out is not None:
        results.write_parquet(found, out)
    else:
        forms = {"markdown": results.as_markdown, "latex": results.as_latex, "csv": results.as_csv}
        text = forms[str(form)](found)
        if out is None:
            echo(text, nl=False)
        else:
            write_text(out, text)
    if out is not None:
        echo(f"table: {out}")
    if form is not None and (out is not None or form == "csv"):
        for note in found.notes:
            echo(f"note: {note}", err=True)


def _show(found: ResultTable) -> None:
    from rich.table import Table
    from rich.text import Text

    from acgan.cli.tables import print_table
    from acgan.results import HELPED_HEADINGS, cells, cost_cells, explained, helped_cells

    names = titles(list(dict.fromkeys(row.metric for row in found.rows)))
    headings = ("variant", "n", "mean ±", "std", "diff.", "p", "verdict")
    groups: dict[tuple[str, str | None], list[tuple[str, ...]]] = {}
    for row in found.rows:
        groups.setdefault((row.metric, row.class_name), []).append(cells(row, found.baseline))
    widths = [
        max(map(len, column)) for column in zip(headings, *itertools.chain(*groups.values()), strict=True)
    ]
    for (metric, class_name), lines in groups.items():
        title = names[metric] if class_name is None else f"{names[metric]}, {class_name}"
        table = Table(
            box=None, pad_edge=False, padding=(0, 1, 0, 0), title=Text(title, "bold"), title_justify="left"
        )
        for heading, width in zip(headings, widths, strict=True):
            is_text = heading in ("variant", "verdict")
            justify: Literal["left", "right"] = "left" if is_text else "right"
            table.add_column(
                heading, justify=justify, overflow="fold", no_wrap=not is_text, width=min(width, 19)
            )
        for line in lines:
            table.add_row(*line)
        print_table(table)
        echo()
    if found.helped:
        helps = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in HELPED_HEADINGS:
            helps.add_column(heading, justify="left" if heading == "variant" else "right", overflow="fold")
        for one in found.helped:
            helps.add_row(*helped_cells(one))
        print_table(helps)
        echo()
    costs = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("variant", "runs", "images shown", "minutes", "parameters of G", "TFLOP"):
        costs.add_column(heading, justify="left" if heading == "variant" else "right", overflow="fold")
    for cost in found.costs:
        costs.add_row(*cost_cells(cost))
    print_table(costs)
    echo()
    for sentence in explained(found):
        echo(sentence)
