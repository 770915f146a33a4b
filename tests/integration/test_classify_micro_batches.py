"""A classifier's batch in micro-batches, or over two processes, trains what the whole batch trains.

That holds where no layer mixes the images of a batch. BatchNorm does: its statistics are those of a micro-batch.
So the backbones here have none, or have it frozen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from run_helpers import (
    TINY_CLASSIFIER,
    acgan_classify,
    classified,
    classifier_tensors,
    classify_args,
    latest_payload,
    overrides,
    stats_rows,
    trained,
    tree,
)
from test_ranks import two

from acgan import api
from acgan.assembly import build_classifier_task
from acgan.config import ClassifierConfig, load
from acgan.distributed import Ranks
from acgan.runtime import FiniteGuard
from acgan.training.classifier_loop import classifier_step

#: Everything that is drawn at random, and weights of images.
CHANGES: dict[str, Any] = {
    "train.precision": "float64",
    "data.mirror": True,
    "data.balance": True,
    "augment": {"shift": 0.1, "rotate_deg": 10, "zoom": 0.1, "erase": 0.2, "color": 0.1},
    "model.head": "stem",
    "model.dropout": 0.3,
    "loss.class_weights": {"3": 2.5},
    "loss.label_smoothing": 0.1,
}
FROZEN = {**CHANGES, "model.freeze": "backbone", "model.aux": {"block1": 0.3}}


@pytest.fixture(scope="module")
def discriminator(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Changes that take a discriminator without BatchNorm for backbone."""
    run = trained(
        tmp_path_factory.mktemp("gan") / "run", {"train.total_nimg": 16, "monitor.num_per_class": 0}
    )
    return {
        **CHANGES,
        "model": {"aux": None},
        "model.backbone": {"kind": "discriminator", "run": str(run)},
        "model.aux": {"blocks.0": 0.3},
    }


def gradients(changes: dict[str, Any], micro_batch: int) -> dict[str, torch.Tensor]:
    """Of a step in the middle of the data's order, and what it logs."""
    config = load(ClassifierConfig, TINY_CLASSIFIER, overrides({**changes, "train.micro_batch": micro_batch}))
    store = api.load_data(config).train
    task, _ = build_classifier_task(
        config,
        store,
        num_real=len(store),
        device=torch.device("cpu"),
        precision="float64",
        ranks=Ranks(),
        say=lambda message: None,
        warn=lambda message: None,
    )
    task.network.train()
    log = classifier_step(task, FiniteGuard(task.device), 3)
    found = {
        name: parameter.grad
        for name, parameter in task.network.named_parameters()
        if parameter.grad is not None
    }
    return {**found, **{f"log {name}": value for name, value in log.items()}}


@pytest.mark.parametrize("micro_batch", [1, 4])
def test_micro_batches_add_up_to_the_batch(micro_batch: int, discriminator: dict[str, Any]) -> None:
    whole, parts = gradients(discriminator, 16), gradients(discriminator, micro_batch)
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-12)
    assert sum(name.startswith("backbone.") for name in whole) > 10
    assert all(value.abs().sum() > 0 for name, value in whole.items() if name.endswith("weight"))


def test_micro_batches_add_up_where_batch_norm_is_frozen() -> None:
    whole, parts = gradients(FROZEN, 16), gradients(FROZEN, 4)
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-12)
    assert {name for name in whole if not name.startswith("log ")} == {
        *(f"heads.main.classify.{part}" for part in ("weight", "bias")),
        *(
            f"heads.block1.{layer}.{part}"
            for layer in ("stem.reduce", "stem.hidden", "classify")
            for part in ("weight", "bias")
        ),
    }


SHORT = {
    "train.total_nimg": 64,
    "train.micro_batch": 4,
    "every.log_nimg": 32,
    "every.checkpoint_nimg": 64,
    "every.sample_nimg": 64,
    "every.evaluate_nimg": 64,
}


def assert_two_equal_one(changes: dict[str, Any], tmp_path: Path) -> None:
    one, run = classified(tmp_path / "one", changes), tmp_path / "two"
    ranks = two(classify_args(run, changes), tmp_path)
    for rank in ranks:
        assert rank.wait() == 0, rank.stderr
    state, expected = (latest_payload(path)["state"]["network"] for path in (run, one))
    torch.testing.assert_close(state, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(classifier_tensors(run), classifier_tensors(one), rtol=1e-10, atol=1e-10)
    rows, expected_rows = stats_rows(run), stats_rows(one)
    assert [list(row) for row in rows] == [list(row) for row in expected_rows]
    for row, expected_row in zip(rows, expected_rows, strict=True):
        assert row == pytest.approx(expected_row, rel=1e-10, abs=1e-10)
    # One process talks and writes.
    assert ranks[1].stdout == ""
    assert ranks[1].stderr == ""
    events = sum("tfevents" in name for name in tree(run))
    assert events == 1
    assert len(tree(run)) == len(tree(one))


def test_two_processes_equal_one_without_batch_norm(discriminator: dict[str, Any], tmp_path: Path) -> None:
    assert_two_equal_one({**discriminator, **SHORT}, tmp_path)


def test_two_processes_equal_one_where_batch_norm_is_frozen(tmp_path: Path) -> None:
    assert_two_equal_one({**FROZEN, **SHORT}, tmp_path)


def test_two_processes_with_batch_norm_train_and_agree_on_parameters(tmp_path: Path) -> None:
    """Its statistics are those of the first process, and so the result is not that of one."""
    run = tmp_path / "run"
    for rank in two(classify_args(run, SHORT), tmp_path):
        assert rank.wait() == 0, rank.stderr  # checkpoints are refused where parameters differ
    assert latest_payload(run)["nimg"] == 64


def test_a_run_of_two_goes_on_alone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for rank in two(classify_args(run, SHORT, "--max-time", "0"), tmp_path):
        assert rank.wait() == 0, rank.stderr
    result = acgan_classify(run, SHORT)
    assert result.exit_code == 0, result.output
    assert "going on from 0 images" in result.stdout
