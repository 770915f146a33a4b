"""``acgan data verify``."""

from __future__ import annotations

from pathlib import Path

import click

from acgan.cli.options import UserPath
from acgan.cli.progress import Reporter, counting


@click.command()
@click.argument("cache", required=False, type=UserPath(exists=True, file_okay=False))
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
def command(cache: Path | None, quiet: bool) -> None:
    """Check every byte that is kept of decoded images.

    CACHE is a cache folder; without it, that of trainings ($ACGAN_CACHE). Trainings check what they read: of sets of
    2 GiB and more, which stay on the disk, the images that they touch.
    """
    from acgan import api
    from acgan.api.class_table import with_noun

    with counting("decoded sources", quiet) as progress:
        folder, number = api.verify_cache(cache, progress)
    Reporter(quiet).say(
        f"{click.format_filename(folder)}: {with_noun(number, 'decoded source', 'decoded sources')}, none damaged"
    )
