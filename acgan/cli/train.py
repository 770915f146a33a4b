"""``acgan train``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from acgan.cli.options import training_options
from acgan.cli.training import train_each_seed

if TYPE_CHECKING:
    from acgan.api import TrainResult
    from acgan.cli.progress import Reporter


@click.command()
@click.argument("config", required=False)
@training_options("runs/<recipe>[-<data name>]")
def command(config: str | None, data: str | None, dry_run: bool, **options: Any) -> None:
    """Train an AC-GAN; the same command again goes on where it stopped.

    CONFIG is a shipped recipe's name (`acgan config` lists them) or a YAML path; without one it is `digits`, or
    `folder` where --data is given.
    """
    from acgan import api

    resolved, name = api.resolve_config(config, data, options["overrides"])
    if dry_run:
        from acgan.cli.dry_run import show_dry_run

        show_dry_run(resolved, name, **options)
        return
    train_each_seed(partial(api.train, config, data), _conclude, name, **options)


def _conclude(result: TrainResult, reporter: Reporter) -> None:
    """Name the files and the commands to go on with."""
    scored = result.best is not None  # so there are features to score by
    if scored:
        reporter.say(f"Best: {result.best}; that is what `acgan sample` takes, unless told --which last.")
    grids = sorted((result.directory / "samples").glob("*.png"))
    if grids:
        reporter.say(f"Samples, one row per class: {grids[-1]}")
    reporter.say(f"More: acgan sample {result.directory} --out samples.png")
    if scored:
        reporter.say(f"How good they are, class by class: acgan evaluate {result.directory}")
