"""``acgan classify predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acgan.cli.options import UserPath, device_option, on_error_option
from acgan.cli.output import echo
from acgan.reading import to_json

if TYPE_CHECKING:
    from acgan.types import SkippedImage


@click.command()
@click.argument("run", metavar="RUN_OR_FILE", type=UserPath())
@click.argument("images", metavar="IMAGES...", nargs=-1, required=True, type=UserPath())
@click.option(
    "--top", type=click.IntRange(min=1), default=3, show_default=True, help="Classes shown of each image."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: path, classes and probabilities.")
@on_error_option("stop")
@device_option
def command(run: Path, images: tuple[Path, ...], top: int, as_json: bool, on_error: str, device: str) -> None:
    """Name the most likely classes of images, with probabilities.

    RUN_OR_FILE is a run directory of `acgan classify train` or its classifier.safetensors. A folder among IMAGES
    stands for the images in it.
    """
    from acgan import api
    from acgan.runtime import choose_device

    skipped: list[SkippedImage] = []
    found = api.predict(
        run,
        images,
        device=choose_device(device),
        on_error=on_error,
        on_skip=skipped.append,
        warn=lambda message: echo(f"warning: {message}", err=True),
    )
    api.tell_skipped(skipped, lambda message: echo(message, err=True))
    if as_json:
        rows: list[dict[str, Any]] = [
            {"path": str(path), "classes": dict(classes[:top])} for path, classes in found
        ]
        rows += [{"path": image.path, "skipped": image.reason} for image in skipped]
        echo(to_json(rows))
        return
    from rich.table import Table

    from acgan.cli.tables import print_table

    shown = min(top, len(found[0][1]))
    table = Table("image", *(f"class {place + 1}" for place in range(shown)))
    for path, classes in found:
        table.add_row(str(path), *(f"{name} {probability:.3f}" for name, probability in classes[:shown]))
    print_table(table)
    if skipped:
        echo(f"{len(found):,} {'image' if len(found) == 1 else 'images'}, {len(skipped):,} skipped")
