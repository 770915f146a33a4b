"""Trainings that are scored on validation images, and their best generators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from run_helpers import assert_same_run, differences, stats_rows
from safetensors import safe_open
from safetensors.torch import load_file

NAME = "fcd50_val[digits@738debee]"
CHANGES: dict[str, Any] = {
    "train.total_nimg": 192,
    "data.validation_share": 0.1,
    "evaluate.num_images": 50,
    "every.evaluate_nimg": 32,
    "every.checkpoint_nimg": 48,
    "every.log_nimg": 32,
    "monitor.num_per_class": 0,
    # So fast, and without a mean of the weights, that it gets better and worse.
    "optim.generator.lr": 0.01,
    "optim.discriminator.lr": 0.01,
    "train.ema_half_life_nimg": 0,
}
#: A generator that stays as it is scores the same every time, which is no better than at first.
STILL: dict[str, Any] = {**CHANGES, "optim.generator.lr": 1e-30, "train.total_nimg": 320}
PATIENT = {**STILL, "train.patience_nimg": 96}  # ends at 128, the first score being that of 32


def scored(run: Path, name: str = NAME) -> dict[int, float]:
    """Score by images shown."""
    return {row["nimg"]: row[f"evaluate/{name}"] for row in stats_rows(run) if f"evaluate/{name}" in row}


def best_file(run: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The best generator's tensors, and its provenance."""
    file = run / "generator-best.safetensors"
    with safe_open(file, framework="pt") as opened:
        provenance = json.loads(opened.metadata()["acgan"])["provenance"]
    return load_file(file), provenance


def assert_same_best(run: Path, expected: Path) -> None:
    assert_same_run(run, expected)  # the checkpoint's payload holds the best and what patience needs
    assert not differences(best_file(run), best_file(expected), "best")
