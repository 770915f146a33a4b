"""``acgan data``: look at labelled images, and write them into one file."""

from __future__ import annotations

import click

from acgan.cli import Commands


@click.group(cls=Commands, package="acgan.cli.data", names=("show", "pack", "verify"))
def command() -> None:
    """Look at labelled images before a training, and write them into one file.

    \b
    acgan data show PICTURES/                          how they are read: classes, parts, sizes, what is left out
    acgan data show PICTURES/ --save sheet.png         a picture of it
    acgan data pack PICTURES/ pictures.zip             a zip that StyleGAN reads, and acgan
    acgan data verify                                  check what is kept of decoded images
    """  # noqa: D301  # click wants the backspace itself
