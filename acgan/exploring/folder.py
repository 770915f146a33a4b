"""The folder of a page: its pictures and downloads, for as long as it is shown."""

from __future__ import annotations

import contextlib
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "acgan-explore-"
_LOCK = ".lock"
_LEFT_SEC = 60  # a younger folder may be without its lock for a moment


@contextlib.contextmanager
def page_folder() -> Iterator[Path]:
    """A temporary folder, which is removed at the end, as are those that killed processes of this user left."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        own = Path(name)
        _remove_left(own)
        with FileLock(own / _LOCK):
            yield own


def _remove_left(own: Path) -> None:
    """Remove folders of this user whose lock nobody holds: the system frees the lock of a process that is killed."""
    newest = time.time() - _LEFT_SEC
    for folder in own.parent.glob(f"{_PREFIX}*"):
        # A folder that is new or gone, and one that another user may not open.
        with contextlib.suppress(OSError, Timeout):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != own.stat().st_uid:
                continue
            if (folder / _LOCK).lstat().st_mtime < newest:
                with FileLock(folder / _LOCK, timeout=0):
                    shutil.rmtree(folder)
