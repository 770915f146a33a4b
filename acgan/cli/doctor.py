"""``acgan doctor``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acgan.atomic import write_text
from acgan.cli.options import UserPath, check_json_file
from acgan.cli.output import echo

if TYPE_CHECKING:
    from acgan.doctor import Diagnosis


@click.command()
@click.option("--json", "json_file", metavar="FILE", type=UserPath(), help="Write all of it here.")
@click.pass_context
def command(ctx: click.Context, json_file: Path | None) -> None:
    """Check the installation and this machine: libraries, devices, cores, FID's weights, the cache, free disk.

    A remark is worth knowing; a problem stops acgan from working, and comes with its remedy. The exit code is 1 if
    there is a problem. Nothing is written, and nothing is fetched.
    """
    from acgan.doctor import examine

    check_json_file(json_file)
    found = examine()
    if json_file is not None:
        write_text(json_file, json.dumps(_report(found), indent=2) + "\n")
    for one in found:
        echo(f"{one.verdict:8} {one.check:12} {one.found}")
        if one.remedy:
            echo(f"{'':21} {one.remedy}")
    counts = {verdict: sum(one.verdict == verdict for one in found) for verdict in ("problem", "remark")}
    echo(", ".join(_count(number, verdict) for verdict, number in counts.items()))
    if counts["problem"]:
        ctx.exit(1)


def _report(found: Sequence[Diagnosis]) -> dict[str, Any]:
    from datetime import datetime, timezone

    from acgan.code_version import code_version

    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"acgan": code_version(), "date": date, "checks": [one.to_dict() for one in found]}


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
