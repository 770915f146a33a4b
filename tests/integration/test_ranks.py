"""Two processes train what one trains."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from rank_helpers import several, two
from run_helpers import (
    acgan_train,
    assert_same_run,
    checkpoints,
    generator_tensors,
    latest_payload,
    stats_rows,
    train_args,
    trained,
    tree,
)

from acgan.errors import RunError
from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES
from acgan.training.run import TrainingRun

CHANGES: dict[str, Any] = {
    "train.precision": "float64",
    "train.total_nimg": 128,
    "train.micro_batch": 4,
    "train.d_steps": 2,
    "data.mirror": True,
    "data.balance": True,
    "every.log_nimg": 32,
    "every.checkpoint_nimg": 64,
    "every.sample_nimg": 64,
    "every.evaluate_nimg": 64,
}


def assert_close_runs(directory: Path, expected: Path) -> None:
    """Weights and logged terms within what the order of a float64 sum makes of them."""
    state, expected_state = (latest_payload(path)["state"] for path in (directory, expected))
    for part in ("generator", "discriminator", "ema"):
        torch.testing.assert_close(state[part], expected_state[part], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        generator_tensors(directory), generator_tensors(expected), rtol=1e-10, atol=1e-10
    )
    rows, expected_rows = stats_rows(directory), stats_rows(expected)
    assert [list(row) for row in rows] == [list(row) for row in expected_rows]
    for row, expected_row in zip(rows, expected_rows, strict=True):
        assert row == pytest.approx(expected_row, rel=1e-10, abs=1e-10)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("alone") / "run", CHANGES)


def test_torchrun_with_two_processes_equals_one(alone: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    result = subprocess.run(
        [*command, "-m", "acgan", *train_args(run, CHANGES)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert_close_runs(run, alone)
    # One process talks and writes.
    lines = [line for line in result.stdout.splitlines() if " images  " in line]
    assert len(lines) == 4
    assert result.stdout.count("Samples of each class") == 1
    assert result.stderr.count("warning: collapse") <= 2
    assert tree(run).keys() - {".lock"} == {
        name for name in tree(alone).keys() - {".lock"} if "tfevents" not in name
    } | {name for name in tree(run) if "tfevents" in name}
    assert sum("tfevents" in name for name in tree(run)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"loss.adversarial.kind": "hinge", "model.discriminator.spectral_norm": True, "loss.penalty": None},
        {"loss.adversarial.kind": "wgan_gp", "loss.penalty": {"kind": "gradient_penalty", "every": 2}},
        {
            "loss.classification": {"kind": "d2d_ce", "embedding_dim": 8},
            "loss.penalty.of": "objective",
            "model.discriminator.projection": True,
            "loss.lecam": {"half_life_nimg": 32},
            "loss.consistency": {},
            "augment": {"kind": "ada", "target": 0.1, "adjust_nimg": 256},
        },
    ],
    ids=["spectral norm", "wgan_gp", "d2d_ce, projection, LeCam, consistency, ADA"],
)
def test_other_losses_too(changes: dict[str, Any], tmp_path: Path) -> None:
    changes = {"train.precision": "float64", "train.total_nimg": 80, "monitor.num_per_class": 0, **changes}
    expected = trained(tmp_path / "one", changes)
    for child in two(train_args(tmp_path / "two", changes), tmp_path):
        assert child.wait() == 0, child.stderr
    assert_close_runs(tmp_path / "two", expected)


PENALTY: dict[str, dict[str, Any]] = {
    "zero_centered": {},
    "gradient_penalty": {"loss.penalty": {"kind": "gradient_penalty", "every": 1}},
}
KINDS: dict[str, dict[str, Any]] = {
    **{f"adversarial {kind}": {"loss.adversarial.kind": kind} for kind in ADVERSARIAL},
    **{f"classification {kind}": {"loss.classification.kind": kind} for kind in CLASSIFICATION},
    **{f"penalty {kind}": PENALTY[kind] for kind in PENALTIES},
    "projection": {"model.discriminator.projection": True},
    "LeCam": {"loss.lecam": {"half_life_nimg": 32}},
    "consistency": {"loss.consistency": {}},
    "ADA": {"augment": {"kind": "ada", "target": 0.1, "adjust_nimg": 256}},
    "penalty of the objective": {"loss.penalty.of": "objective"},
}


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_with_accumulated_gradients(kind: str, count: int, tmp_path: Path) -> None:
    changes = {
        "train.precision": "float64",
        "train.total_nimg": 64,
        "monitor.num_per_class": 0,
        **KINDS[kind],
    }
    if "wgan_gp" in kind:
        changes |= PENALTY["gradient_penalty"]
    if "d2d_ce" not in kind:  # it compares all images of a batch
        changes["train.micro_batch"] = 2
    expected = trained(tmp_path / "one", changes)
    for child in several(count, train_args(tmp_path / "some", changes), tmp_path):
        assert child.wait() == 0, child.stderr
    assert_close_runs(tmp_path / "some", expected)


def test_stopped_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    changes = {"train.total_nimg": 320, "monitor.num_per_class": 0}
    whole, run = tmp_path / "whole", tmp_path / "run"
    for child in two(train_args(whole, changes), tmp_path):
        assert child.wait() == 0, child.stderr
    ranks = two(train_args(run, changes), tmp_path)
    ranks[0].wait_for(lambda: len(stats_rows(run)) >= 2)
    for rank in ranks:
        rank.send(signal.SIGTERM)
    assert [rank.wait() for rank in ranks] == [75, 75], ranks[0].stderr + ranks[1].stderr
    assert 0 < checkpoints(run)[-1] < 320
    said = [rank.stderr for rank in ranks if "SIGTERM: stopped after" in rank.stderr]
    assert len(said) == 1, "one of them tells it"
    for rank in two(train_args(run, changes), tmp_path):
        assert rank.wait() == 0, rank.stderr
    assert_same_run(run, whole)


def test_a_signal_to_one_rank_stops_both(tmp_path: Path) -> None:
    run = tmp_path / "run"
    ranks = two(train_args(run, {"train.total_nimg": 6400, "monitor.num_per_class": 0}), tmp_path)
    ranks[0].wait_for(lambda: len(stats_rows(run)) >= 1)
    ranks[1].send(signal.SIGTERM)
    codes = [rank.wait() for rank in ranks]
    assert checkpoints(run)[-1] < 6400
    assert codes == [75, 75], "both ranks should say what happened"


@pytest.mark.slow
def test_torchrun_passes_sigterm_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = train_args(run, {"train.total_nimg": 64000, "monitor.num_per_class": 0})
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen([*command, "-m", "acgan", *arguments], stdout=log, stderr=log)
        try:
            while len(stats_rows(run)) < 2:
                assert process.poll() is None, (tmp_path / "log").read_text()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
        finally:
            process.kill()
    assert 0 < checkpoints(run)[-1] < 64000
    assert (tmp_path / "log").read_text().count("SIGTERM: stopped after") == 1


@pytest.mark.slow
def test_an_error_of_the_first_rank_ends_all(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "other").write_text("")
    for rank in two(train_args(tmp_path / "run", CHANGES), tmp_path):
        assert rank.wait() == 1, rank.stderr


def test_a_batch_that_cannot_be_shared_is_refused_once(tmp_path: Path) -> None:
    ranks = two(train_args(tmp_path / "run", {"train.batch_size": 15}), tmp_path)
    assert [rank.wait(timeout_sec=60) for rank in ranks] == [1, 1]
    said = ranks[0].stderr + ranks[1].stderr
    assert said.count("train.batch_size 15 must be a multiple of the 2 processes") == 1, said


def _killed() -> None:
    """Kill the second rank in its third step."""
    advance = TrainingRun.advance

    def advance_and_die(run: TrainingRun, batch_size: int) -> None:
        advance(run, batch_size)
        if run.iteration == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    TrainingRun.advance = advance_and_die


def test_the_peer_of_a_killed_rank_says_so_and_can_be_run_again(tmp_path: Path) -> None:
    ranks = two(train_args(tmp_path / "run", {"monitor.num_per_class": 0}), tmp_path, (None, _killed))
    assert [rank.wait(timeout_sec=60) for rank in ranks] == [75, -signal.SIGKILL]
    assert "another process of this command is gone" in ranks[0].stderr
    assert "bug" not in ranks[0].stderr


def _broken() -> None:
    """Make the second rank meet an error of the user's in its third step."""
    advance = TrainingRun.advance

    def advance_and_fail(run: TrainingRun, batch_size: int) -> None:
        advance(run, batch_size)
        if run.iteration == 3:
            raise RunError("this disk is gone")

    TrainingRun.advance = advance_and_fail


