"""``acgan sample``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from acgan.cli.options import (
    Count,
    UserPath,
    device_option,
    expanded,
    seed_option,
    truncation_option,
    which_option,
)
from acgan.cli.output import echo
from acgan.cli.progress import counting
from acgan.cli.ranks import is_first_process
from acgan.showing import shown
from acgan.signals import stopped_by_signals

_NUM_ON_A_PAGE = 10
_NUM_IN_FILES = 64
_CLASSES_NAMED = 10


@click.command()
@click.argument("run", metavar="RUN_OR_FILE", type=UserPath())
@click.option(
    "--out",
    required=True,
    callback=expanded,
    metavar="DIR|FILE.npz|FILE.png",
    help="Where to, and in which form (see above).",
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
    type=Count(min=1),
    help=f"Images of each class.  [default: {_NUM_ON_A_PAGE} on a page, else {_NUM_IN_FILES}]",
)
@seed_option("Random seed. With a larger -n the first images stay the same.")
@truncation_option
@device_option
@which_option
@click.option(
    "--scale",
    metavar="N",
    type=click.IntRange(1, 64),
    help="Of FILE.png: enlarge images by this whole factor.  [default: a page that fits a screen]",
)
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
    scale: int | None,
    force: bool,
    quiet: bool,
) -> None:
    """Draw images of chosen classes from a trained generator.

    RUN_OR_FILE is a run directory of `acgan train` or its generator.safetensors. What --out names decides the form:

    \b
    DIR        a folder for each class with 000000.png, 000001.png, ...; sampler.json says which is which
    FILE.npz   arrays: images (N, H, W, C) uint8, labels (N,), class_names and generated_by
    FILE.png   a page to look at, with the classes' names; at most 64 images of each

    An image depends on its class, the seed and its number alone: the same command gives the same bytes. A PNG says in
    its text entry `acgan` that it is generated, and by what, so that it does not pass for a real picture.
    """  # noqa: D301  (click wants the backspace itself)
    from acgan.distributed import work_shared
    from acgan.runtime import choose_device
    from acgan.sampling import find_generator, load_generator
    from acgan.sampling.files import Selection, form_of, write_samples

    if num_per_class is None:
        num_per_class = _NUM_ON_A_PAGE if form_of(out) == ".png" else _NUM_IN_FILES
    quiet = quiet or not is_first_process()
    file = find_generator(run, which)
    sampler = load_generator(file, choose_device(device))
    labels = sampler.labels_of(classes or None)
    selection = Selection(sampler, labels, num_per_class, seed, truncation, scale)
    begun = time.monotonic()
    done = 0
    with stopped_by_signals("stopped; nothing was written"), counting("sampling", quiet) as tell:

        def advance(count: int) -> None:
            nonlocal done
            done += count
            tell(done, selection.total)

        with work_shared() as ranks:
            if ranks.first:
                write_samples(selection, out, force=force, progress=advance)
            else:
                for _ in selection.portions():
                    pass
    if not quiet:
        speed = selection.total / max(time.monotonic() - begun, 1e-9)
        echo(
            f"{_count(selection.total, 'image', 'images')} of "
            f"{_count(len(selection.labels), 'class', 'classes')} "
            f"({_names(selection.class_names)}) in {out} ({speed:,.0f} images/s)"
        )
        echo(f"drawn by {file}, {_state(sampler.info.provenance)}")


def _state(provenance: Mapping[str, Any]) -> str:
    """Which state of a training made a file."""
    nimg, score = provenance.get("nimg"), provenance.get("score")
    if not isinstance(nimg, int):
        return "which does not say after how many images"
    state = "the last state" if score is None else "the state with the best score"
    return f"{state}, after {nimg:,} images shown"


def _names(names: Sequence[str]) -> str:
    rest = len(names) - _CLASSES_NAMED
    return ", ".join(map(shown, names[:_CLASSES_NAMED])) + (f" and {rest} more" if rest > 0 else "")


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
