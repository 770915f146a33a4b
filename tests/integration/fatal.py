"""Kills the process it is in at a chosen moment of writing a run's files, as a power cut would."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

#: When in the life of a file: half written, before and after it is forced to disk, before and after it gets its
#: name, before and after it is removed.
MOMENTS = ("written", "synced", "named", "removed")
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp$")  # end of a name


def at(moment: str, ending: str, occurrence: int, after: bool) -> Callable[[], None]:
    """For ``Child(before=...)``: SIGKILL when something happens to a file for the n-th time.

    Args:
        moment: One of ``MOMENTS``; a file that is "written" is left half done.
        ending: Of the file's (or folder's) path, whether or not it still has a temporary name.
        occurrence: Counted from 1.
        after: Whether it has just happened, rather than being about to.
    """
    return partial(_install, moment, ending, occurrence, after)


def _install(moment: str, ending: str, occurrence: int, after: bool) -> None:
    seen = 0

    def die_when_due(path: Any) -> bool:
        nonlocal seen
        if _TEMPORARY.sub("", str(path)).endswith(ending):
            seen += 1
        return seen == occurrence

    def around(happen: Callable[..., Any], path_of: Callable[..., Any]) -> Callable[..., Any]:
        def happen_or_die(*args: Any, **keywords: Any) -> Any:
            due = die_when_due(path_of(*args))
            if due and not after:
                _die()
            result = happen(*args, **keywords)
            if due:
                _die()
            return result

        return happen_or_die

    def half(write: Callable[..., Any], path_of: Callable[..., Any]) -> Callable[..., Any]:
        def write_half(*args: Any, **keywords: Any) -> Any:
            path = path_of(*args)
            due = die_when_due(path)
            result = write(*args, **keywords)
            if due:
                os.truncate(path, os.path.getsize(path) // 2)
                _die()
            return result

        return write_half

    if moment == "written":
        torch.save = half(torch.save, lambda payload, file: file)
        Path.write_bytes = half(Path.write_bytes, lambda path, content: path)
    elif moment == "synced":
        os.fsync = around(os.fsync, lambda descriptor: os.readlink(f"/proc/self/fd/{descriptor}"))
    elif moment == "named":
        os.replace = around(os.replace, lambda source, target: target)
    else:
        Path.unlink = around(Path.unlink, lambda path: path)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
