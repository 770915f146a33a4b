"""Output that nobody reads stops no work: closed pipes, closed streams, full disks of logs, closed terminals."""

from __future__ import annotations

import os
import pty
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_helpers import Child, acgan, checkpoints, classify_args, stats_rows, train_args, trained

from acgan.training.run import TrainingRun

SHORT: dict[str, Any] = {
    "train.total_nimg": 96,
    "every.checkpoint_nimg": 48,
    "every.log_nimg": 16,
    "monitor.num_per_class": 0,
}
CLASSIFIER: dict[str, Any] = {"train.total_nimg": 96, "every.checkpoint_nimg": 48, "every.log_nimg": 16}


def anew(*numbers: int) -> None:
    """Python's standard streams as at its start, after their descriptors changed."""
    for number in numbers:
        stream = None
        try:
            os.fstat(number)
            stream = open(number, "w", closefd=False, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        except OSError:
            pass
        setattr(sys, {1: "stdout", 2: "stderr"}[number], stream)


def without_reader() -> None:
    for number in (1, 2):
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, number)
    anew(1, 2)


def closed() -> None:
    os.close(1)
    os.close(2)
    anew(1, 2)


def onto_a_full_disk() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    anew(1)


@pytest.mark.parametrize("before", [without_reader, closed])
@pytest.mark.parametrize(
    ("arguments", "changes", "product"),
    [(train_args, SHORT, "generator"), (classify_args, CLASSIFIER, "classifier")],
)
def test_a_training_goes_on_to_its_end(
    arguments: Any, changes: dict[str, Any], product: str, before: Callable[[], None], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = Child(arguments(run, changes), tmp_path / "log", before)
    assert child.wait() == 0
    assert checkpoints(run) == [48, 96]
    assert (run / f"{product}.safetensors").exists()
    assert [row["nimg"] for row in stats_rows(run)][-1] == 96


def test_a_log_on_a_full_disk_is_told_at_the_end(tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = Child(train_args(run, SHORT), tmp_path / "log", onto_a_full_disk)
    assert child.wait() == 1
    assert "stdout: No space left on device; a part of what was printed is lost" in child.stderr
    assert checkpoints(run) == [48, 96]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = trained(tmp_path_factory.mktemp("made") / "run", SHORT)
    assert acgan("evaluate", str(made), "-n", "20", "--metrics", "prdc").exit_code == 0
    return made


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("evaluate {run} --json F.json -n 20 --metrics prdc", "F.json"),
        ("sample {run} --out F.npz -n 2", "F.npz"),
        ("fid {run} {run} -n 20 --extractor digits --json F.json --save-stats F.npz", "F.json"),
        ("data pack digits F.zip", "F.zip"),
        ("table {run} --format csv --out F.csv", "F.csv"),
    ],
)
def test_results_are_written(command: str, written: str, run: Path, workdir: Path) -> None:
    child = Child(command.format(run=run).split(), workdir / "log", without_reader)
    assert child.wait() == 0
    assert (workdir / written).exists()


def test_commands_that_print_end_well(workdir: Path) -> None:
    assert Child(["config"], workdir / "log", without_reader).wait() == 0


def _slowly() -> None:
    """Time for the other end of a terminal to be closed."""
    advance = TrainingRun.advance

    def advance_slowly(run: TrainingRun, batch_size: int) -> None:
        advance(run, batch_size)
        time.sleep(0.1)

    TrainingRun.advance = advance_slowly


def on_a_terminal() -> None:
    """A session whose terminal is closed once the training has begun."""
    _slowly()
    os.setsid()
    main, end = pty.openpty()
    name = os.ttyname(end)
    os.close(end)
    os.open(name, os.O_RDWR)  # the terminal of the session
    for number in (1, 2):
        os.dup2(os.open(name, os.O_RDWR), number)
    anew(1, 2)
    advance = TrainingRun.advance

    def advance_and_close(run: TrainingRun, batch_size: int) -> None:
        if run.iteration == 2:
            os.close(main)
        advance(run, batch_size)

    TrainingRun.advance = advance_and_close


def test_a_closed_terminal_is_a_checkpoint_and_an_exit_code(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert Child(train_args(run, SHORT), tmp_path / "log", on_a_terminal).wait() == 75
    assert checkpoints(run)
    assert trained(run, SHORT)


def ignoring_sighup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _slowly()


def test_nohup_is_respected(tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = Child(train_args(run, SHORT), tmp_path / "log", ignoring_sighup)
    child.wait_for(lambda: bool(stats_rows(run)))
    child.send(signal.SIGHUP)
    assert child.wait() == 0, child.stderr
    assert checkpoints(run) == [48, 96]


def test_a_second_sighup_does_not_kill(tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = Child(train_args(run, SHORT), tmp_path / "log", _slowly)
    child.wait_for(lambda: bool(stats_rows(run)))
    for _ in range(3):
        child.send(signal.SIGHUP)
    assert child.wait() == 75, child.stderr
    assert "SIGHUP: stopped after" in child.stderr
    assert checkpoints(run)


def test_lines_on_a_dumb_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from acgan.cli.progress import draws_bars

    class Terminal:
        def isatty(self) -> bool:
            return True

    for name, drawn in (("xterm-256color", True), ("dumb", False)):
        monkeypatch.setenv("TERM", name)
        assert draws_bars(Terminal()) is drawn
