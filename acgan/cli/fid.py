"""``acgan fid``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acgan.atomic import write_text
from acgan.cli.options import (
    Count,
    UserPath,
    check_json_file,
    device_option,
    expanded,
    on_error_option,
    seed_option,
    which_option,
)
from acgan.cli.output import echo
from acgan.cli.progress import draws_bars
from acgan.cli.ranks import is_first_process, warn_once
from acgan.showing import shown
from acgan.types import FID_DIMS, INCEPTION_DIMS, MAX_SAMPLES, RESIZES, WHOLE_AND_SPLITS

if TYPE_CHECKING:
    from acgan.api import FidResult


@click.command()
@click.argument("a")
@click.argument("b", required=False)
@click.option(
    "-n",
    "num_images",
    metavar="N",
    type=Count(min=2),
    help="At most N images of each side, drawn at random; of a generator, N.  [default: all, and of a generator as "
    f"many as the other side has, at most {MAX_SAMPLES:,}]",
)
@seed_option("Random seed of the choice of N images, and of a generator's images.")
@click.option(
    "--split",
    type=click.Choice(WHOLE_AND_SPLITS),
    default="all",
    show_default=True,
    help="Which part of a source that has parts; with --resolution also of one without, as training divides it.",
)
@click.option(
    "--resolution",
    metavar="R",
    type=int,
    help="Fit images to R x R pixels, 8 to 1024, as training does.  [default: as they are stored, but beside a run as "
    "it was trained]",
)
@click.option(
    "--extractor",
    metavar="inception|NAME|FILE|timm:NAME|torchvision:NAME",
    callback=expanded,
    help="Network that makes features: a shipped classifier by name, the file or run of `acgan classify train`, or a "
    "network of timm (pip install 'acgan[timm]') or torchvision with --weights.  "
    "[default: inception where its weights are, else the shipped one for the data]",
)
@click.option(
    "--dims",
    type=click.Choice([str(dims) for dims in INCEPTION_DIMS]),
    help=f"Features of inception.  [default: {FID_DIMS}]",
)
@click.option(
    "--weights",
    "--inception-weights",
    "weights",
    type=UserPath(),
    metavar="FILE",
    help="The file of the weights of Inception, or of a network of timm or torchvision.",
)
@click.option(
    "--resize",
    type=click.Choice(RESIZES),
    help="How images are brought to Inception's size: as pytorch-fid does, or as clean-fid does.  [default: bilinear]",
)
@click.option(
    "--save-stats",
    type=UserPath(),
    metavar="OUT.npz",
    help="Write the statistics of A, as pytorch-fid does and reads them; B may then be left out.",
)
@click.option(
    "--json",
    "json_file",
    type=UserPath(),
    metavar="FILE",
    help="Write the score and where it comes from.",
)
@which_option
@on_error_option("stop")
@device_option
@click.option("--quiet", is_flag=True, help="Print the score alone.")
def command(
    a: str,
    b: str | None,
    num_images: int | None,
    seed: int,
    split: str,
    resolution: int | None,
    extractor: str | None,
    dims: str | None,
    weights: Path | None,
    resize: str | None,
    save_stats: Path | None,
    json_file: Path | None,
    which: str | None,
    on_error: str,
    device: str,
    quiet: bool,
) -> None:
    """Compare two sets of images by the Fréchet distance: FID, or with a classifier's features FCD. Lower is better.

    A and B are each one of:

    \b
    a folder or .zip     images at any depth, in class folders or not, of any sizes
    a .npz               images (labels are not needed), or statistics: mu and sigma, as pytorch-fid writes them
    a .npy               images: uint8 (N, H, W) or (N, H, W, C)
    another data source  as of `acgan train`: a .csv, .parquet or .tar, hf:NAME, or a built-in NAME[:FOLDER]
    a run or generator   a run directory of `acgan train`, or its generator.safetensors

    Two sets of stored images are compared as they are stored, as pytorch-fid does, and the numbers equal pytorch-fid's.
    Beside a run or generator, stored images are prepared as its training prepared them.
    """  # noqa: D301  # click wants the backspace itself
    if b is None and save_stats is None:
        raise click.UsageError("Missing argument 'B'; without it, --save-stats is needed.")
    from acgan import api
    from acgan.runtime import choose_device

    check_json_file(json_file)
    first = is_first_process()
    with _progress(quiet or not first) as progress:
        result = api.fid(
            a,
            b,
            num_images=num_images,
            seed=seed,
            split=split,
            resolution=resolution,
            extractor=extractor,
            dims=int(dims) if dims else None,
            weights=weights,
            resize=resize,
            save_stats=save_stats,
            which=which,
            on_error=on_error,
            device=choose_device(device),
            warn=warn_once,
            progress=progress,
        )
    if not first:
        return
    try:
        if json_file is not None:
            write_text(json_file, result.to_json() + "\n")
    finally:  # a full disk loses no score
        _show(result, save_stats, quiet)


def _show(result: FidResult, save_stats: Path | None, quiet: bool) -> None:
    if result.value is not None:
        echo(f"{result.metric} {result.value:.6g}")
    if quiet:
        return
    for line in _lines(result.provenance):
        echo(line)
    if save_stats is not None:
        echo(f"statistics of A: {click.format_filename(save_stats)}")


def _lines(provenance: dict[str, Any]) -> Iterator[str]:
    for name in "ab":
        if name in provenance:
            yield from _skipped(provenance[name])
            yield from _left_out(provenance[name])
            yield f"{name.upper()}: {click.format_filename(provenance[name]['source'])}, {_told(provenance[name])}"
    extractor = provenance["extractor"]
    if extractor is None:
        yield "extractor: unknown"
        return
    name = extractor["name"] or "Inception of FID"
    yield (
        f"extractor: {name} ({extractor['sha256'][:8]}), {extractor['dims']:,} features, resize {extractor['resize']}, "
        f"{extractor['precision']}; seed {provenance['seed']}"
    )


def _told(side: dict[str, Any]) -> str:
    count = side["num_images"]
    images = "an unknown number of images" if count is None else f"{count:,} images"
    if side["kind"] == "statistics":
        return f"statistics of {images}"
    if side["kind"] == "generator":
        return f"{images} drawn, {side['label_prior']} label prior ({side['sha256'][:8]})"
    stored = "as stored"
    if side["resolution"] is not None:
        colours = "gray" if side["channels"] == 1 else "RGB"
        stored = f"fitted to {side['resolution']} px as in training ({side['fit']}, {colours})"
    part = "all of it" if side["split"] == "all" else f"its {side['split']} part"
    skipped = f" ({side['num_skipped']:,} skipped)" if side["num_skipped"] else ""
    return f"{images}{skipped}, {part}, {stored}{'; statistics from the cache' if side['cached'] else ''}"


def _left_out(side: dict[str, Any]) -> list[str]:
    from acgan.api.class_table import left_out_line
    from acgan.types import LeftOut

    name = click.format_filename(side["source"])
    return [f"{name}: {left_out_line(LeftOut(**left))}" for left in side.get("left_out", ())]


def _skipped(side: dict[str, Any]) -> list[str]:
    from acgan import api
    from acgan.types import SkippedImage

    lines: list[str] = []
    if side["kind"] == "images":
        api.tell_skipped([SkippedImage(**image) for image in side["skipped"]], lines.append)
    return lines


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A function for a side's name, images done and images in all: shows a bar if standard error is a terminal."""
    if quiet or not draws_bars(sys.stderr):
        yield lambda given, done, total: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("ETA"),
        progress.TimeRemainingColumn(elapsed_when_finished=True),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[tuple[str, int], progress.TaskID] = {}

        def tell(given: str, done: int, total: int) -> None:
            if (given, total) not in tasks:
                tasks[given, total] = bar.add_task(shown(given), total=total)
            bar.update(tasks[given, total], completed=done)

        yield tell
