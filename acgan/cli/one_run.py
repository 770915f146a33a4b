"""One run of a sweep, in a process of its own: ``python -m acgan.cli.one_run RUN``, RUN being JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from acgan.cli import main
from acgan.cli.output import echo
from acgan.sweep.plan import SweepRun

_POLL_SEC = 1.0


def command_of(run: SweepRun) -> list[str]:
    """The command that computes a run."""
    values = json.dumps({**asdict(run), "directory": str(run.directory)})
    return [sys.executable, "-m", __name__, values]


def perform(run: SweepRun) -> int:
    """Train and evaluate a run, after whoever trains there now; return the exit code of the first that fails."""
    _wait_for(run.directory)
    for arguments in (run.train, run.evaluate):
        code = _acgan(arguments) if arguments else 0
        if code:
            return code
    run.note_done()
    return 0


def _wait_for(directory: Path) -> None:
    """Wait for a training of a sweep that was killed, whose trainings were not."""
    from acgan.api.run_directory import is_locked

    if is_locked(directory):
        echo(f"{directory}: waiting for the training that is there")
    while is_locked(directory):
        time.sleep(_POLL_SEC)


def _acgan(arguments: Sequence[str]) -> int:
    sys.argv = ["acgan", *arguments]  # for the provenance
    try:
        main(list(arguments))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


if __name__ == "__main__":
    values = json.loads(sys.argv[1])
    sys.exit(
        perform(
            SweepRun(
                values["name"],
                Path(values["directory"]),
                tuple(values["train"]),
                tuple(values["evaluate"]),
            )
        )
    )
