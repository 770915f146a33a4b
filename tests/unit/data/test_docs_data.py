"""``docs/data.md``: each row of its tables names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from layout_cases import CASES

DOCS = Path(__file__).parents[3] / "docs" / "data.md"


@pytest.mark.skipif(not DOCS.is_file(), reason="docs/ is in a checkout alone")
def test_every_row_names_tests_that_are_there() -> None:
    known = {case.name for case in CASES}
    for file in Path(__file__).parents[2].rglob("test_*.py"):
        known |= set(re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8")))
    rows = [
        line.rsplit("|", 2)[1]
        for line in DOCS.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    named = [re.findall(r"`([^`]+)`", cell) for cell in rows if cell.strip() != "test"]
    assert len(named) > 30
    assert all(named)
    assert not {name for cell in named for name in cell} - known


@pytest.mark.skipif(not DOCS.is_file(), reason="docs/ is in a checkout alone")
def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", DOCS.read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if not (DOCS.parent / link).exists()]
