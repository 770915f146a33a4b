"""``acgan benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acgan.atomic import write_text
from acgan.cli.options import UserPath, check_json_file, device_option
from acgan.cli.output import echo
from acgan.cli.progress import counting
from acgan.types import BENCHMARK_PARTS

if TYPE_CHECKING:
    from acgan.api.benchmark import BenchmarkResult


@click.command()
@click.argument("part", metavar=f"[{'|'.join((*BENCHMARK_PARTS, 'all'))}]", default="all")
@click.argument("recipe", required=False)
@click.option("--data", metavar="SOURCE", help="Images to train on, as of `acgan train`.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change a key of the recipe.")
@click.option(
    "--neighbours",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Measure beside N busy processes, as on a machine that others use too.",
)
@click.option(
    "--rounds",
    metavar="N",
    type=click.IntRange(min=1),
    help="Turns of each side.  [default: 2 to 5, by part]",
)
@click.option("--json", "json_file", metavar="FILE", type=UserPath(), help="Write all figures here.")
@device_option
def command(
    part: str,
    recipe: str | None,
    data: str | None,
    overrides: tuple[str, ...],
    neighbours: int,
    rounds: int | None,
    json_file: Path | None,
    device: str,
) -> None:
    """Measure acgan's speed on this machine, beside the plain way to do the same.

    The parts, by default all, of RECIPE, by default digits, which needs no download:

    \b
    train     acgan's steps against the loop that everyone writes (the same networks and losses in float32, pictures
              from files by a DataLoader, Adam tensor by tensor, item() each step), and the rates of the machine
    sample    images to memory, to .npz and to PNG files, against a plain loop
    fid       features and Fréchet distance against pytorch-fid's own code, with random weights
    startup   `acgan --help`, `import acgan`, and `acgan train` as far as its first step

    Both sides take turns, and the medians of a few rounds are shown. Ratios come first, because only ratios of one run
    count: other work on the machine changes all speeds. Digits take about 3 minutes on two cores. Nothing is left
    behind but the cache of decoded images.
    """  # noqa: D301  # click wants the backspace itself
    from acgan.api.benchmark import benchmark

    check_json_file(json_file)
    with counting("reading images", False) as on_data:
        result = benchmark(
            part,
            recipe,
            data,
            overrides,
            neighbours=neighbours,
            rounds=rounds,
            device=device,
            on_data=on_data,
            say=lambda name: echo(f"measuring: {name}", err=True),
            warn=lambda message: echo(f"warning: {message}", err=True),
        )
    if json_file is not None:
        write_text(json_file, result.to_json() + "\n")
    _show(result)


def _show(result: BenchmarkResult) -> None:
    from rich.table import Table

    from acgan.cli.tables import print_table

    echo(_heading(result.provenance))
    for found in result.findings:
        echo(f"\n{found.part}: {found.compared}")
        for ratio in found.ratios:
            echo(f"  {ratio.median:.2f}  {ratio.name}{_spread(ratio.rounds)}")
        for title, rows in found.tables.items():
            fullest = max(rows.values(), key=len)  # its columns are in order
            columns = list(dict.fromkeys([*fullest, *(one for cells in rows.values() for one in cells)]))
            table = Table(title, *columns)
            for name, cells in rows.items():
                table.add_row(name, *(_number(cells[one]) if one in cells else "" for one in columns))
            for column in table.columns[1:]:
                column.justify = "right"
            print_table(table)
        for remark in found.remarks:
            echo(f"  {remark}")


def _heading(where: dict[str, Any]) -> str:
    beside = f"; beside {where['neighbours']} busy processes" if where["neighbours"] else ""
    return (
        f"{where['recipe']} on {where['device']}, batches of {where['batch_size']}; {where['machine']}; "
        f"torch {where['torch']}; acgan {where['acgan']}; {where['date'][:10]}{beside}\n"
        "Only ratios of one run count: other work on the machine changes all speeds."
    )


def _spread(rounds: tuple[float, ...]) -> str:
    """The lowest and the highest of several rounds."""
    return f" (rounds: {min(rounds):.2f} to {max(rounds):.2f})" if len(rounds) > 1 else ""


def _number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
