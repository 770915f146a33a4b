"""Statistics of data sources, computed once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from filelock import FileLock

from acgan.errors import DataError
from acgan.fid.statistics_file import Saved, read_statistics, write_statistics

STATISTICS_FORMAT = 2  # raise it when the same images give other features, or something is kept beside them


class StatisticsCache:
    """Statistics on disk, a file each; ``warn`` is told if the folder cannot be used."""

    def __init__(self, folder: Path, warn: Callable[[str], None]):
        self._folder = folder
        self._warn = warn

    def get(
        self,
        parts: Mapping[str, Any],
        make: Callable[[], Saved],
        keep: Callable[[Saved], bool] = lambda made: True,
    ) -> tuple[Saved, bool]:
        """Read the statistics that depend on ``parts``, or make them; of several processes one makes them.

        Args:
            parts: Everything that they depend on.
            make: Makes them.
            keep: True of made statistics that ``parts`` stand for; others are not written.

        Returns:
            The statistics, and True if they were cached.
        """
        text = json.dumps({**parts, "format": STATISTICS_FORMAT}, sort_keys=True)
        file = self._folder / f"{blake2b(text.encode(), digest_size=16).hexdigest()}.npz"
        lock = FileLock(file.with_suffix(".lock"))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            self._cannot_keep(error)
            return make(), False
        try:
            found = _read(file)
            if found is not None:
                return found, True
            made = make()
            try:
                if keep(made):
                    write_statistics(file, made)
            except OSError as error:
                self._cannot_keep(error)
            return made, False
        finally:
            lock.release()

    def _cannot_keep(self, error: OSError) -> None:
        self._warn(
            f"statistics are not kept: {self._folder} cannot be written ({error.strerror or error}). Set ACGAN_CACHE "
            "to another folder."
        )


def _read(file: Path) -> Saved | None:
    try:
        found = read_statistics(file)
    except DataError:
        return None
    return found if found.origin is not None else None
