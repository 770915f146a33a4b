"""The folder of a page, and what killed pages left."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest
from filelock import FileLock

from acgan.exploring.folder import page_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(folder: Path, age_sec: float) -> Path:
    """A folder that a killed page left."""
    folder.mkdir()
    (folder / "samples.png").touch()
    (folder / ".lock").touch()
    then = time.time() - age_sec
    os.utime(folder / ".lock", (then, then))
    return folder


def test_it_goes_at_the_end(place: Path) -> None:
    def shown() -> None:
        with page_folder() as folder:
            assert folder.parent == place
            (folder / "0").mkdir()
            (folder / "0" / "samples.png").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shown()
    assert list(place.iterdir()) == []


def test_what_killed_pages_left_goes_too(place: Path) -> None:
    killed = left(place / "acgan-explore-killed", 3600)
    young = left(place / "acgan-explore-young", 1)  # it may be about to take its lock
    shown = left(place / "acgan-explore-shown", 3600)
    other = left(place / "other", 3600)
    unlocked = place / "acgan-explore-unlocked"
    unlocked.mkdir()
    elsewhere = place / "acgan-explore-link"
    elsewhere.symlink_to(other)
    with FileLock(shown / ".lock"):
        os.utime(shown / ".lock", (0, 0))
        with page_folder() as folder:
            assert not killed.exists()
            assert {young, shown, other, unlocked, elsewhere, folder} == set(place.iterdir())
            assert (other / "samples.png").exists()
