"""A process that is killed at any moment leaves a run that goes on, and ends as if nothing had happened."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import fatal
import pytest
from run_helpers import Child, assert_same_run, checkpoints, stats_rows, train_args, trained

#: Three checkpoints (the first is removed when the third is there), three grids.
CHANGES = {
    "train.total_nimg": 144,
    "every.log_nimg": 32,
    "every.checkpoint_nimg": 48,
    "every.sample_nimg": 48,
    "monitor.num_per_class": 0,
}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("uninterrupted") / "run", CHANGES)


def killed(run: Path, log: Path, before: Callable[[], None]) -> None:
    assert Child(train_args(run, CHANGES), log, before).wait() == -signal.SIGKILL, "that moment never came"


# (moment, ending of the path, how manieth time, just after it rather than just before it)
PHASES = [
    ("written", "config.yaml", 1, False),
    ("written", ".pt", 1, False),
    ("written", ".pt", 2, False),
    ("written", ".sha256", 2, False),
    ("named", ".sha256", 2, True),
    ("named", ".pt", 2, False),
    ("named", ".pt", 3, True),
    ("removed", ".pt", 1, True),
    ("named", "generator.safetensors", 1, False),
    ("written", "generator.safetensors", 2, False),
    ("named", "generator.safetensors", 3, True),
]
MORE_PHASES = [
    ("named", "config.yaml", 1, False),
    ("named", "config.yaml", 1, True),
    ("synced", ".sha256", 2, True),
    ("named", ".sha256", 2, False),
    ("synced", ".pt", 2, False),
    ("named", ".pt", 2, True),
    ("synced", "/checkpoints", 2, True),
    ("removed", ".pt", 1, False),
    ("removed", ".sha256", 1, False),
    ("named", "generator.safetensors", 1, True),
    ("named", "generator.safetensors", 3, False),
    ("named", ".png", 2, False),
]


@pytest.mark.parametrize(
    ("moment", "ending", "occurrence", "after"),
    [*PHASES, *(pytest.param(*phase, marks=pytest.mark.slow) for phase in MORE_PHASES)],
)
def test_killed_while_writing(
    moment: str, ending: str, occurrence: int, after: bool, uninterrupted: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    killed(run, tmp_path / "killed", fatal.at(moment, ending, occurrence, after))
    trained(run, CHANGES)
    assert_same_run(run, uninterrupted)
    assert checkpoints(run)[-2:] == [96, 144]  # one more may have been about to go


@pytest.mark.parametrize(
    ("moment", "ending", "after"), [("named", "stats.jsonl", False), ("written", "config.yaml", False)]
)
def test_killed_while_resuming(
    moment: str, ending: str, after: bool, uninterrupted: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    killed(run, tmp_path / "1", fatal.at("named", "96.pt", 1, True))
    occurrence_one = fatal.at(moment, ending, 1, after)
    child = Child(train_args(run, CHANGES), tmp_path / "2", occurrence_one)
    assert child.wait() in (0, -signal.SIGKILL), child.stderr  # 0: what is in place need not be written again
    trained(run, CHANGES)
    assert_same_run(run, uninterrupted)


def kill_and_restart(run: Path, logs: Path, seed: int, longest_sec: float) -> int:
    """Run the same command until it finishes, killing it after times drawn at random; how often it was."""
    draws = random.Random(seed)
    for attempt in range(60):
        child = Child(train_args(run, CHANGES), logs / str(attempt))
        # Once in a while it may go on to the end.
        child.process.join(draws.uniform(0.05, longest_sec) * 1.1**attempt)
        child.send(signal.SIGKILL)
        code = child.wait()
        if code == 0:
            return attempt
        assert code == -signal.SIGKILL, child.stderr
        for file in (run / "checkpoints").glob("*.pt"):
            assert file.with_name(f"{file.name}.sha256").exists()
    pytest.fail("never finished")


def test_killed_at_random(uninterrupted: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    kill_and_restart(run, tmp_path, seed=0, longest_sec=1.0)
    assert_same_run(run, uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_killed_at_random_often(seed: int, uninterrupted: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    kill_and_restart(run, tmp_path, seed, longest_sec=0.6)
    assert_same_run(run, uninterrupted)


def test_killed_in_the_middle_of_an_iteration(uninterrupted: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = Child(train_args(run, CHANGES), tmp_path / "first")
    child.wait_for(lambda: len(stats_rows(run)) >= 2)
    time.sleep(0.01)
    child.send(signal.SIGKILL)
    assert child.wait() in (-signal.SIGKILL, 0)
    trained(run, CHANGES)
    assert_same_run(run, uninterrupted)
