"""``acgan classify predict``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from acgan.cli.options import device_option


@click.command()
@click.argument("run", metavar="RUN_OR_FILE", type=click.Path(path_type=Path))
@click.argument("images", metavar="IMAGES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--top", type=click.IntRange(min=1), default=3, show_default=True, help="Classes shown of each image."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: path, classes and probabilities.")
@device_option
def command(run: Path, images: tuple[Path, ...], top: int, as_json: bool, device: str) -> None:
    """Name the most likely classes of images, with probabilities.

    RUN_OR_FILE is a run directory of `acgan classify train` or its classifier.safetensors. A folder among IMAGES
    stands for the images in it.
    """
    from acgan import api
    from acgan.runtime import choose_device

    found = api.predict(
        run,
        images,
        device=choose_device(device),
        warn=lambda message: click.echo(f"warning: {message}", err=True),
    )
    if as_json:
        rows = [{"path": str(path), "classes": dict(classes[:top])} for path, classes in found]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    shown = min(top, len(found[0][1]))
    table = Table("image", *(f"class {place + 1}" for place in range(shown)))
    for path, classes in found:
        table.add_row(str(path), *(f"{name} {probability:.3f}" for name, probability in classes[:shown]))
    console.print(table, markup=False)
