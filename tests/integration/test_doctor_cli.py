"""``acgan doctor``: a verdict for each check, and an exit code that scripts can use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_helpers import acgan

from acgan.code_version import code_version
from acgan.doctor import checks
from acgan.doctor.diagnosis import Diagnosis


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Diagnosis]:
    """The outcomes of all checks."""
    outcomes = [Diagnosis("python", "3.11"), Diagnosis("load", "5 [busy] processes", "remark", "Wait.")]
    monkeypatch.setattr(checks, "CHECKS", {"all": lambda: outcomes})
    return outcomes


def test_this_installation_is_well(workdir: Path) -> None:
    result = acgan("doctor", "--json", "doctor.json")
    assert result.exit_code == 0, result.output
    report = json.loads(Path("doctor.json").read_text())
    assert report["acgan"] == code_version()
    by_check = {one["check"]: one for one in report["checks"]}
    for name in (
        "acgan",
        "python",
        "torch",
        "torchvision",
        "pytorch-fid",
        "numpy",
        "devices",
        "bf16",
        "cores",
    ):
        assert by_check[name]["verdict"] in ("ok", "remark")
        assert f"{by_check[name]['verdict']:8} {name:12} {by_check[name]['found']}" in result.stdout
    assert by_check["cache"]["values"]["folder"] == str(workdir.parent / "cache")
    assert result.stdout.splitlines()[-1].startswith("no problems, ")
    assert [entry.name for entry in workdir.parent.iterdir()] == ["work"], "no cache was made"


def test_remarks_and_their_remedies_are_told_and_no_failure(found: list[Diagnosis]) -> None:
    result = acgan("doctor")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "ok       python       3.11",
        "remark   load         5 [busy] processes",
        "                      Wait.",
        "no problems, 1 remark",
    ]


def test_a_problem_ends_with_1_after_the_file_is_written(found: list[Diagnosis], workdir: Path) -> None:
    found.append(Diagnosis("torch", "not installed", "problem", "Install it.", {"version": None}))
    result = acgan("doctor", "--json", "doctor.json")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "1 problem, 1 remark"
    last = json.loads(Path("doctor.json").read_text())["checks"][-1]
    assert last == {
        "check": "torch",
        "found": "not installed",
        "verdict": "problem",
        "remedy": "Install it.",
        "values": {"version": None},
    }


def test_a_cache_that_cannot_be_written_is_a_problem(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", {"cache": checks.check_cache})
    monkeypatch.setenv("ACGAN_CACHE", "/proc/acgan")
    result = acgan("doctor")
    assert result.exit_code == 1
    assert "/proc cannot be written" in result.stdout
    assert "Set ACGAN_CACHE" in result.stdout


def test_a_file_that_cannot_be_written_is_refused_first(found: list[Diagnosis]) -> None:
    result = acgan("doctor", "--json", "no/such/file.json")
    assert result.exit_code == 1
    assert "--json no/such/file.json: there is no such folder" in result.stderr
    assert not result.stdout
