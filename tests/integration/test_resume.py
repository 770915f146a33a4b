"""A training that was stopped and run again equals one that was not, bit for bit."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from run_helpers import (
    Child,
    acgan_train,
    assert_same_run,
    checkpoints,
    latest_payload,
    signal_after,
    stats_rows,
    train_args,
    trained,
)

from acgan.runtime import has_native_bf16

# Each with what makes its resume hard.
CONFIGS: dict[str, dict[str, Any]] = {
    "default": {},
    "several steps, portions, mirror, balance": {
        "train.d_steps": 2,
        "train.micro_batch": 4,
        "data.mirror": True,
        "data.balance": True,
        "train.total_nimg": 160,
    },
    "batch norm": {
        "model.generator.kind": "dcgan",
        "model.generator.channels": 8,
        "model.discriminator.kind": "dcgan",
        "model.discriminator.channels": 8,
        "loss.adversarial.kind": "bce",
        "loss.classification": {"kind": "cross_entropy", "on_fake": True},
        "loss.penalty": None,
    },
    "dropout": {
        "data.resolution": 32,
        "model.generator.kind": "paper",
        "model.discriminator.kind": "paper",
        "loss.adversarial.kind": "bce",
        "loss.penalty": None,
        "train.batch_size": 4,
        "train.micro_batch": 2,
        "train.total_nimg": 40,
        "every.log_nimg": 8,
        "every.checkpoint_nimg": 20,
        "monitor.num_per_class": 0,
    },
    "spectral norm": {
        "loss.adversarial.kind": "hinge",
        "model.discriminator.spectral_norm": True,
        "train.total_nimg": 160,
    },
    "wgan_gp": {
        "loss.adversarial.kind": "wgan_gp",
        "loss.penalty": {"kind": "gradient_penalty", "every": 2},
        "optim.generator.betas": [0.5, 0.9],
        "train.ema_ramp_up": None,
        "train.total_nimg": 160,
    },
}


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The directory of a run of one of ``CONFIGS`` that nothing stopped."""
    made: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in made:
            made[name] = trained(tmp_path_factory.mktemp("uninterrupted") / "run", CONFIGS[name])
        return made[name]

    return run


@pytest.mark.parametrize("name", CONFIGS)
def test_a_stopped_run_goes_on_bit_for_bit(
    name: str, uninterrupted: Callable[[str], Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    # After an odd number of iterations: in the middle of a log interval and between two lazy penalties.
    for iteration in (3, 7):
        with signal_after(iteration, signal.SIGTERM):
            assert acgan_train(run, CONFIGS[name]).exit_code == 75
        assert latest_payload(run)["iteration"] == iteration
    assert acgan_train(run, CONFIGS[name]).exit_code == 0
    assert_same_run(run, uninterrupted(name))


@pytest.mark.skipif(not has_native_bf16(torch.device("cpu")), reason="this processor has no bfloat16")
def test_bf16_goes_on_bit_for_bit(tmp_path: Path) -> None:
    changes = {"train.precision": "auto", "train.total_nimg": 128}
    whole, run = trained(tmp_path / "whole", changes), tmp_path / "run"
    with signal_after(3, signal.SIGTERM):
        assert acgan_train(run, changes).exit_code == 75
    trained(run, changes)
    assert_same_run(run, whole)
    assert latest_payload(run)["meta"]["precision"] == "bf16"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_signal_to_a_process_is_an_exit_code_and_a_checkpoint(
    number: signal.Signals, code: int, uninterrupted: Callable[[str], Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = Child(train_args(run), tmp_path / "first")
    child.wait_for(lambda: len(stats_rows(run)) >= 2)
    child.send(number)
    assert child.wait() == code
    assert number.name in child.stderr
    assert "the same command resumes" in child.stderr
    assert "Traceback" not in child.stderr
    stopped_at = checkpoints(run)[-1]
    assert 0 < stopped_at < 320

    child = Child(train_args(run), tmp_path / "second")
    assert child.wait() == 0
    assert f"going on from {stopped_at} images" in child.stdout
    assert_same_run(run, uninterrupted("default"))


@pytest.mark.slow
def test_python_dash_m_acgan_behaves_alike(uninterrupted: Callable[[str], Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "acgan", *train_args(run)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "320 images" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    trained(run)
    assert_same_run(run, uninterrupted("default"))


def test_max_time_stops_with_success_and_counts_each_invocation(
    uninterrupted: Callable[[str], Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    result = acgan_train(run, {}, "--max-time", "0")
    assert result.exit_code == 0
    assert "stopped by --max-time" in result.output
    assert checkpoints(run) == [0]
    limit = 0.6  # the time before the first step counts too, and is a machine's own
    while checkpoints(run)[-1] == 0:
        result = acgan_train(run, {}, "--max-time", f"{limit}s")
        assert result.exit_code == 0, result.output
        limit *= 2
    trained(run)
    assert_same_run(run, uninterrupted("default"))


def test_a_finished_run_stays_as_it_is(tmp_path: Path) -> None:
    changes = {"train.total_nimg": 64}
    run = trained(tmp_path / "run", changes)
    payload, rows = latest_payload(run), stats_rows(run)
    result = acgan_train(run, changes)
    assert result.exit_code == 0
    assert "done" in result.output
    assert (latest_payload(run)["iteration"], stats_rows(run)) == (payload["iteration"], rows)


def test_a_longer_total_goes_on_with_the_same_weights(
    uninterrupted: Callable[[str], Path], tmp_path: Path
) -> None:
    run = trained(tmp_path / "run", {"train.total_nimg": 112})
    trained(run, {"every.checkpoint_nimg": 64})
    assert torch.equal(
        latest_payload(run)["state"]["generator"]["to_image.weight"],
        latest_payload(uninterrupted("default"))["state"]["generator"]["to_image.weight"],
    )


def test_the_thread_count_of_the_first_run_is_used_again(tmp_path: Path) -> None:
    changes = {"train.threads": None}
    torch.set_num_threads(2)
    acgan_train(tmp_path / "run", changes, "--max-time", "0")
    torch.set_num_threads(1)
    acgan_train(tmp_path / "run", changes, "--max-time", "0")
    assert torch.get_num_threads() == 2
    assert latest_payload(tmp_path / "run")["meta"]["threads"] == 2
