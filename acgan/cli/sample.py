"""``acgan sample``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acgan.cli.options import (
    Count,
    UserPath,
    check_output_file,
    device_option,
    expanded,
    seed_option,
    truncation_option,
    which_option,
)
from acgan.cli.output import echo
from acgan.cli.progress import counting
from acgan.cli.ranks import is_first_process
from acgan.cli.sample_words import tell_drawn, tell_letters
from acgan.signals import stopped_by_signals
from acgan.types import ON_ERROR, PICTURE_FORMATS

if TYPE_CHECKING:
    from acgan.sampling import ClassSampler
    from acgan.sampling.selection import Selection

_NUM_ON_A_PAGE = 10
_NUM_IN_FILES = 64


@click.command()
@click.argument("run", metavar="RUN_OR_FILE", type=UserPath())
@click.option(
    "--out",
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
@click.option(
    "--balance",
    metavar="SOURCE",
    help="In place of -n: of each class as many as SOURCE, images as `acgan train --data` takes them, lacks to have as "
    "many as of its largest class.",
)
@click.option(
    "--min-confidence",
    metavar="P",
    type=click.FloatRange(0, 1, min_open=True),
    help="Keep images to whose class --classifier gives this probability or more. What is kept is less diverse.",
)
@click.option(
    "--classifier",
    metavar="RUN|NAME|FILE",
    callback=expanded,
    help="Of --min-confidence: a run or file of `acgan classify train`, or a shipped classifier's name.",
)
@click.option(
    "--on-error",
    type=click.Choice(ON_ERROR),
    help="Of --balance: stop at an image that cannot be decoded, or skip it and list it.  [default: as in training]",
)
@seed_option("Random seed. With a larger -n the first images stay the same.")
@truncation_option
@click.option(
    "--interpolate",
    type=click.Choice(["latents", "classes"]),
    help="Of FILE.png: a walk from one image of a class to another, or from each class to the next with the same "
    "latents; -n is the number of images on the way.",
)
@click.option(
    "--animate",
    metavar="FILE.webp",
    type=UserPath(dir_okay=False),
    help="Write the walk as an animation, between latents unless --interpolate says classes.",
)
@click.option(
    "--format",
    "picture_format",
    type=click.Choice(PICTURE_FORMATS),
    default=PICTURE_FORMATS[0],
    show_default=True,
    help="Of DIR: format of the pictures. PNG and WebP keep every pixel.",
)
@click.option(
    "--scale",
    metavar="N",
    type=click.IntRange(1, 64),
    help="Of FILE.png and --animate: enlarge images by this whole factor.  [default: a page that fits a screen]",
)
@device_option
@which_option
@click.option("--force", is_flag=True, help="Replace FILE, or what an earlier `acgan sample` wrote into DIR.")
@click.option("--quiet", is_flag=True, help="Say nothing.")
def command(
    run: Path,
    out: str | None,
    animate: Path | None,
    device: str,
    which: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Draw images of chosen classes from a trained generator.

    RUN_OR_FILE is a run directory of `acgan train` or its generator.safetensors. What --out names decides the form:

    \b
    DIR        a folder for each class with 000000.png, 000001.png, ...; sampler.json says which is which
    FILE.npz   arrays: images (N, H, W, C) uint8, labels (N,), class_names and generated_by
    FILE.png   a page to look at, with the classes' names; at most 64 images of each

    An image depends on its class, the seed and its number alone: the same command gives the same bytes. A picture says
    in its file that it is generated, and by what, so that it does not pass for a real one. What a kill or SIGTERM
    stopped, the same command goes on with.
    """  # noqa: D301  (click wants the backspace itself)
    from acgan.runtime import choose_device
    from acgan.sampling import find_generator, load_generator

    _check(out, animate, options)
    quiet = quiet or not is_first_process()
    file = find_generator(run, which)
    sampler = load_generator(file, choose_device(device))
    labels = sampler.labels_of(options["classes"] or None)
    if animate is not None or options["interpolate"] is not None:
        _walk(sampler, labels, out, animate, quiet, options)
    else:
        assert out is not None
        _draw(sampler, labels, out, quiet, options)
    if not quiet:
        echo(f"drawn by {file}, {sampler.state}")


