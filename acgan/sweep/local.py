"""The runs of a sweep on this machine, several side by side, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from acgan import parallel
from acgan.sweep.plan import SweepRun

_POLL_SEC, _AGAIN_SEC = 0.2, 5.0


def run_side_by_side(
    runs: Sequence[SweepRun],
    command: Callable[[SweepRun], Sequence[str]],
    *,
    jobs: int,
    threads: int,
    on_end: Callable[[SweepRun, int], None],
) -> None:
    """Compute runs, so many at once. However this ends, it stops its processes, which leave checkpoints.

    Args:
        runs: The runs, in order.
        command: The command that computes one.
        jobs: Processes at once.
        threads: CPU cores of each.
        on_end: Told each run that ended, and its exit code.
    """
    waiting = deque(runs)
    active: dict[SweepRun, subprocess.Popen[bytes]] = {}
    variables = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    try:
        while waiting or active:
            while waiting and len(active) < jobs:
                run = waiting.popleft()
                active[run] = _start(command(run), log_of(run), variables)
            time.sleep(_POLL_SEC)
            for run, process in list(active.items()):
                code = process.poll()
                if code is not None:
                    del active[run]
                    on_end(run, code)
    finally:
        _stop(list(active.values()))


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Stop processes, and wait until their checkpoints are written."""
    while left := [process for process in processes if process.poll() is None]:
        for process in left:  # again: a training that was at its end has gone on to its evaluation
            process.send_signal(signal.SIGTERM)
        end = time.monotonic() + _AGAIN_SEC
        while time.monotonic() < end and any(process.poll() is None for process in left):
            time.sleep(_POLL_SEC)


def share_of_cores(jobs: int) -> int:
    """CPU cores of each of several jobs."""
    return max(1, parallel.cores() // jobs)


def log_of(run: SweepRun) -> Path:
    """The file with a run's output, beside its directory."""
    return run.directory.with_name(f"{run.directory.name}.log")


def _start(command: Sequence[str], log: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        # In its own session: Ctrl-C reaches only us, and we stop it once.
        return subprocess.Popen(
            command, env=variables, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
