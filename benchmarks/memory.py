"""Hold the estimate of a training's memory against the peak of real processes: a Markdown table. Linux alone.

    python benchmarks/memory.py --mnist mnist:ROOT --cifar10 cifar10_jpg.zip

Each row is a process that trains for 20 iterations, with steps that carry the penalty, sample grids and checkpoints,
and without evaluations. The peak is VmHWM of /proc/self/status: what the process had in memory at most, its libraries
included. Images were decoded before, by another process. The estimate is the one that a training is refused by.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from acgan.api import opening
from acgan.assembly.memory import MemoryEstimate
from acgan.cli import main as acgan
from acgan.config import ClassifierConfig, RunConfig, load
from acgan.config.recipes import find_recipe

_MB = 10**6
_PARTS = ("process", "networks", "batch", "step")
_WIDE = {"model.generator.channels": 64, "model.discriminator.channels": 64}
_DIGITS = {"data.source": "digits", "data.channels": 3}  # in the place of one's own pictures
#: Recipes and changes, by the name of the row.
CASES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "digits": ("digits", {}),
    "mnist": ("mnist", {}),
    "cifar10": ("cifar10", {}),
    "cifar10, micro_batch 16": ("cifar10", {"train.micro_batch": 16}),
    "cifar10, threads 1": ("cifar10", {"train.threads": 1}),
    "cifar10, batch 256": ("cifar10", {"train.batch_size": 256}),
    "cifar10, float32": ("cifar10", {"train.precision": "float32"}),
    "plain-cifar10": ("plain-cifar10", {}),
    "paper-cifar10": ("paper-cifar10", {}),
    "folder, 64 px": ("folder", {**_DIGITS, "data.resolution": 64}),
    "folder, 128 px": ("folder", {**_DIGITS, "data.resolution": 128}),
    "folder, 128 px, 64 channels": ("folder", {**_DIGITS, "data.resolution": 128, **_WIDE}),
    "classify cifar10": ("classify/cifar10", {}),
    "classify cifar10, float32": ("classify/cifar10", {"train.precision": "float32"}),
    "classify folder, 128 px": ("classify/folder", {**_DIGITS, "data.resolution": 128}),
}


def arguments(recipe: str, changes: Mapping[str, Any], run: Path) -> list[str]:
    """The command line of a training of 20 iterations."""
    keys = [f"{key}={value}" for key, value in changes.items()]
    *classify, name = recipe.split("/")
    if classify:
        batch = load(ClassifierConfig, find_recipe(name, "classify"), keys).train.batch_size
        keys.append(f"every.evaluate_nimg={10**9}")
    else:
        batch = load(RunConfig, find_recipe(name), keys).train.batch_size
        keys.append("evaluate.extractor=null")
    keys += [f"train.total_nimg={20 * batch}", f"every.log_nimg={5 * batch}"]
    keys += [f"every.{what}_nimg={10 * batch}" for what in ("sample", "checkpoint")]
    return [
        *classify,
        "train",
        name,
        "--run-dir",
        str(run),
        *(word for key in keys for word in ("--set", key)),
    ]


def trained(words: list[str]) -> tuple[MemoryEstimate, int]:
    """The estimate and the peak in bytes of a training in this process."""
    estimates: list[MemoryEstimate | None] = []
    original = opening.estimate_memory

    def noted(*given: Any, **named: Any) -> MemoryEstimate | None:
        estimates.append(original(*given, **named))
        return estimates[-1]

    opening.estimate_memory = noted
    acgan(words, standalone_mode=False)
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert estimates[0] is not None
    return estimates[0], peak * 1024


def row(name: str, sources: Mapping[str, str]) -> str:
    """A row of the table, of a process of its own; another one decodes the images before it."""
    recipe, changes = CASES[name]
    for key, source in sources.items():
        changes = {"data.source": source, **changes} if key in recipe else changes
    with tempfile.TemporaryDirectory() as folder:
        words = arguments(recipe, changes, Path(folder) / "run")
        for more in (["--dry-run"], []):
            child = [sys.executable, __file__, "--process", json.dumps([*words, *more])]
            done = subprocess.run(child, capture_output=True, text=True, check=False)
            if done.returncode:
                raise click.ClickException(f"{name}: {done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    estimate, peak = found.pop("needed"), found.pop("peak")
    cells = [name, *(f"{number / _MB:,.0f}" for number in (peak, estimate)), f"{estimate / peak:.2f}"]
    return f"| {' | '.join(cells + [f'{number / _MB:,.0f}' for number in found.values()])} |"


@click.command()
@click.option("--mnist", default="mnist", show_default=True, help="MNIST, as `acgan train --data` takes it.")
@click.option("--cifar10", default="cifar10", show_default=True, help="CIFAR-10 in the same way.")
@click.option("--only", multiple=True, type=click.Choice(list(CASES)), help="Measure these alone.")
@click.option("--process", hidden=True)
def main(mnist: str, cifar10: str, only: tuple[str, ...], process: str | None) -> None:
    """Print the table."""
    if process is not None:
        estimate, peak = trained(json.loads(process))
        parts = {part: getattr(estimate, part) for part in _PARTS}
        click.echo(json.dumps({"needed": estimate.needed, "peak": peak, **parts}))
        return
    click.echo(
        "| training | peak (MB) | estimate (MB) | estimate / peak | process | networks | batch | step |"
    )
    click.echo("|---|---|---|---|---|---|---|---|")
    for name in only or CASES:
        click.echo(row(name, {"mnist": mnist, "cifar10": cifar10}))


if __name__ == "__main__":
    main()
