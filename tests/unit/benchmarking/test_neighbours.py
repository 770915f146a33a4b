"""Busy processes beside a measurement: they are busy, and they end, however the measurement does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acgan.benchmarking.neighbours import busy_neighbours

PARENT = """
import signal, sys, time
from acgan.benchmarking.neighbours import busy_neighbours
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
with busy_neighbours(2) as numbers:
    print(*numbers, flush=True)
    time.sleep(60)
"""


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{number}/status")
    return not status.exists() or "State:\tZ" not in status.read_text()


def within(sec: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + sec
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_without_neighbours_no_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    with busy_neighbours(0) as numbers:
        assert numbers == ()


def test_they_run_inside_and_have_ended_afterwards() -> None:
    with busy_neighbours(2) as numbers:
        assert len(set(numbers)) == 2
        assert all(map(is_running, numbers))
    assert not any(map(is_running, numbers))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's table of processes")
def test_they_compute() -> None:
    def ticks(number: int) -> int:
        fields = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11])

    with busy_neighbours(1) as (number,):
        before = ticks(number)
        assert within(30, lambda: ticks(number) >= before + 5)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_they_end_with_an_error(error: type[BaseException]) -> None:
    started: list[int] = []

    def measure() -> None:
        with busy_neighbours(2) as numbers:
            started.extend(numbers)
            raise error

    with pytest.raises(error):
        measure()
    assert len(started) == 2
    assert not any(map(is_running, started))


def test_if_one_does_not_start_the_others_end(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def second_fails(*args: object, **keywords: object) -> subprocess.Popen[bytes]:
        if started:
            raise OSError("no more processes")
        started.append(real(*args, **keywords))  # type: ignore[call-overload]
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", second_fails)
    with pytest.raises(OSError, match="no more processes"), busy_neighbours(2):
        pytest.fail("it began")
    assert not is_running(started[0].pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_their_parent(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        numbers = [int(word) for word in parent.stdout.readline().split()]
        assert len(numbers) == 2
        # Ctrl-C reaches the whole group; a scheduler or the kernel ends the parent alone.
        (os.killpg if number == signal.SIGINT else os.kill)(parent.pid, number)
        assert within(30, lambda: not any(map(is_running, numbers)))
        _, errors = parent.communicate(timeout=30)
        assert parent.returncode != 0
    assert errors.count("KeyboardInterrupt") == (number == signal.SIGINT), "the neighbours say nothing"
