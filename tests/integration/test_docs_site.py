"""The site of the docs builds without a warning, and asks nobody for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(https?:[^"]+)"', text)
        assert loaded == [], page


def test_the_reference_has_every_command_and_key(site: Path) -> None:
    from acgan.config import CONFIGS, list_keys

    commands = (site / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    for name in ("train", "sample", "evaluate", "classify train", "data show"):
        assert f">acgan {name}<" in commands, name
    keys = (site / "reference" / "keys" / "index.html").read_text(encoding="utf-8")
    for config in CONFIGS.values():
        for key in list_keys(config):
            assert f"<code>{key.key}</code>" in keys, key.key
    python = (site / "reference" / "python" / "index.html").read_text(encoding="utf-8")
    assert "evaluate_options.EvaluateOptions" in python


def test_links_of_the_readme_lead_to_pages(site: Path) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    for page in ("data/", "evaluation/", "training/", "gallery/", "classroom/", "recipes/"):
        assert f'href="{page}"' in start
        assert (site / page / "index.html").is_file()


def test_tables_fit_a_telephone(site: Path) -> None:
    """The theme gives each column 5rem, so the last one of four is cut at 390 px."""
    page = (site / "data" / "index.html").read_text(encoding="utf-8")
    assert 'href="../assets/site.css"' in page
    assert "min-width: 0" in (site / "assets" / "site.css").read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
