"""Decoded images of a large source, which a process that was killed leaves for the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from acgan.atomic import write_text

_STATE, _IMAGES, _SEEN = "decoded.json", "decoded.npy", "seen.npy"


@dataclass
class Unfinished:
    """Images of a source, of which the first ``done`` are decoded.

    Attributes:
        images: (N, C, R, R) uint8.
        seen: (N,) their records.
        done: Number of images that are decoded.
        failed: Reasons of those that could not be, by position.
        folder: Where the arrays lie in files; None if they are in memory.
        form: Plain values of what they are decoded to; others begin anew.
    """

    images: np.ndarray
    seen: np.ndarray
    done: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    folder: Path | None = None
    form: Mapping[str, Any] = field(default_factory=dict)

    def add(self, failed: Mapping[int, str], done: int) -> None:
        """Count further images as decoded, once they are on the disk."""
        self.failed.update(failed)
        self.done = done
        if self.folder is None:
            return
        for array in (self.images, self.seen):
            assert isinstance(array, np.memmap)
            array.flush()
        state = {
            "form": dict(self.form),
            "done": done,
            "failed": {str(key): self.failed[key] for key in self.failed},
        }
        write_text(self.folder / _STATE, json.dumps(state))


def in_memory(shape: tuple[int, ...], record: np.dtype[Any]) -> Unfinished:
    """Arrays in memory, with nothing decoded yet."""
    return Unfinished(np.zeros(shape, np.uint8), np.zeros(shape[0], record))


def in_folder(
    folder: Path, shape: tuple[int, ...], record: np.dtype[Any], form: Mapping[str, Any]
) -> Unfinished:
    """Arrays in a folder, as a killed process left them, or with nothing decoded yet.

    Args:
        folder: The folder, which is this process's alone.
        shape: (N, C, R, R).
        record: Type of the records.
        form: Plain values; what was decoded to another form is not taken.
    """
    found = _left(folder, shape, record, form)
    if found is not None:
        return found
    (folder / _STATE).unlink(missing_ok=True)
    create = np.lib.format.open_memmap
    return Unfinished(
        create(folder / _IMAGES, mode="w+", dtype=np.uint8, shape=shape),
        create(folder / _SEEN, mode="w+", dtype=record, shape=shape[:1]),
        folder=folder,
        form=form,
    )


def _left(
    folder: Path, shape: tuple[int, ...], record: np.dtype[Any], form: Mapping[str, Any]
) -> Unfinished | None:
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        images = np.lib.format.open_memmap(folder / _IMAGES, mode="r+")
        seen = np.lib.format.open_memmap(folder / _SEEN, mode="r+")
    except (OSError, ValueError):
        return None
    fits = (
        images.shape == shape
        and images.dtype == np.uint8
        and seen.dtype == record
        and seen.shape == shape[:1]
    )
    if not fits or state["form"] != json.loads(json.dumps(form)):
        return None
    failed = {int(position): reason for position, reason in state["failed"].items()}
    return Unfinished(images, seen, state["done"], failed, folder, form)
