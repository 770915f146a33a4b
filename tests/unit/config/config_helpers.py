"""Configurations, for tests."""

from pathlib import Path

from acgan.config import (
    RunConfig,
    load,
)


def load_text(tmp_path: Path, text: str, *overrides: str) -> RunConfig:
    file = tmp_path / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return load(RunConfig, file, overrides)


def changed(*overrides: str) -> RunConfig:
    return load(RunConfig, None, overrides)
