"""Helpers of the tests of ``acgan fid``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import Result
from PIL import Image
from run_helpers import acgan


def pictures(folder: Path, count: int, seed: int = 0, least: int = 0, name: str = "{}.png") -> Path:
    """Blurred patches, each of a mean of its own."""
    draws = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        small = draws.integers(least, 256, (3, 3, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((16, 16), Image.Resampling.BICUBIC)
        file = folder / name.format(number)
        file.parent.mkdir(exist_ok=True)
        image.save(file)
    return folder


def scored(*arguments: str) -> Any:
    """Values that the command writes with --json, which it also prints."""
    out = Path("scores.json")
    result = acgan("fid", *arguments, "--json", str(out))
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text())
    out.unlink()
    if found["value"] is not None:
        assert result.stdout.splitlines()[0] == f"{found['metric']} {found['value']:.6g}"
    return found


def refused(*arguments: str) -> Result:
    """The result of a command that fails with a one-line error and leaves nothing."""
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    result = acgan("fid", *arguments, "--json", "scores.json")
    assert result.exit_code == 1, result.output
    assert not result.stdout, "no partial output"
    *warnings, error = result.stderr.splitlines()
    assert error.startswith("Error: ")
    assert all(line.startswith("warning: ") for line in warnings), result.stderr
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before
    return result
