"""A training that was stopped and run again equals one that was not, bit for bit: of GANs and of classifiers."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from run_helpers import (
    Child,
    acgan,
    acgan_classify,
    acgan_train,
    assert_same_classifier_run,
    assert_same_run,
    checkpoints,
    classified,
    classify_args,
    killed_at,
    latest_payload,
    signal_after,
    stats_rows,
    train_args,
    trained,
)

from acgan.runtime import has_native_bf16


@dataclass(frozen=True)
class Kind:
    """One of the two loops, by its command."""

    run: Callable[..., Any]
    trained: Callable[..., Path]
    args: Callable[..., list[str]]
    assert_same: Callable[[Path, Path], None]
    stops: tuple[int, int]  # odd: in the middle of a log interval and between two lazy penalties
    configs: dict[str, dict[str, Any]]  # each with what makes its resume hard


KINDS = {
    "gan": Kind(
        acgan_train,
        trained,
        train_args,
        assert_same_run,
        (3, 7),
        {
            "default": {},
            "several steps, micro-batches, mirror, balance": {
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
                "model.discriminator": {"kind": "paper", "activation_noise": 0.2},
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
        },
    ),
    "classifier": Kind(
        acgan_classify,
        classified,
        classify_args,
        assert_same_classifier_run,
        (3, 5),
        {
            "default": {},
            "all draws": {
                "data.mirror": True,
                "data.balance": True,
                "augment": {
                    "shift": 0.1,
                    "rotate_deg": 10,
                    "zoom": 0.1,
                    "erase": 0.2,
                    "color": 0.1,
                },
                "model.head": "stem",
                "model.dropout": 0.3,
                "model.freeze": "until:stem",
                "loss.class_weights": {"3": 2.5, "7": 0.5},
                "loss.label_smoothing": 0.1,
                "optim.decay": "cosine",
                "train.micro_batch": 4,
                "train.total_nimg": 128,
            },
            "balanced weights, frozen backbone": {
                "loss.class_weights": "balanced",
                "model.freeze": "backbone",
                "model.aux": {"block1": 0.3, "block2": 0.2},
                "data.max_per_class": 20,
                "data.validation_share": 0.1,
            },
        },
    ),
}
CASES = [(kind, name) for kind in KINDS for name in KINDS[kind].configs]


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """The directory of a run of one of ``CASES`` that nothing stopped."""
    made: dict[tuple[str, str], Path] = {}

    def run(kind: str, name: str = "default") -> Path:
        if (kind, name) not in made:
            directory = tmp_path_factory.mktemp("uninterrupted") / "run"
            made[kind, name] = KINDS[kind].trained(directory, KINDS[kind].configs[name])
        return made[kind, name]

    return run


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_stopped_run_goes_on_bit_for_bit(
    kind: str, name: str, uninterrupted: Callable[..., Path], tmp_path: Path
) -> None:
    run, this = tmp_path / "run", KINDS[kind]
    for iteration in this.stops:
        with signal_after(iteration, signal.SIGTERM):
            assert this.run(run, this.configs[name]).exit_code == 75
        assert latest_payload(run)["iteration"] == iteration
    result = this.run(run, this.configs[name])
    assert result.exit_code == 0, result.output
    this.assert_same(run, uninterrupted(kind, name))


@pytest.mark.skipif(not has_native_bf16(torch.device("cpu")), reason="this processor has no bfloat16")
def test_bf16_goes_on_bit_for_bit(tmp_path: Path) -> None:
    changes = {"train.precision": "auto", "train.total_nimg": 128}
    whole, run = trained(tmp_path / "whole", changes), tmp_path / "run"
    with signal_after(3, signal.SIGTERM):
        assert acgan_train(run, changes).exit_code == 75
    trained(run, changes)
    assert_same_run(run, whole)
    assert latest_payload(run)["meta"]["precision"] == "bf16"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 75)]
)
def test_a_signal_to_a_process_is_an_exit_code_and_a_checkpoint(
    kind: str, number: signal.Signals, code: int, uninterrupted: Callable[..., Path], tmp_path: Path
) -> None:
    run, this = tmp_path / "run", KINDS[kind]
    child = Child(this.args(run), tmp_path / "first", killed_at(5, number))
    assert child.wait() == code
    assert f"{number.name}: stopping, and writing a checkpoint." in child.stdout
    assert f"{number.name}: stopped after 80 images; the same command resumes" in child.stderr
    assert "Traceback" not in child.stderr
    assert checkpoints(run)[-1] == 80
    result = this.run(run)
    assert "going on from 80 images" in result.stdout
    this.assert_same(run, uninterrupted(kind))


@pytest.mark.parametrize("iteration", [2, 7])
def test_killed_outright(iteration: int, uninterrupted: Callable[..., Path], tmp_path: Path) -> None:
    """Before the first checkpoint, and between two: what came after the last one is done again."""
    run = tmp_path / "run"
    child = Child(classify_args(run), tmp_path / "first", killed_at(iteration, signal.SIGKILL))
    assert child.wait() == -signal.SIGKILL
    assert checkpoints(run) == [saved for saved in (48, 96) if saved < 16 * iteration]
    classified(run)
    assert_same_classifier_run(run, uninterrupted("classifier"))


@pytest.mark.slow
def test_python_dash_m_acgan_behaves_alike(uninterrupted: Callable[..., Path], tmp_path: Path) -> None:
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
    assert_same_run(run, uninterrupted("gan"))


@pytest.mark.parametrize("kind", KINDS)
def test_max_time_stops_with_success(kind: str, uninterrupted: Callable[..., Path], tmp_path: Path) -> None:
    run, this = tmp_path / "run", KINDS[kind]
    result = this.run(run, {}, "--max-time", "0")
    assert result.exit_code == 0
    assert "stopped by --max-time; the same command resumes" in result.stdout
    assert checkpoints(run) == [0]
    this.trained(run)
    this.assert_same(run, uninterrupted(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_finished_run_stays_as_it_is(kind: str, tmp_path: Path) -> None:
    changes, this = {"train.total_nimg": 64}, KINDS[kind]
    run = this.trained(tmp_path / "run", changes)
    payload, rows = latest_payload(run), stats_rows(run)
    result = this.run(run, changes)
    assert result.exit_code == 0
    assert "already done" in " ".join(result.stdout.split())
    assert (latest_payload(run)["iteration"], stats_rows(run)) == (payload["iteration"], rows)


def test_a_longer_total_goes_on_with_the_same_weights(
    uninterrupted: Callable[..., Path], tmp_path: Path
) -> None:
    run = trained(tmp_path / "run", {"train.total_nimg": 112})
    trained(run, {"every.checkpoint_nimg": 64, "train.total_nimg": 320})
    assert torch.equal(
        latest_payload(run)["state"]["generator"]["to_image.weight"],
        latest_payload(uninterrupted("gan"))["state"]["generator"]["to_image.weight"],
    )


def test_a_longer_total_stretches_schedules_and_tells_it(tmp_path: Path) -> None:
    changes = {"optim.generator.lr": [[0, 1e-3], [0.5, 1e-3], [1, 1e-5]]}
    run = trained(tmp_path / "run", {**changes, "train.total_nimg": 64})
    again = acgan_train(run, {**changes, "train.total_nimg": 64})
    assert "schedules are shares" not in again.output
    longer = acgan_train(run, {**changes, "train.total_nimg": 128})
    assert longer.exit_code == 0, longer.output
    told = " ".join(longer.output.split())
    assert "train.total_nimg 64 -> 128: schedules are shares of the training and stretch with it" in told
    assert "at 64 images: optim.generator.lr 1e-05 -> 0.001" in told
    assert latest_payload(run)["state"]["optim_generator"]["param_groups"][0]["lr"] == pytest.approx(
        1e-3 + (112 - 64) / 64 * (1e-5 - 1e-3)
    )


def test_a_run_of_an_earlier_version_goes_on_with_its_points_in_images(tmp_path: Path) -> None:
    changes = {"optim.generator.lr": [[0, 1e-3], [0.5, 1e-3], [1, 1e-5]], "train.total_nimg": 96}
    whole = trained(tmp_path / "whole", changes)
    run = tmp_path / "run"
    with signal_after(2, signal.SIGTERM):
        assert acgan_train(run, changes).exit_code == 75
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    config["optim"]["generator"]["lr"] = [[0, 1e-3], [48, 1e-3], [96, 1e-5]]
    (run / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    assert acgan("train", str(run)).exit_code == 0
    assert_same_run(run, whole)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_run_goes_on_with_another_number_of_cores_to_the_same_bits(precision: str, tmp_path: Path) -> None:
    changes = {"train.precision": precision, "train.portions": 3, "every.evaluate_nimg": 32}
    whole = trained(tmp_path / "whole", {**changes, "train.threads": 1, "train.total_nimg": 96})
    run = trained(tmp_path / "run", {**changes, "train.threads": 2, "train.total_nimg": 48})
    trained(run, {**changes, "train.threads": 1, "train.total_nimg": 96})
    one, other = latest_payload(whole)["state"], latest_payload(run)["state"]
    for network in ("generator", "discriminator", "ema"):
        assert all(torch.equal(one[network][name], other[network][name]) for name in one[network])
    files = [(directory / "generator.safetensors").read_bytes()[-1000:] for directory in (whole, run)]
    assert files[0] == files[1]
