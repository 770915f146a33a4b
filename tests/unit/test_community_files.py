"""Files for people who cite, report or contribute: they parse, and agree with the package."""

from __future__ import annotations

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
