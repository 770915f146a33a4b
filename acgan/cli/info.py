"""``acgan info``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from acgan.cli.options import UserPath, time_in_words
from acgan.cli.output import echo
from acgan.reading import to_json


@click.command()
@click.argument("run", metavar="RUN_OR_FILE", type=UserPath())
@click.option(
    "--json", "as_json", is_flag=True, help="Print all of it as JSON, with the changes of the code."
)
def command(run: Path, as_json: bool) -> None:
    """Say where a run comes from: commands, code, machine, data, networks, time and memory.

    RUN_OR_FILE is a run directory of `acgan train` or `acgan classify train`, or a .safetensors file of one.
    """
    from acgan.api.provenance import read_provenance

    found = read_provenance(run)
    if as_json:
        echo(to_json(found))
        return
    for key, value in _lines(found):
        echo(f"{key}: {value}")


def _lines(found: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    if "invocations" not in found:  # of a file
        yield from ((key, value) for key, value in found.items() if not isinstance(value, dict))
        return
    yield "recipe", found["recipe"]
    yield "seed", found["seed"]
    data = found["data"]
    counts = ", ".join(f"{sum(images.values()):,} {part}" for part, images in data["images"].items())
    classes = len(data["images"]["train"])
    form = f"{classes} classes, {data['resolution']} px, fingerprint {data['fingerprint'][:8]}"
    yield "data", f"{data['name']}, {counts} images, {form}"
    yield "parameters", ", ".join(f"{name} {count:,}" for name, count in found["parameters"].items())
    if found["flops"]:
        yield "operations", ", ".join(f"{what} {count:,}" for what, count in found["flops"].items())
    for number, one in enumerate(found["invocations"], start=1):
        yield f"invocation {number}", one["command"]
        yield "  code", f"acgan {one['acgan']}, Python {one['python']}, torch {one['packages'].get('torch')}"
        gpu = f", {one['gpu']}" if one["gpu"] else ""
        yield "  machine", f"{one['processor']}, {one['threads']} of {one['cores']} cores{gpu}"
        yield "  precision", f"{one['precision']} on {one['device']}"
        yield "  time", _time(one)


def _time(one: Mapping[str, Any]) -> str:
    if one.get("ended") is None:
        return f"from {one['started']}; still training, or killed"
    begun, nimg = one["nimg"]
    return (
        f"from {one['started']} to {one['ended']}: {begun:,} to {nimg:,} images, "
        f"{time_in_words(one['trained_sec'])} of training, {one['images_per_sec']:.0f} images/s, "
        f"{one['peak_bytes'] / 2**20:,.0f} MiB at the peak"
    )
