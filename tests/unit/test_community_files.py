"""Files for people who cite, report or contribute: they parse, and agree with the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import acgan

ROOT = Path(__file__).resolve().parents[2]


def test_the_citation_has_the_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == acgan.__version__
    assert citation["license"] == "Apache-2.0"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_the_changes_have_the_version() -> None:
    assert f"\n## {acgan.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_workflow_runs_what_our_own_checks_run() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["bash .ci/run"]
    assert (ROOT / ".ci" / "run").is_file()


@pytest.mark.parametrize("name", ["bug", "wish"])
def test_templates_ask_for_something(name: str) -> None:
    template = yaml.safe_load(
        (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text(encoding="utf-8")
    )
    assert template["name"]
    assert template["description"]
    assert any(one.get("validations", {}).get("required") for one in template["body"])


def test_what_the_package_claims_to_run_with_was_tried() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "versions.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| 3.")
    ]
    package = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pythons = {row[0].rpartition(".")[0] for row in rows}
    assert set(re.findall(r'"Programming Language :: Python :: (3\.\d+)"', package)) == pythons
    least = {name: re.search(rf'"{name}>=([\d.]+)"', package) for name in ("torch", "torchvision")}
    for column, (name, found) in enumerate(least.items(), 1):
        assert found is not None
        assert any(row[column].startswith(f"{found[1]}.") for row in rows), name
    python = re.search(r'requires-python = ">=([\d.]+)"', package)
    assert python is not None
    assert python[1] in pythons
