"""Findings on start-up: real processes, and what is said where they fail."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from acgan.benchmarking import startup
from acgan.benchmarking.startup import FIRST_STEP, HELP, IMPORT, measure_startup
from acgan.errors import RunError


def test_the_first_row_of_the_log_ends_the_clock_and_the_process(tmp_path: Path) -> None:
    log, late = tmp_path / "stats.jsonl", tmp_path / "late"
    script = (
        "import pathlib, sys, time; log, late = map(pathlib.Path, sys.argv[1:]); time.sleep(0.3); log.touch(); "
        "time.sleep(0.3); log.write_text('row'); time.sleep(60); late.touch()"
    )
    started = time.perf_counter()
    taken = startup._seconds_to_first_step(["-c", script, str(log), str(late)], log)
    assert 0.6 <= taken <= time.perf_counter() - started < 60
    assert not late.exists()


def test_a_training_that_fails_is_told(tmp_path: Path) -> None:
    script = "import sys; sys.exit('Error: no such recipe')"
    with pytest.raises(RunError, match="ended before its first step: Error: no such recipe"):
        startup._seconds_to_first_step(["-c", script], tmp_path / "stats.jsonl")


def test_a_training_that_never_steps_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "_PATIENCE_SEC", 0.1)
    with pytest.raises(RunError, match="took no step"):
        startup._seconds_to_first_step(["-c", "import time; time.sleep(60)"], tmp_path / "stats.jsonl")


def test_a_process_that_fails_is_told() -> None:
    with pytest.raises(RunError, match=r"exit code 3.*broken"):
        startup._seconds_of(["-c", "import sys; print('broken', file=sys.stderr); sys.exit(3)"])


def test_processes_take_turns_after_one_to_warm_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[list[str]] = []

    def of(arguments: list[str], log: Path | None = None) -> float:
        runs.append(arguments)
        return {"pass": 1.0, startup._ONLY_TORCH: 4.0}.get(arguments[1], 2.0) if log is None else 8.0

    monkeypatch.setattr(startup, "_seconds_of", of)
    monkeypatch.setattr(startup, "_seconds_to_first_step", of)
    findings = measure_startup(tmp_path / "recipe.yaml", tmp_path, "cpu", rounds=2)
    assert len(runs) == 3 * 5
    assert {ratio.name: ratio.rounds for ratio in findings.ratios} == {
        f"seconds, {HELP} : python": (2.0, 2.0),
        f"seconds, {IMPORT} : python": (2.0, 2.0),
        f"seconds, {FIRST_STEP} : import torch": (2.0, 2.0),
    }
    trainings = [arguments for arguments in runs if "train" in arguments]
    assert len({arguments[arguments.index("--run-dir") + 1] for arguments in trainings}) == 3, "each its own"


def test_processes_run_this_package_whatever_lies_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acgan").mkdir()
    (tmp_path / "acgan" / "__init__.py").write_text("raise RuntimeError('another one')")
    (tmp_path / "queue.py").write_text("raise RuntimeError('not the standard library')")
    monkeypatch.chdir(tmp_path)
    assert startup._seconds_of(["-c", startup._OURS]) > 0
    assert startup._seconds_of(["-c", startup._ONLY_TORCH]) > 0
