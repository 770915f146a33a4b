"""Small sweeps, whose runs are forked and not started."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from click.testing import Result
from run_helpers import TINY, Child, acgan

from acgan.cli import one_run
from acgan.sweep.plan import SweepRun
from acgan.training.run import TrainingRun

SWEEP: dict[str, Any] = {
    "recipe": str(TINY),
    "variants": {
        "ADC": None,
        "AC": {"loss.classification": {"kind": "cross_entropy"}},
        "TAC": {"loss.classification.kind": "tac"},
        "projection": {"loss.classification": None, "model.discriminator.projection": True},
        "no penalty": {"loss.penalty": None},
    },
    "set": {"monitor.num_per_class": 0, "train.portions": 1},
    "seeds": [0, 1, 2],
    "budget": {"nimg": 48},
    "evaluate": {"num_images": 40, "metrics": ["kid"]},
}
NAMES = [f"{variant}/seed{seed}" for seed in (0, 1, 2) for variant in SWEEP["variants"]]


class Forked:
    """In place of ``Popen`` of ``python -m acgan.cli.one_run``: the same in a process that need not import torch."""

    started: list[dict[str, Any]] = []  # noqa: RUF012
    stops_in: Path | None = None

    def __init__(self, command: Sequence[str], env: dict[str, str], stdout: Any, **options: Any):
        assert command[1:3] == ["-m", "acgan.cli.one_run"]
        assert options["start_new_session"], "Ctrl-C would reach it too"
        values = json.loads(command[3])
        Forked.started.append({**values, "threads": env["OMP_NUM_THREADS"]})
        run = SweepRun(
            values["name"], Path(values["directory"]), tuple(values["train"]), tuple(values["evaluate"])
        )
        stops = os.getpid() if run.directory == Forked.stops_in else None
        self._child = Child([], Path(stdout.name), before=partial(_perform, run, stops))
        self.send_signal = self._child.send

    def poll(self) -> int | None:
        return self._child.process.exitcode


def _perform(run: SweepRun, stops: int | None) -> None:
    """Compute a run and end the process; ``stops`` is a sweep that is stopped after two steps, and stops this."""
    advance = TrainingRun.advance

    def advance_and_signal(training: TrainingRun, batch_size: int) -> None:
        advance(training, batch_size)
        if stops is not None and training.iteration == 2:
            os.kill(stops, signal.SIGTERM)
            while training.requests.signal is None:
                time.sleep(0.01)

    TrainingRun.advance = advance_and_signal
    raise SystemExit(one_run.perform(run))


def written(directory: Path, **changes: Any) -> Path:
    file = directory / "sweep.yaml"
    file.write_text(yaml.safe_dump({**SWEEP, **changes}, sort_keys=False), encoding="utf-8")
    return file


def sweep(file: Path, *arguments: str) -> Result:
    return acgan("sweep", str(file), "--out", str(file.parent / "out"), *arguments)
