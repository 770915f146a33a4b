"""``acgan classify``: train, evaluate and use classifiers."""

from __future__ import annotations

import click

from acgan.cli import Commands


@click.group(cls=Commands, package="acgan.cli.classify", names=("train", "evaluate", "predict"))
def command() -> None:
    """Train, evaluate and use classifiers with auxiliary heads.

    \b
    acgan classify train                                       digits, in a minute on a laptop
    acgan classify train --data PICTURES/ --backbone resnet18 --aux layer2 --aux layer3
    acgan classify train --data PICTURES/ --synthetic RUN:balance
    acgan classify evaluate RUN
    acgan classify predict RUN cat.jpg
    """  # noqa: D301  # click wants the backspace itself
