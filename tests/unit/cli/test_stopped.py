"""Signals to any command: an exit code, one line, and nothing half-written."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from every_command import LEAVES

import acgan.cli
from acgan.cli import main

CLI = Path(acgan.cli.__file__).parent
SIGNALS = [(signal.SIGTERM, 75), (signal.SIGHUP, 75), (signal.SIGINT, 130)]


def stopped(name: str, number: int, monkeypatch: pytest.MonkeyPatch) -> Result:
    """A command that is at work when a signal comes."""
    monkeypatch.setattr(LEAVES[name], "params", [])
    monkeypatch.setattr(LEAVES[name], "callback", lambda: os.kill(os.getpid(), number))
    return CliRunner().invoke(main, name.split())


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Handlers that tell what would have killed the process: a shell's background jobs have some ignored."""

    def kill(number: int, _frame: object) -> None:
        raise AssertionError(f"killed by {signal.Signals(number).name}")

    before = {number: signal.signal(number, kill) for number, _ in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("name", LEAVES)
def test_every_command(name: str, number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    result = stopped(name, number, monkeypatch)
    assert result.exit_code == code
    assert result.output == f"{number.name}: stopped; nothing half-written is left.\n"


def test_it_is_no_picture_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Exception:
            pytest.fail("taken for an error of a library")

    monkeypatch.setattr(LEAVES["data verify"], "params", [])
    monkeypatch.setattr(LEAVES["data verify"], "callback", decode)
    assert CliRunner().invoke(main, ["data", "verify"]).exit_code == 75


def test_no_command_hears_them_for_itself_without_more_to_say() -> None:
    """Those that do: a training leaves a checkpoint, a sweep goes on, samples are moved into place at the end."""
    own = {
        file.stem for file in CLI.rglob("*.py") if "stopped_by_signals" in file.read_text(encoding="utf-8")
    }
    assert own <= {"__init__", "training", "sweep", "sample"}
