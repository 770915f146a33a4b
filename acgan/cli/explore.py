"""``acgan explore``."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from acgan.cli.options import UserPath, device_option, expanded, which_option
from acgan.cli.output import echo


@click.command()
@click.argument("runs", metavar="RUN_OR_FILE...", nargs=-1, required=True, type=UserPath())
@click.option(
    "--port", metavar="P", type=click.IntRange(1, 65535), help="Port of the page.  [default: a free one]"
)
@click.option(
    "--classifier",
    metavar="RUN|NAME|FILE",
    callback=expanded,
    help="Judges samples: a run or file of `acgan classify train`, or a shipped classifier's name.  [default: what is "
    "shipped for the data]",
)
@click.option("--open", "opened", is_flag=True, help="Open the page in a browser.")
@which_option
@device_option
def command(
    runs: tuple[Path, ...],
    port: int | None,
    classifier: str | None,
    opened: bool,
    which: str | None,
    device: str,
) -> None:
    """Play with generators on a local page: draw classes, mix them, walk between images, look for neighbours.

    The page is for this machine alone, sends nothing anywhere, and ends with Ctrl-C.
    """
    from acgan.api.explore import explorers
    from acgan.errors import ConfigError
    from acgan.exploring.folder import page_folder
    from acgan.extras import install_command

    try:
        from acgan.exploring.page import build_page, launch
    except ImportError as error:
        raise ConfigError(
            f"acgan explore needs Gradio ({error}). Install it with: {install_command('explore')}."
        ) from None
    found = explorers(runs, which=which, classifier=classifier, device=device, say=echo)
    with page_folder() as folder:
        page = build_page(found, folder)
        try:
            address = launch(page, port, opened=opened)
        except OSError:
            raise ConfigError(f"--port {port}: is in use. Choose another, or leave --port out.") from None
        echo(f"{address} (Ctrl-C ends it)")
        try:
            threading.Event().wait()  # until a signal
        finally:
            page.close(verbose=False)
