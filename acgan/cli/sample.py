"""``acgan sample``."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from acgan.cli.options import stopped_by_sigterm, which_option

_NUM_IN_GRID = 10
_NUM_IN_FILES = 64


@click.command()
@click.argument("run", metavar="RUN_OR_FILE", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, metavar="DIR|FILE.npz|FILE.png", help="Where to, and in which form (see above)."
)
@click.option(
    "--class",
    "classes",
    metavar="NAME",
    multiple=True,
    help="A class by name, or by index from 0; may be repeated.  [default: all]",
)
@click.option(
    "-n",
    "num_per_class",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Images of each class.  [default: {_NUM_IN_GRID} in a grid, else {_NUM_IN_FILES}]",
)
@click.option(
    "--seed",
    metavar="S",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Another seed, other images. A larger -n keeps those there are.",
)
@click.option(
    "--truncation",
    metavar="PSI",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Factor on the latents, in (0, 1]: smaller is more typical and less diverse.",
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True
)
@which_option
@click.option("--force", is_flag=True, help="Replace FILE, or what an earlier `acgan sample` wrote into DIR.")
@click.option("--quiet", is_flag=True, help="Say nothing.")
def command(
    run: Path,
    out: str,
    classes: tuple[str, ...],
    num_per_class: int | None,
    seed: int,
    truncation: float,
    device: str,
    which: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Draw images of chosen classes from a trained generator.

    RUN_OR_FILE is a run directory of `acgan train` or its generator.safetensors. What --out names decides the form:

    \b
    DIR        a folder for each class with 000000.png, 000001.png, ...; sampler.json says which is which
    FILE.npz   arrays: images (N, H, W, C) uint8, labels (N,) and class_names
    FILE.png   a grid to look at, one row a class, at most 64 images in a row

    An image depends on its class, the seed and its number alone: the same command gives the same bytes.
    """  # noqa: D301  (click wants the backspace itself)
    from acgan.runtime import choose_device
    from acgan.sample_files import Selection, form_of, write_samples
    from acgan.sampling import load_generator

    if num_per_class is None:
        num_per_class = _NUM_IN_GRID if form_of(out) == ".png" else _NUM_IN_FILES
    sampler = load_generator(run, choose_device(device), which)
    selection = Selection(sampler, sampler.labels_of(classes or None), num_per_class, seed, truncation)
    begun = time.monotonic()
    with stopped_by_sigterm("stopped; nothing was written"), _progress(selection.total, quiet) as progress:
        write_samples(selection, out, force=force, progress=progress)
    if not quiet:
        speed = selection.total / max(time.monotonic() - begun, 1e-9)
        click.echo(
            f"{_count(selection.total, 'image', 'images')} of "
            f"{_count(len(selection.labels), 'class', 'classes')} in {out} ({speed:,.0f} images/s)"
        )


@contextlib.contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """What to tell the number of images done since the last call; a bar if standard output is a terminal."""
    if quiet or not sys.stdout.isatty():
        yield lambda count: None
        return
    from rich import progress

    columns = (
        progress.TextColumn("sampling"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("ETA"),
        progress.TimeRemainingColumn(elapsed_when_finished=True),
    )
    with progress.Progress(*columns, transient=True) as bar:
        task = bar.add_task("sampling", total=total)
        yield lambda count: bar.advance(task, count)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
