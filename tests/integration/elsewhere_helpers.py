"""Runs on a folder of pictures in the current folder, to be gone on with from elsewhere."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from run_helpers import acgan_train, signal_after

SHORT: dict[str, Any] = {
    "train.total_nimg": 64,
    "every.checkpoint_nimg": 32,
    "every.log_nimg": 32,
    "monitor.num_per_class": 0,
}


def pictures(folder: Path, seed: int = 0, classes: tuple[str, ...] = ("a", "b"), count: int = 24) -> Path:
    """A folder of class folders."""
    rng = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")
    return folder


def stopped_run(workdir: Path) -> Path:
    """A run on the folder ``set`` in the current one, with a checkpoint at 32 of 64 images; what it is beside is
    ``elsewhere``, an empty folder."""
    pictures(workdir / "set")
    (workdir / "elsewhere").mkdir()
    with signal_after(2, signal.SIGTERM):
        assert acgan_train("run", SHORT, "--data", "set").exit_code == 75
    return workdir / "run"
