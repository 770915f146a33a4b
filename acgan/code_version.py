"""Which code this is: the version, and the commit where it runs from a checkout."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import acgan

_PACKAGE = Path(__file__).parent
_MOST_CHANGES = 200_000  # characters


@cache
def code_version() -> str:
    """The version as provenance states it: ``0.1.0``, from a checkout ``0.1.0+g1a2b3c4``, as setuptools-scm has it.

    It ends in ``.dirty`` where the package's files are not as committed when they are first asked for.
    """
    found = git_commit(_PACKAGE.parent, "acgan")
    if found is None:
        return acgan.__version__
    commit, clean = found
    return f"{acgan.__version__}+g{commit[:7]}{'' if clean else '.dirty'}"


@cache
def code_changes() -> str | None:
    """Changes of the package's files since the commit, as a diff; None where there are none, or no checkout."""
    if not (_PACKAGE.parent / ".git").exists():
        return None
    try:
        changes = _git(_PACKAGE.parent, "diff", "HEAD", "--", "acgan")
    except (OSError, subprocess.CalledProcessError):
        return None
    return changes[:_MOST_CHANGES] or None


def git_commit(directory: Path, *paths: str) -> tuple[str, bool] | None:
    """The commit of a checkout, and whether everything below some paths is as committed.

    Args:
        directory: The checkout's top; None is returned where it is none, or where there is no git.
        paths: Relative to it.
    """
    if not (directory / ".git").exists():  # not that of whatever it was installed into
        return None
    try:
        return _git(directory, "rev-parse", "HEAD"), not _git(
            directory, "status", "--porcelain", "--", *paths
        )
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()
