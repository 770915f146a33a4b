"""File of a run's best state, always the one that the latest checkpoint calls the best."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open

from acgan.atomic import best_name, write_atomically
from acgan.reading import parse_json
from acgan.training.best import Best


class BestFile:
    """Keeps a better state back until a checkpoint knows of it.

    A training resumed after a kill may reach other states, as sums on a GPU have no fixed order. A best file written
    at once could then be of another state than the score. So it waits beside the checkpoints and takes its place after
    the next one.
    """

    def __init__(self, directory: Path, product: str):
        self.file = directory / best_name(product)
        self._next = directory / "checkpoints" / self.file.name

    def write(self, export: Callable[[Path], None]) -> None:
        """Write a better state, which waits for ``confirm``."""
        self._next.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._next, export)

    def confirm(self) -> None:
        """Put the waiting state in its place, since a checkpoint knows of it now."""
        if self._next.exists():
            os.replace(self._next, self.file)

    def settle(self, best: Best | None) -> bool:
        """Finish, after a checkpoint was read, what a kill left undone.

        Returns:
            False if the file is of another state, since an older checkpoint had to be taken. It stays until the next
            better state, since no other file holds its weights.
        """
        if best is not None and _is_of(self._next, best):
            self.confirm()
        self._next.unlink(missing_ok=True)
        return best is None or _is_of(self.file, best)


def _is_of(file: Path, best: Best) -> bool:
    try:
        with safe_open(file, framework="pt") as opened:
            provenance = parse_json(opened.metadata()["acgan"])["provenance"]
        return bool({**provenance["score"], "nimg": provenance["nimg"]} == asdict(best))
    except (OSError, SafetensorError, ValueError, TypeError, KeyError):  # missing or foreign
        return False