def test_the_peer_of_a_rank_that_met_an_error_leaves_the_word_to_it(tmp_path: Path) -> None:
    ranks = two(train_args(tmp_path / "run", {"monitor.num_per_class": 0}), tmp_path, (None, _broken))
    assert [rank.wait(timeout_sec=60) for rank in ranks] == [75, 1]
    assert "rank 1 of 2: this disk is gone" in ranks[1].stderr
    assert "gone" not in ranks[0].stderr
    assert "bug" not in ranks[0].stderr


@pytest.mark.slow
def test_torchrun_starts_a_killed_rank_again(tmp_path: Path) -> None:
    changes = {"train.total_nimg": 640, "monitor.num_per_class": 0}
    whole, run = tmp_path / "whole", tmp_path / "run"
    for child in two(train_args(whole, changes), tmp_path):
        assert child.wait() == 0, child.stderr
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = ["--max-restarts=2", "-m", "acgan", *train_args(run, changes)]
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen([*command, *arguments], stdout=log, stderr=log)
        try:
            for nimg in (100, 400):
                while not checkpoints(run) or checkpoints(run)[-1] < nimg:
                    assert process.poll() is None, (tmp_path / "log").read_text()
                _kill_a_worker_of(process.pid)
            assert process.wait(timeout=120) == 0, (tmp_path / "log").read_text()
        finally:
            process.kill()
    assert_same_run(run, whole)


def _kill_a_worker_of(agent: int) -> None:
    children = Path(f"/proc/{agent}/task/{agent}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)


def _drift() -> None:
    """Make the second rank's weights drift, as a bug would."""
    advance = TrainingRun.advance

    def advance_and_drift(run: TrainingRun, batch_size: int) -> None:
        advance(run, batch_size)
        if os.environ["RANK"] == "1":
            with torch.no_grad():
                next(run.state.networks()[0].parameters()).add_(1e-3)

    TrainingRun.advance = advance_and_drift


def test_ranks_that_drift_apart_are_found_at_a_checkpoint(tmp_path: Path) -> None:
    ranks = two(train_args(tmp_path / "run", CHANGES), tmp_path, (_drift, _drift))
    assert [rank.wait(timeout_sec=60) for rank in ranks] == [70, 70]
    assert "parameters differ between ranks" in ranks[0].stderr + ranks[1].stderr
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_run_of_two_goes_on_alone(tmp_path: Path) -> None:
    changes = {**CHANGES, "train.total_nimg": 64}
    for rank in two(train_args(tmp_path / "run", changes), tmp_path):
        assert rank.wait() == 0, rank.stderr
    result = acgan_train(tmp_path / "run", {**changes, "train.total_nimg": 96})
    assert result.exit_code == 0, result.output
