"""Which code this is, in a checkout and outside."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import acgan
from acgan import code_version as module
from acgan.assembly.product import Provenance
from acgan.code_version import code_version, git_commit
from acgan.config import RunConfig


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, whose package is what is asked for."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # of a hook that runs the tests
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "acgan").mkdir()
    (tmp_path / "acgan" / "code.py").write_text("1\n", encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first", "--no-verify")
    monkeypatch.setattr(module, "_PACKAGE", tmp_path / "acgan")
    code_version.cache_clear()
    yield tmp_path
    code_version.cache_clear()


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_checkout_is_named_by_its_commit(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    (checkout / "notes.txt").write_text("of no matter", encoding="utf-8")
    assert git_commit(checkout, "acgan") == (commit, True)
    assert code_version() == f"{acgan.__version__}+g{commit[:7]}"


@pytest.mark.parametrize("name", ["code.py", "new.py"])
def test_changed_code_is_said_to_be(checkout: Path, name: str) -> None:
    (checkout / "acgan" / name).write_text("2\n", encoding="utf-8")
    assert code_version() == f"{acgan.__version__}+g{git(checkout, 'rev-parse', 'HEAD')[:7]}.dirty"


def test_a_training_is_of_the_code_that_it_began_with(checkout: Path) -> None:
    dataset: Any = SimpleNamespace(name="cats", train=SimpleNamespace(fingerprint="f"), report=None)
    begun = code_version()
    provenance = Provenance(RunConfig(), dataset, "f", "float32", (begun,), None)
    (checkout / "acgan" / "code.py").write_text("2\n", encoding="utf-8")
    code_version.cache_clear()
    assert provenance.at(0)["acgan"] == begun != code_version()


def test_a_package_inside_another_repository_is_not_of_its_commit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = checkout / "site-packages" / "acgan"
    installed.mkdir(parents=True)
    monkeypatch.setattr(module, "_PACKAGE", installed)
    assert code_version() == acgan.__version__


def test_without_git_there_is_the_version_alone(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_version() == acgan.__version__
