"""Galleries of a small run, made with benchmarks/gallery.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluate_helpers import read
from run_helpers import benchmark

ROOT = Path(__file__).parents[2]
gallery = benchmark("gallery")
#: Two classes of the digits, so that a look at all samples takes a moment.
CHANGES = {"data.classes": ["3", "8"], "data.validation_share": 0.1, "evaluate.num_images": 20, "seed": 5}
PAGE = "docs/gallery.md"
README = "# Title\n<!-- gallery -->\nold\n<!-- /gallery -->\nThe end.\n"


def run(root: Path, *arguments: str | Path) -> None:
    gallery.main(["--root", str(root), *map(str, arguments)], standalone_mode=False)


def card_of(root: Path, name: str) -> Any:
    return read(root / "samples" / f"{name}.json")