def _check(out: str | None, animate: Path | None, options: Mapping[str, Any]) -> None:
    """Refuse options that do not go together."""
    if out is None and animate is None:
        raise click.UsageError(
            "Missing option '--out' (a folder, FILE.npz or FILE.png), or '--animate FILE.webp'."
        )
    walks = animate is not None or options["interpolate"] is not None
    for name in ("balance", "min_confidence"):
        if walks and options[name] is not None:
            raise click.UsageError(
                f"--{name.replace('_', '-')} chooses samples; a walk has none. Leave one out."
            )
    if options["on_error"] is not None and options["balance"] is None:
        raise click.UsageError("--on-error: goes with --balance, which reads images. Leave it out.")
    if options["balance"] is not None and options["num_per_class"] is not None:
        raise click.UsageError("--balance and -n: both say how many. Leave one out.")
    if (options["min_confidence"] is None) != (options["classifier"] is None):
        raise click.UsageError(
            "--min-confidence and --classifier: expected both, as in --min-confidence 0.9."
        )
    if animate is not None and animate.suffix.lower() != ".webp":
        raise click.BadParameter(f"{animate}; expected a name that ends in .webp.", param_hint="--animate")
    if walks and out is not None and not out.lower().endswith(".png"):
        raise click.BadParameter(f"{out}; expected a page, FILE.png, for a walk.", param_hint="--out")


def _draw(
    sampler: ClassSampler, labels: Sequence[int], out: str, quiet: bool, options: Mapping[str, Any]
) -> None:
    from acgan.distributed import work_shared
    from acgan.sampling.files import write_samples

    selection = _selection(sampler, labels, out, quiet, options)
    begun, done = time.monotonic(), 0
    with (
        stopped_by_signals("stopped"),
        counting("sampling", quiet) as tell,
    ):

        def advance(count: int) -> None:
            nonlocal done
            done += count
            tell(done, selection.total)

        with work_shared() as ranks:
            if ranks.first:
                written = write_samples(
                    selection,
                    out,
                    force=options["force"],
                    picture_format=options["picture_format"],
                    scale=options["scale"],
                    progress=advance,
                    warn=lambda message: echo(f"warning: {message}", err=True),
                )
            else:
                written = list(selection.portions())
    if not quiet:
        tell_drawn(selection, written, out, time.monotonic() - begun)


def _selection(
    sampler: ClassSampler, labels: Sequence[int], out: str, quiet: bool, options: Mapping[str, Any]
) -> Selection:
    from acgan.api.sample import confidence_of, missing_by_class
    from acgan.sampling.files import form_of
    from acgan.sampling.selection import Selection

    form = form_of(out)
    number = options["num_per_class"] or (_NUM_ON_A_PAGE if form == ".png" else _NUM_IN_FILES)
    counts, confidence = dict.fromkeys(labels, number), None
    if options["balance"] is not None:

        def say(message: str) -> None:
            if not quiet:
                echo(message)

        with stopped_by_signals("stopped; nothing was written"), counting("reading images", quiet) as tell:
            counts = missing_by_class(
                sampler,
                options["balance"],
                labels,
                on_error=options["on_error"],
                say=say,
                warn=lambda message: echo(f"warning: {message}", err=True),
                progress=tell,
            )
    if options["min_confidence"] is not None:
        confidence = confidence_of(sampler, Path(options["classifier"]), options["min_confidence"])
    return Selection(sampler, counts, options["seed"], options["truncation"], confidence)


def _walk(
    sampler: ClassSampler,
    labels: Sequence[int],
    out: str | None,
    animate: Path | None,
    quiet: bool,
    options: Mapping[str, Any],
) -> None:
    from acgan.api.sample import PlannedWalk, write_walk
    from acgan.distributed import work_shared

    for option, file in (("--out", None if out is None else Path(out)), ("--animate", animate)):
        check_output_file(option, file)
        if file is not None and file.exists() and not options["force"]:
            raise click.BadParameter(
                f"{file} exists already. Choose another name, or --force.", param_hint=option
            )
    between = options["interpolate"] or "latents"
    walk = PlannedWalk(sampler, labels, between, options["seed"], options["truncation"], options["scale"])
    with stopped_by_signals("stopped; nothing was written"), work_shared() as ranks:
        number = options["num_per_class"] or _NUM_ON_A_PAGE
        said = write_walk(walk, out, animate, max(2, number), write=ranks.first)
    if not quiet:
        for line in said:
            echo(line)
        tell_letters([sampler.class_names[label] for label in labels])
