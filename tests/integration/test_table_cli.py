"""``acgan table`` and ``acgan.load_results``: what they print, write and refuse."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_runs import FCD, RECALL, make_run, make_variant

import acgan
from acgan.cli import main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["table", *map(str, arguments)])


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    home = tmp_path / "sweep"
    make_variant(home / "base", {FCD: (5.0, 5.1, 4.9, 5.2, 4.8), RECALL: (0.5,) * 5})
    shifted = {FCD: (3.0, 3.1, 2.9, 3.2, 2.8), RECALL: (0.5,) * 5}
    make_variant(home / "x", shifted, per_class={"[red]": {FCD: (1.0, 2.0, 3.0, 4.0, 5.0)}})
    make_run(home / "x" / "seed5", seed=5, nimg=10)
    return home


def test_one_command_prints_the_table(sweep: Path) -> None:
    result = run(sweep)
    assert result.exit_code == 0, result.output
    for words in (
        "distinguishable, x ",
        " scores better",
        "3 ±0.2 ",
        "difference: to base",
        "seed5: not trained to the end",
    ):
        assert words in result.output
    assert "parameters of G" in result.output
    assert "[red]" in run(sweep, "--per-class").output


def test_files(sweep: Path, tmp_path: Path) -> None:
    text = run(sweep, "--format", "csv", "--metrics", "frechet")
    assert [one["variant"] for one in csv.DictReader(io.StringIO(text.stdout))] == ["base", "x"]
    for form in ("markdown", "latex", "csv", "parquet"):
        file = tmp_path / form
        result = run(sweep, "--format", form, "--out", file)
        assert result.exit_code == 0, result.output
        assert file.stat().st_size > 100
    parquet = pytest.importorskip("pyarrow.parquet")
    read = parquet.read_table(tmp_path / "parquet").to_pylist()
    assert [one["verdict"] for one in read] == [None, "distinguishable", None, "not distinguishable"]
    assert read[0]["values"] == [5.0, 5.1, 4.9, 5.2, 4.8]


@pytest.mark.parametrize("arguments", [["--format", "parquet"], ["--out", "x"], ["--metrics", "fdi"]])
def test_what_does_not_fit_is_a_usage_error(arguments: list[str], sweep: Path) -> None:
    assert run(sweep, *arguments).exit_code == 2


def test_a_frame(sweep: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = acgan.load_results(sweep)
    assert isinstance(frame, pandas.DataFrame)
    overall = frame[frame["class"].isna() & (frame.metric == FCD)]
    assert overall.groupby("variant").value.mean().to_dict() == pytest.approx({"base": 5.0, "x": 3.0})
    assert len(frame) == 2 * 2 * 5 + 5
    assert ["seed5" in reason for reason in frame.attrs["left_out"]] == [True]
    assert set(frame.images) == {1000}
