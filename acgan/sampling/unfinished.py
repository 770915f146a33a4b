"""Samples that are being written: what a kill leaves, the same command goes on with."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from acgan.errors import Interrupted, UserError
from acgan.file_kinds import read_text
from acgan.reading import parse_json
from acgan.sampling.folder import UNFINISHED
from acgan.sampling.selection import DrawnPortion


class Workplace:
    """A hidden folder beside the samples to come, on their file system, with a record of the portions written to it.

    Args:
        folder: The folder, which exists.
        plan: All that the images and their form depend on.

    Attributes:
        folder: The folder.
        done: Portions that an earlier call of the same plan wrote, in order.
    """

    def __init__(self, folder: Path, plan: dict[str, Any]):
        self.folder = folder
        self._journal = folder / "done.jsonl"
        text = json.dumps(plan, sort_keys=True)
        self.done = self._read(text)
        if not self.done:
            _empty(folder)
        lines = [text, *(_line(portion) for portion in self.done)]
        self._journal.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def add(self, portion: DrawnPortion) -> None:
        """Record a portion, all of whose images are written."""
        with open(self._journal, "a", encoding="utf-8") as handle:
            handle.write(_line(portion) + "\n")

    def _read(self, plan: str) -> list[DrawnPortion]:
        """The recorded portions, without what a kill cut short; none if they are of another plan."""
        try:
            first, *lines = read_text(self._journal).splitlines(keepends=True)
        except (FileNotFoundError, ValueError):
            return []
        if first.rstrip("\n") != plan:
            return []
        done = []
        for line in lines:
            if not line.endswith("\n"):
                break
            label, start, indices = parse_json(line)
            done.append(DrawnPortion(label, start, tuple(indices)))
        return done


def _line(portion: DrawnPortion) -> str:
    return json.dumps([portion.label, portion.start, list(portion.indices)])


def workplace_of(target: Path) -> Path:
    """The workplace's folder for a file or folder to come."""
    return target / UNFINISHED if target.is_dir() else target.parent / f".{target.name}{UNFINISHED}"


@contextlib.contextmanager
def workplace(target: Path, plan: dict[str, Any], warn: Callable[[str], None]) -> Iterator[Workplace]:
    """Context with the workplace for a file or folder; parents that were made for it go too if it fails.

    SIGTERM, SIGHUP and a kill leave it, for the same command to go on with; all else removes it.

    Args:
        target: The file or folder to come.
        plan: All that it depends on.
        warn: Told what stays behind.

    Raises:
        UserError: If another process writes there.
    """
    folder = workplace_of(target)
    home = folder.parent
    made = [folder for folder in (home, *home.parents) if not folder.exists()]
    home.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / "lock", blocking=False)
    try:
        with lock:
            yield Workplace(folder, plan)
    except Timeout:
        raise UserError(
            f"{target}: another `acgan sample` writes there. Wait for it, or choose another place."
        ) from None
    except Interrupted:
        warn(f"{target}: what was drawn waits in {folder}; the same command goes on with it")
        raise
    except BaseException:
        _remove(folder, made)
        raise
    _remove(folder, [])


def _empty(folder: Path) -> None:
    """Remove what another plan left."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()


def _remove(folder: Path, made: list[Path]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for parent in made:
        with contextlib.suppress(OSError):
            parent.rmdir()
