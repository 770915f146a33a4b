"""``acgan compare``: what it prints and writes, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from acgan.cli import main

FCD = "fcd[digits@738debee]"
WORST = "intra_fcd_worst[digits@738debee]"
SPREAD = (0.0, 0.1, -0.1, 0.05, -0.05)


def write(file: Path, sha256: str, overall: dict[str, float], repeats: int = 5, **provenance: Any) -> Path:
    """What ``acgan evaluate`` writes, with each metric's values around the given one."""
    network = {
        "name": "digits@738debee",
        "sha256": "e" * 64,
        "dims": 64,
        "resize": "16 px",
        "precision": "float32",
    }
    values = {name: [value + step for step in SPREAD[:repeats]] for name, value in overall.items()}
    content = {
        "format": 1,
        "provenance": {
            "generators": [{"path": str(file), "sha256": sha256, "nimg": 7, "training_seed": 0}],
            "reference": {"data": "digits", "split": "test", "num_images": 269, "fingerprint": "f" * 32},
            "extractor": network,
            "classifier": None,
            "num_images": 269,
            "label_prior": "reference",
            "truncation": 1.0,
            "units": "generation seeds",
            **provenance,
        },
        "overall": {name: {"value": overall[name], "std": 0.1, "values": v} for name, v in values.items()},
        "floor": {name: {"value": 0.25, "std": None} for name in overall},
        "at_floor_count": {},
        "per_class": {"[red]": {FCD: overall[FCD]}},
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def acgan(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


@pytest.fixture
def a(tmp_path: Path) -> Path:
    return write(tmp_path / "a.json", "a" * 64, {FCD: 5.0, WORST: 9.0})


@pytest.fixture
def b(tmp_path: Path) -> Path:
    return write(tmp_path / "run" / "evaluation.json", "b" * 64, {FCD: 3.0, WORST: 9.0})


def test_a_table_with_verdicts_that_a_pipe_can_read(a: Path, b: Path) -> None:
    result = acgan(a, b.parent)  # a run directory
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert f"A: {a} (5 generation seeds)" in result.output
    assert f"B: {b} (5 generation seeds)" in result.output
    assert "two checkpoints, not two methods" in result.output
    metrics, classes = result.output.split("classes that changed most")
    values, differences = metrics.split("could see", 1)
    assert re.search(r"FCD +A +5 ±0.098 +5 5.1 4.9 5.05 4.95", values)
    assert re.search(r"FCD +-2 .* 0.0079 \(0.016\) +distinguishable, B scores better", differences)
    assert re.search(r"within classes, worst .* 1 \(1\) +not distinguishable", differences)
    assert "±: half of a 95 % interval of the mean, over generation seeds" in result.output
    assert "real images" not in result.output  # no scores at the floor's count
    assert "[red]" in classes  # names of classes are not markup


def test_json(a: Path, b: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert acgan(a, b, "--json", out).exit_code == 0
    values = json.loads(out.read_text(encoding="utf-8"))
    assert (values["a"], values["b"]) == (str(a), str(b))
    assert values["metrics"][FCD]["better"] == "B"
    assert values["metrics"][FCD]["difference"] == pytest.approx(-2)
    assert values["metrics"][WORST]["verdict"] == "not distinguishable"


def test_the_same_file_twice_differs_in_nothing(a: Path) -> None:
    result = acgan(a, a)
    assert result.exit_code == 0
    assert "one generator, not two" in result.output
    assert "distinguishable, " not in result.output


def test_different_provenance_is_an_error_and_writes_nothing(a: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "c.json", "c" * 64, {FCD: 3.0}, num_images=100, label_prior="uniform")
    out = tmp_path / "out.json"
    result = acgan(a, other, "--json", out)
    assert result.exit_code == 1
    assert f"{a} and {other}" in result.output
    assert "  num_images: 269 | 100\n  label_prior: reference | uniform\n" in result.output
    assert not out.exists()


def test_too_few_repeats_are_an_error_with_the_remedy(a: Path, tmp_path: Path) -> None:
    result = acgan(a, write(tmp_path / "c.json", "c" * 64, {FCD: 3.0}, repeats=2))
    assert result.exit_code == 1
    assert "c.json: 2 generation seeds" in result.output
    assert "--repeats 5" in result.output
    result = acgan(a, write(tmp_path / "d.json", "d" * 64, {FCD: 3.0}, repeats=1))
    assert "d.json: 1 generation seed; " in result.output


def test_a_run_that_was_not_evaluated_is_an_error(a: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = acgan(a, tmp_path / "empty")
    assert result.exit_code == 1
    assert f"{tmp_path / 'empty' / 'evaluation.json'}: no such file" in result.output
    assert "acgan evaluate" in result.output


def test_a_missing_argument_is_a_usage_error(a: Path) -> None:
    assert acgan(a).exit_code == 2
