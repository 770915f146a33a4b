"""A run whose checkpoints are gone is refused: a training from zero would go over its results."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_helpers import (
    Child,
    acgan,
    acgan_classify,
    acgan_train,
    assert_same_run,
    checkpoints,
    classified,
    generator_tensors,
    killed_at,
    latest_payload,
    stats_rows,
    train_args,
    trained,
    tree,
)

SHORT: dict[str, Any] = {
    "train.total_nimg": 96,
    "every.checkpoint_nimg": 48,
    "every.log_nimg": 16,
    "monitor.num_per_class": 0,
}
CLASSIFIER: dict[str, Any] = {"train.total_nimg": 96, "every.checkpoint_nimg": 48, "every.log_nimg": 16}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("whole") / "run", SHORT)


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "run")


def deleted(folder: Path) -> str:
    shutil.rmtree(folder)
    return "is missing"


def emptied(folder: Path) -> str:
    for file in folder.iterdir():
        file.unlink()
    return "has none"


def renamed(folder: Path) -> str:
    folder.rename(folder.with_name("old"))
    return "is missing"


def a_dangling_link(folder: Path) -> str:
    shutil.rmtree(folder)
    folder.symlink_to("/no/such/disk")
    return "is missing"


def a_file(folder: Path) -> str:
    shutil.rmtree(folder)
    folder.write_text("")
    return "cannot be read"


@pytest.mark.parametrize("gone", [deleted, emptied, renamed, a_dangling_link, a_file])
def test_a_run_with_a_generator_is_refused(gone: Callable[[Path], str], run: Path) -> None:
    why = gone(run / "checkpoints")
    before = tree(run)
    result = acgan_train(run, SHORT)
    assert result.exit_code == 1
    assert f"{run / 'checkpoints'} {why}" in result.stderr
    assert "generator.safetensors" in result.stderr
    assert "--fresh" in result.stderr
    assert f"acgan train {run / 'config.yaml'} --init-from {run} --run-dir NEW" in result.stderr
    assert tree(run) == before


def test_a_dry_run_tells_the_refusal(run: Path) -> None:
    deleted(run / "checkpoints")
    result = acgan_train(run, SHORT, "--dry-run")
    assert result.exit_code == 1
    assert "the training would be refused" in result.stderr
    assert "no checkpoint to go on from" in result.stderr


def test_the_remedies_work(run: Path, tmp_path: Path) -> None:
    deleted(run / "checkpoints")
    made = generator_tensors(run)
    new = tmp_path / "new"
    command = ["train", str(run / "config.yaml"), "--init-from", str(run), "--run-dir", str(new)]
    assert acgan(*command, "--max-time", "0").exit_code == 0
    assert all(tensor.equal(made[name]) for name, tensor in generator_tensors(new).items())
    assert acgan_train(run, SHORT, "--fresh").exit_code == 0
    assert generator_tensors(run.with_name("run.1")).keys() == made.keys()


def test_a_run_with_records_past_a_checkpoint_is_refused(run: Path) -> None:
    deleted(run / "checkpoints")
    (run / "generator.safetensors").unlink()
    result = acgan_train(run, SHORT)
    assert result.exit_code == 1
    assert "(stats.jsonl)" in result.stderr
    assert "--init-from" not in result.stderr


def test_a_run_stopped_before_its_first_checkpoint_starts_anew(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = Child(train_args(run, SHORT), tmp_path / "log", killed_at(2, signal.SIGKILL))
    assert child.wait() == -signal.SIGKILL
    assert stats_rows(run)
    assert not checkpoints(run)
    assert_same_run(trained(run, SHORT), whole)


def test_a_generator_that_is_gone_is_written_again(run: Path, whole: Path) -> None:
    (run / "generator.safetensors").unlink()
    assert_same_run(trained(run, SHORT), whole)


def test_a_classifier_is_refused_too(tmp_path: Path) -> None:
    run = classified(tmp_path / "run", CLASSIFIER)
    deleted(run / "checkpoints")
    before = tree(run)
    result = acgan_classify(run, CLASSIFIER)
    assert result.exit_code == 1
    assert "classifier.safetensors" in result.stderr
    assert f"acgan classify train {run / 'config.yaml'} --init-from {run}" in result.stderr
    assert tree(run) == before


def test_one_of_several_seeds_is_refused(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert acgan_train(runs, SHORT, "--seeds", "0,1").exit_code == 0
    deleted(runs / "seed1" / "checkpoints")
    before = tree(runs / "seed1")
    result = acgan_train(runs, SHORT, "--seeds", "0,1")
    assert result.exit_code == 1
    assert f"{runs / 'seed1' / 'checkpoints'} is missing" in result.stderr
    assert latest_payload(runs / "seed0")["nimg"] == 96
    assert tree(runs / "seed1") == before
