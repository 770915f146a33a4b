"""A classifier's training that was stopped and run again equals one that was not, bit for bit."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_helpers import (
    Child,
    acgan_classify,
    assert_same_classifier_run,
    checkpoints,
    classified,
    classify_args,
    killed_at,
    latest_payload,
    signal_after,
    stats_rows,
)

# Each with what makes its resume hard.
CONFIGS: dict[str, dict[str, Any]] = {
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
}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The directory of a run of one of ``CONFIGS`` that nothing stopped."""
    made: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in made:
            made[name] = classified(tmp_path_factory.mktemp("uninterrupted") / "run", CONFIGS[name])
        return made[name]

    return run


@pytest.mark.parametrize("name", CONFIGS)
def test_a_stopped_run_goes_on_bit_for_bit(
    name: str, uninterrupted: Callable[[str], Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    # After an odd number of iterations: in the middle of a log interval.
    for iteration in (3, 5):
        with signal_after(iteration, signal.SIGTERM):
            assert acgan_classify(run, CONFIGS[name]).exit_code == 75
        assert latest_payload(run)["iteration"] == iteration
    result = acgan_classify(run, CONFIGS[name])
    assert result.exit_code == 0, result.output
    assert "going on from 80 images" in result.stdout
    assert_same_classifier_run(run, uninterrupted(name))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_signal_to_a_process_is_an_exit_code_and_a_checkpoint(
    number: signal.Signals, code: int, uninterrupted: Callable[[str], Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = Child(classify_args(run), tmp_path / "first", killed_at(5, number))
    assert child.wait() == code
    assert f"{number.name}: stopped after 80 images; the same command resumes" in child.stderr
    assert "Traceback" not in child.stderr
    assert checkpoints(run)[-1] == 80
    assert (run / "classifier.safetensors").exists()
    classified(run)
    assert_same_classifier_run(run, uninterrupted("default"))


@pytest.mark.parametrize("iteration", [2, 7])
def test_killed_outright(iteration: int, uninterrupted: Callable[[str], Path], tmp_path: Path) -> None:
    """Before the first checkpoint, and between two: what came after the last one is done again."""
    run = tmp_path / "run"
    child = Child(classify_args(run), tmp_path / "first", killed_at(iteration, signal.SIGKILL))
    assert child.wait() == -signal.SIGKILL
    assert checkpoints(run) == [saved for saved in (48, 96) if saved < 16 * iteration]
    classified(run)
    assert_same_classifier_run(run, uninterrupted("default"))


def test_max_time_stops_with_success(uninterrupted: Callable[[str], Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = acgan_classify(run, {}, "--max-time", "0")
    assert result.exit_code == 0
    assert "stopped by --max-time; the same command resumes" in result.stdout
    assert checkpoints(run) == [0]
    classified(run)
    assert_same_classifier_run(run, uninterrupted("default"))


def test_a_finished_run_stays_as_it_is(tmp_path: Path) -> None:
    run = classified(tmp_path / "run", {"train.total_nimg": 32})
    payload, rows = latest_payload(run), stats_rows(run)
    result = acgan_classify(run, {"train.total_nimg": 32})
    assert result.exit_code == 0
    assert "32 images shown (done)" in result.stdout
    assert (latest_payload(run)["iteration"], stats_rows(run)) == (payload["iteration"], rows)
