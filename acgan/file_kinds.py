"""Paths that lead to neither a file nor a folder: reading a pipe, a socket or a device may never end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def odd_kind(path: str | os.PathLike[str]) -> str:
    """The kind of what a path leads to, such as "a pipe"; "" for a file, a folder, and nothing."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # the latter for a path with a zero byte
        return ""
    return next((kind for is_one, kind in _KINDS if is_one(mode)), "")


def read_text(file: Path, *, errors: str = "strict") -> str:
    """The UTF-8 text of a file.

    Raises:
        OSError: It cannot be read, or is no file.
        UnicodeError: It is no UTF-8, with ``errors`` "strict".
    """
    if kind := odd_kind(file):
        raise OSError(errno.EINVAL, f"is {kind}; expected a file", str(file))
    return file.read_text(encoding="utf-8", errors=errors)
