"""``acgan report``."""

from __future__ import annotations

from pathlib import Path

import click

from acgan.cli.options import UserPath, device_option
from acgan.cli.output import echo
from acgan.cli.ranks import warn_once


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=UserPath())
@click.option(
    "--out",
    metavar="FILE.html",
    type=UserPath(),
    help="Where to write it.  [default: RUN/report.html; of several, in the folder that holds them]",
)
@click.option("--open", "opened", is_flag=True, help="Open it in a browser.")
@device_option
def command(runs: tuple[Path, ...], out: Path | None, opened: bool, device: str) -> None:
    """Write all that is known of a run as one HTML file, which opens from the disk and needs no network.

    RUN is a run directory of `acgan train` or of `acgan classify train`. Several runs of GANs come side by side, with
    what is more than chance. Verdict in words, samples beside real images, curves, scores by class, nearest training
    images, walks, data, configuration and commands.
    """
    from acgan import api

    file = api.write_report(
        runs, out, device=device, say=lambda message: echo(message, err=True), warn=warn_once
    )
    size = f" ({file.stat().st_size / 1e6:.1f} MB)" if file.is_file() else ""  # a pipe has none
    echo(f"report: {click.format_filename(file)}{size}")
    if opened:
        _open(file)


def _open(file: Path) -> None:
    import webbrowser

    try:
        found = webbrowser.open(file.resolve().as_uri())
    except webbrowser.Error:
        found = False
    if not found:
        echo(f"no browser was found here; open {click.format_filename(file)} yourself", err=True)
