"""Findings on start-up: seconds of real processes, from their start."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import acgan
from acgan.benchmarking.findings import Findings, Ratio
from acgan.benchmarking.timing import in_turns
from acgan.errors import RunError

#: Processes run this package, and not one of the same name in the present folder, as the installed `acgan` does. They
#: take no other module from there either: a user's folder may hold a queue.py.
_OURS = f"import sys; sys.path[0] = {str(Path(acgan.__file__).parents[1])!r}; import acgan"
_COMMAND = f"{_OURS}.cli; acgan.cli.main(prog_name='acgan')"
_PYTHON, _TORCH = "python", "import torch"
_ONLY_TORCH = f"import sys; del sys.path[0]; {_TORCH}"
IMPORT, HELP, FIRST_STEP = "import acgan", "acgan --help", "first training step"
_POLL_SEC = 0.002
_PATIENCE_SEC = 600.0
_STATS = "stats.jsonl"  # a training's log: its first row is written after the first iteration here


def measure_startup(recipe: Path, scratch: Path, device: str, *, rounds: int) -> Findings:
    """Start processes in turns.

    Args:
        recipe: Configuration of a training, whose images are in the cache.
        scratch: An existing folder for run directories.
        device: As ``--device`` takes it.
        rounds: Number of rounds.
    """
    numbers = iter(range(rounds + 1))

    def first_step() -> float:
        run = scratch / f"run{next(numbers)}"
        return _seconds_to_first_step(_training(recipe, run, device), run / _STATS)

    works: dict[str, Callable[[], float]] = {
        _PYTHON: partial(_seconds_of, ["-c", "pass"]),
        IMPORT: partial(_seconds_of, ["-c", _OURS]),
        HELP: partial(_seconds_of, ["-c", _COMMAND, "--help"]),
        _TORCH: partial(_seconds_of, ["-c", _ONLY_TORCH]),
        FIRST_STEP: first_step,
    }
    in_turns(works, 1)  # files are read from the disk the first time
    sec = in_turns(works, rounds)
    return Findings(
        part="startup",
        compared="processes, from their start, with a Python that does nothing and with one that imports torch; the "
        "first step is that of `acgan train`, with decoded images in the cache, until its first row in stats.jsonl; in "
        f"turns, medians; rounds: {rounds}; a ratio above 1 is slower",
        ratios=(
            _ratio(sec, HELP, _PYTHON),
            _ratio(sec, IMPORT, _PYTHON),
            _ratio(sec, FIRST_STEP, _TORCH),
        ),
        tables={"seconds": {name: {"median (s)": statistics.median(times)} for name, times in sec.items()}},
    )


def _ratio(sec: Mapping[str, Sequence[float]], name: str, other: str) -> Ratio:
    rounds = tuple(a / b for a, b in zip(sec[name], sec[other], strict=True))
    return Ratio(f"seconds, {name} : {other}", rounds)


def _seconds_of(arguments: Sequence[str]) -> float:
    """Seconds of a Python process until it ends."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    taken = time.perf_counter() - started
    if done.returncode:
        raise RunError(
            f"{' '.join([sys.executable, *arguments])}: ended with exit code {done.returncode}: {done.stderr}"
        )
    return taken


def _training(recipe: Path, run: Path, device: str) -> list[str]:
    """Arguments of a training that logs its first iteration."""
    options = ["--run-dir", str(run), "--device", device, "--quiet", "--set", "every.log_nimg=1"]
    return ["-c", _COMMAND, "train", str(recipe), *options]


def _seconds_to_first_step(arguments: Sequence[str], log: Path) -> float:
    """Seconds of a training until its log has a row; it is stopped then."""
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not _has_content(log):
                if process.poll() is not None and not _has_content(log):
                    assert process.stderr is not None
                    raise RunError(
                        f"acgan train: ended before its first step: {process.stderr.read().strip()}"
                    )
                if time.perf_counter() - started > _PATIENCE_SEC:
                    raise RunError(
                        f"acgan train: took no step in {_PATIENCE_SEC:.0f} s. Free the machine and try again."
                    )
                time.sleep(_POLL_SEC)
            return time.perf_counter() - started
        finally:
            process.kill()


def _has_content(file: Path) -> bool:
    try:
        return os.stat(file).st_size > 0
    except FileNotFoundError:
        return False
