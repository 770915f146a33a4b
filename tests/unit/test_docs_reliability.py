"""``docs/reliability.md``: the tests that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"


@pytest.mark.skipif(not DOCS.is_file(), reason="docs/ is in a checkout alone")
def test_every_named_test_is_there() -> None:
    named = set(re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)`", DOCS.read_text(encoding="utf-8")))
    there = {file.name for file in Path(__file__).parents[1].rglob("test_*.py")}
    assert len(named) > 15
    assert named <= there
