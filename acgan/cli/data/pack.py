"""``acgan data pack``."""

from __future__ import annotations

from pathlib import Path

import click

from acgan.cli.options import UserPath, data_set_option
from acgan.cli.progress import Reporter, counting


@click.command()
@click.argument("source")
@click.argument("out", metavar="OUT.zip", type=UserPath())
@data_set_option
@click.option("--force", is_flag=True, help="Replace OUT.zip.")
@click.option("--quiet", is_flag=True, help="Say nothing but warnings.")
def command(source: str, out: Path, overrides: tuple[str, ...], force: bool, quiet: bool) -> None:
    """Write the images of SOURCE into one zip with labels, as StyleGAN reads it.

    SOURCE is what `acgan train --data` takes. The images are square, as the networks see them. `dataset.json` in the
    zip has the labels of all images, the names of the classes, and under "test" the images that are held out:
    StyleGAN trains on all, acgan reads them as its test images.
    """
    from acgan import api
    from acgan.api.class_table import with_noun

    reporter = Reporter(quiet)
    with counting("images", quiet) as progress:
        dataset = api.pack_data(
            source, out, overrides, force=force, on_data=progress, progress=progress, warn=reporter.warn
        )
    parts = (dataset.train, dataset.validation, dataset.test)
    number = sum(len(store) for store in parts if store is not None)
    reporter.say(
        f"{with_noun(number, 'image', 'images')} of {with_noun(dataset.train.num_classes, 'class', 'classes')} in "
        f"{click.format_filename(out)}, {len(dataset.test):,} of them held out as test images"
    )
