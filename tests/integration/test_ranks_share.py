"""Two processes sample and score what one does: the same numbers and bytes, and one of them talks and writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rank_helpers import two
from run_helpers import acgan, trained, tree

SHORT = {"train.total_nimg": 32, "monitor.num_per_class": 0}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("shared") / "run", SHORT)


def by_two(arguments: list[str], logs: Path, variables: Mapping[str, str] | None = None) -> str:
    """Standard output of two processes, which end well."""
    for file in logs.glob("rank*"):
        file.unlink()
    ranks = two(arguments, logs, variables=variables)
    for rank in ranks:
        assert rank.wait() == 0, rank.stderr
    assert ranks[1].stdout == ""
    assert ranks[1].stderr == ""
    return ranks[0].stdout


def by_one(arguments: list[str]) -> str:
    result = acgan(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("out", ["samples.npz", "samples", "grid.png"])
def test_samples(out: str, run: Path, tmp_path: Path) -> None:
    arguments = ["sample", str(run), "-n", "60", "--out"]
    for folder, draw in ((tmp_path / "one", by_one), (tmp_path / "two", lambda a: by_two(a, tmp_path))):
        folder.mkdir()
        draw([*arguments, str(folder / out)])
    one, other = tree(tmp_path / "one"), tree(tmp_path / "two")
    assert one == other
    assert one


def numbers(file: Path) -> dict[str, Any]:
    """The content of a file of scores, but for the clock and the cores of a process."""
    content = json.loads(file.read_text())
    provenance = {
        key: value for key, value in content["provenance"].items() if key not in ("date", "machine")
    }
    return {**{key: value for key, value in content.items() if key != "check"}, "provenance": provenance}


def test_scores(run: Path, tmp_path: Path) -> None:
    arguments = [
        "evaluate",
        str(run),
        "-n",
        "300",
        "--metrics",
        "frechet,kid,prdc,accuracy,diversity,memorisation,copies",
    ]
    one = by_one([*arguments, "--json", str(tmp_path / "one.json")])
    other = by_two([*arguments, "--json", str(tmp_path / "two.json")], tmp_path)
    assert numbers(tmp_path / "one.json") == numbers(tmp_path / "two.json")
    assert one.replace("one.json", "") == other.replace("two.json", "")


def test_a_distance_with_statistics_that_are_kept(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = tmp_path / "pictures"
    by_one(["sample", str(run), "-n", "20", "--seed", "7", "--out", str(pictures)])
    arguments = ["fid", str(run), str(pictures), "--extractor", "digits", "--resolution", "16"]
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "first"))
    one = by_one(arguments)
    second = {"ACGAN_CACHE": str(tmp_path / "second")}
    made, kept = (by_two(arguments, tmp_path, second) for _ in range(2))
    assert made == one
    assert kept.splitlines()[0] == one.splitlines()[0]
    assert "statistics from the cache" in kept
    assert len(list((tmp_path / "second" / "statistics").glob("*.npz"))) == 1


def test_a_refusal_is_told_once(run: Path, tmp_path: Path) -> None:
    (tmp_path / "there.npz").write_text("mine")
    ranks = two(["sample", str(run), "--out", str(tmp_path / "there.npz")], tmp_path)
    codes = [rank.wait() for rank in ranks]
    assert codes[0] == 1
    assert codes[1] != 0
    said = ranks[0].stderr + ranks[1].stderr
    assert said.count("exists already") == 1
    assert "bug" not in said
    assert (tmp_path / "there.npz").read_text() == "mine"
