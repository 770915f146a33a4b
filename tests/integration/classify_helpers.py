"""Images as a classifier of digits was shown them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from acgan.assembly import data_options
from acgan.config.shared import DataConfig
from acgan.data import load_dataset
from acgan.types import Dataset


def decoded(source: str, tmp_path: Path) -> Dataset:
    """A source as the classifier's data was decoded; the channels are given here, and were chosen there."""
    config = DataConfig(resolution=16, channels=1)
    return load_dataset(source, replace(data_options(config), cache=tmp_path / "cache"))
