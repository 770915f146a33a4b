"""What follows D's logits and what follows a schedule go on bit for bit too."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from run_helpers import acgan_train, assert_same_run, latest_payload, signal_after, stats_rows, trained

CHANGES: dict[str, Any] = {
    "loss.classification": {"kind": "d2d_ce", "embedding_dim": 8},
    "loss.lecam": {"half_life_nimg": 64},
    "loss.consistency": {},
    "loss.penalty": {"kind": "zero_centered", "gamma": [[0, 0.5], [0.9, 2.0]], "every": 2},
    # So fast that p moves by a quarter every four steps.
    "augment": {"kind": "ada", "target": 0.01, "adjust_nimg": 256},
    "model.discriminator.projection": True,
    "optim.generator.lr": [[0, 0.001], [1, 0.0001]],
    "optim.discriminator.lr": [[0, 0], [0.2, 0.005]],
    "train.ema_half_life_nimg": [[0, 16], [1, 200]],
    "every.log_nimg": 16,
    "monitor.num_per_class": 0,
}


@pytest.mark.parametrize("d_steps", [1, 2])
def test_a_stopped_run_goes_on_bit_for_bit(d_steps: int, tmp_path: Path) -> None:
    changes = {**CHANGES, "train.d_steps": d_steps, "train.total_nimg": 320 // d_steps}
    whole, run = trained(tmp_path / "whole", changes), tmp_path / "run"
    between = []
    # Within the four steps of D between two changes of p.
    for iteration in (3, 7):
        with signal_after(iteration, signal.SIGTERM):
            assert acgan_train(run, changes).exit_code == 75
        state = latest_payload(run)["state"]
        assert latest_payload(run)["iteration"] == iteration
        between.append(bool(state["augmenter"]["signs"] != 0))  # signs of two steps may cancel out
        assert state["lecam"]["means"].all()
    assert any(between), "a stop between two changes of p"
    trained(run, changes)
    assert_same_run(run, whole)
    strengths = {row["D/augment_p"] for row in stats_rows(whole)}
    assert len(strengths) > 1, "the feedback never moved"
    assert all(torch.isfinite(torch.tensor(list(row.values()))).all() for row in stats_rows(whole))
