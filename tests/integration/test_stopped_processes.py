"""Real processes that a signal stops while they write."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest
from run_helpers import Child

from acgan import atomic


def _signalled_while_writing(number: signal.Signals) -> None:
    # A shell that runs tests in the background may have these ignored, which children inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sync = os.fsync

    def sync_and_signal(descriptor: int) -> None:
        os.kill(os.getpid(), number)
        sync(descriptor)

    atomic.os.fsync = sync_and_signal  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 75), (signal.SIGHUP, 75), (signal.SIGINT, 130)]
)
def test_while_a_file_is_written(number: signal.Signals, code: int, tmp_path: Path) -> None:
    file = tmp_path / "out" / "found.json"
    file.parent.mkdir()
    file.write_text("of before")
    child = Child(
        ["doctor", "--json", str(file)], tmp_path / "log", partial(_signalled_while_writing, number)
    )
    assert child.wait() == code
    assert child.stderr == f"{number.name}: stopped; nothing half-written is left.\n"
    assert [(found.name, found.read_text()) for found in file.parent.iterdir()] == [
        ("found.json", "of before")
    ]
