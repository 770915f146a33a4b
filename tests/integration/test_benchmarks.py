"""benchmarks/*.py: each says what it does and takes, and does nothing when asked for that alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from run_helpers import BENCHMARKS, benchmark

PROGRAMS = sorted(
    file.stem for file in BENCHMARKS.glob("*.py") if "__main__" in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_help(name: str) -> None:
    result = CliRunner().invoke(benchmark(name).main, ["--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage:")
    assert "Options:" in result.output


@pytest.mark.parametrize("name", ["auxiliary_cost", "layers", "overfit"])
def test_an_argument_too_many_is_refused(name: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(benchmark(name).main, [str(tmp_path), "more"])
    assert result.exit_code == 2, result.output
    assert "unexpected extra argument" in result.output


def test_versions_tells_its_use_without_arguments() -> None:
    done = subprocess.run(
        ["bash", str(BENCHMARKS / "versions.sh")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "benchmarks/versions.sh PYTHON REQUIREMENT..." in done.stdout
    assert not done.stderr
