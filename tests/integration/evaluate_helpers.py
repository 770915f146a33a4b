"""Helpers of the tests of `acgan evaluate`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import Result
from PIL import Image
from run_helpers import acgan, tree

from acgan.metrics.cas import CasScores, cas_scores

DIGITS = tuple("0123456789")
#: The shipped classifier; the name of its scores.
EYES = "[digits@738debee]"
EXTRACTOR = ("--extractor", "digits")
#: Training images beside the test images of a folder.
OF_TRAINING = {f"train/{name}": 4 for name in DIGITS}
#: Little to compute.
QUICK = ("-n", "40", "--metrics", "kid")
SHORT = {"train.total_nimg": 32, "monitor.num_per_class": 0}


def evaluate(*arguments: str | Path) -> Result:
    return acgan("evaluate", *map(str, arguments))


def read(file: Path) -> dict[str, Any]:
    """Scores of strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)
    return values


def scored(file: Path, *arguments: str | Path) -> dict[str, Any]:
    """Scores that a successful evaluation writes to a file."""
    result = evaluate(*arguments, "--json", file)
    assert result.exit_code == 0, result.output
    return read(file)


def numbers(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Scores without where they come from, and without the file's check."""
    return {key: value for key, value in scores.items() if key not in ("provenance", "check")}


def assert_refused(result: Result, *fragments: str) -> None:
    """A user's error: exit code 1, one line, no traceback."""
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    for fragment in fragments:
        assert fragment in result.stderr


def assert_untouched(directory: Path, before: Mapping[str, bytes]) -> None:
    after = tree(directory)
    assert sorted(after) == sorted(before)
    assert [name for name in after if after[name] != before[name]] == []


def write_images(
    folder: Path, counts: Mapping[str, int], *, channels: int = 1, side: int = 16, seed: int = 0
) -> Path:
    """PNG files of noise, so many in each class folder (``test/cat``)."""
    draws = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = draws.integers(0, 256, (side, side, channels), dtype=np.uint8)
            Image.fromarray(pixels.squeeze()).save(folder / name / f"{number}.png")
    return folder


def made_up_cas(class_names: Sequence[str], num_images: int) -> CasScores:
    """Classification accuracy scores of three seeds, in which samples help a classifier, without training one."""
    draws, labels = np.random.default_rng(0), np.arange(num_images) % len(class_names)
    shares = {"real": 0.6, "synthetic": 0.3, "both": 0.95}
    return cas_scores(
        {arm: draws.random((3, num_images)) < share for arm, share in shares.items()},
        labels,
        gan_right=draws.random((3, num_images)) < 0.2,
        gan_labels=labels,
        class_names=tuple(class_names),
        provenance={"seeds": [0, 1, 2]},
    )
