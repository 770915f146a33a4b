"""Measure what several processes with a core each add to a training: a Markdown table.

    python benchmarks/processes.py cifar10 --data cifar10_jpg.zip
    python benchmarks/processes.py digits --numbers 1,2,4 --rounds 5

Each turn is `torchrun` with so many processes of `acgan train` on this machine; one process is without torchrun. The
speed is the median of the log's rows but for the first ones. The table has medians of the rounds, and of the rounds'
ratios to one process.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import click
import torch

from acgan.api import resolve_config
from acgan.runtime import machine

_ROWS, _WARM_UP = 12, 3
_ITERATIONS_A_ROW = 8  # one of them with the penalty, where it is due every 8 steps
_SPEED = "time/images_per_sec"
_COMMAND = "from acgan.cli import main; main(prog_name='acgan')"


def images_per_sec(number: int, arguments: Sequence[str], batch_size: int) -> float:
    """Speed of a training by so many processes of one core."""
    interval = _ITERATIONS_A_ROW * batch_size
    with tempfile.TemporaryDirectory() as folder:
        script, run = Path(folder) / "train.py", Path(folder) / "run"
        script.write_text(_COMMAND, encoding="utf-8")
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={number}"]
        settings = {
            "train.threads": 1,
            "train.total_nimg": _ROWS * interval,
            "every.log_nimg": interval,
            "data.validation_share": 0,
        }
        changes = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        command = [sys.executable, *(launcher if number > 1 else []), str(script), "train", *arguments]
        command += [*changes, "--run-dir", str(run), "--device", "cpu", "--quiet"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{' '.join(command)}: {done.stderr.strip()[-2000:]}")
        rows = [json.loads(line) for line in (run / "stats.jsonl").read_text(encoding="utf-8").splitlines()]
    speeds = [row[_SPEED] for row in rows if _SPEED in row]  # evaluations have rows of their own
    return statistics.median(speeds[_WARM_UP:])


@click.command()
@click.argument("recipe")
@click.option("--data", metavar="SOURCE", help="Images to train on, as of `acgan train`.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a key of the recipe.")
@click.option("--numbers", metavar="1,2", default="1,2", show_default=True, help="Numbers of processes.")
@click.option("--rounds", metavar="N", type=click.IntRange(1), default=3, show_default=True)
def main(recipe: str, data: str | None, changes: Sequence[str], numbers: str, rounds: int) -> None:
    """Measure the training of RECIPE by several processes."""
    counts = sorted({1, *(int(part) for part in numbers.split(","))})
    config, _ = resolve_config(recipe, data, changes)
    arguments = [recipe, *(["--data", data] if data else [])]
    arguments += [word for change in changes for word in ("--set", change)]
    found: dict[int, list[float]] = {count: [] for count in counts}
    for turn in range(rounds):
        for count in counts if turn % 2 == 0 else reversed(counts):
            found[count].append(images_per_sec(count, arguments, config.train.batch_size))
    print(f"{recipe}; {machine()}; torch {torch.__version__}; {date.today()}; {rounds} rounds\n")
    print("| processes of one core | images/s | to one process |\n|---|---|---|")
    for count, speeds in found.items():
        ratio = statistics.median(speed / one for speed, one in zip(speeds, found[1], strict=True))
        print(f"| {count} | {statistics.median(speeds):.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
