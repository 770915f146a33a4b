"""All files and folders below a folder, each real folder once, whatever links lead to it."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from acgan.data.sources.endings import is_image
from acgan.data.sources.tree import Parts, is_hidden
from acgan.errors import DataError
from acgan.file_kinds import odd_kind

_Identity = tuple[int, int]  # of a real folder: its device, and its number there


class Walk:
    """Files and folders below a folder.

    Links to folders are followed, after all that is no link, if their folder is not walked otherwise: links to each
    other would else repeat pictures, and without an end.

    Attributes:
        files, folders: Their paths. Hidden folders, which may not even be readable, are listed as files, and so is
            what has the ending of an image and is no file: decoding reports it.
        skipped: The links that are not followed.
        twins: Those whose folder is walked beside them, each with the path of that.
        linked: The files that are links.
        odd: Pipes, sockets and devices.
    """

    def __init__(self, top: Path):
        self.files: list[Parts] = []
        self.folders: list[Parts] = []
        self.skipped: list[Parts] = []
        self.twins: list[tuple[Parts, Parts]] = []
        self.linked: list[Parts] = []
        self.odd: list[Parts] = []
        self._top = top
        self._links: deque[tuple[Path, Parts]] = deque()
        self._walked: dict[_Identity, Parts] = {}
        self._known_above: dict[Path, set[_Identity]] = {}
        self._walk(top.resolve(), ())
        while self._links:
            link, parts = self._links.popleft()
            if self._identity(link, parts) in self._above(link.parent):
                self.skipped.append(parts)
            else:
                self._walk(link.resolve(), parts)

    def _walk(self, folder: Path, parts: Parts) -> None:
        """Walk a folder by its real path; ``parts`` is the path by which it is found below the top."""
        waiting = [(folder, parts)]
        while waiting:
            folder, parts = waiting.pop()
            identity = self._identity(folder, parts)
            if identity in self._walked:  # also where a link led to it before a link to a folder above it
                self._skip(parts, self._walked[identity])
                continue
            self._walked[identity] = parts
            self.folders += [parts] if parts else []
            for entry in self._entries(folder, parts):
                inside = (*parts, entry.name)
                if is_hidden(entry.name) or not _is_folder(entry):
                    self._add_file(entry, inside)
                elif entry.is_symlink():
                    self._links.append((Path(entry.path), inside))
                else:
                    waiting.append((Path(entry.path), inside))

    def _add_file(self, entry: os.DirEntry[str], parts: Parts) -> None:
        is_odd = not _is_file(entry) and not is_image(entry.name) and odd_kind(entry.path)
        (self.odd if is_odd else self.files).append(parts)
        if entry.is_symlink():
            self.linked.append(parts)

    def _skip(self, parts: Parts, place: Parts) -> None:
        self.skipped.append(parts)
        if parts[:-1] == place[:-1]:
            self.twins.append((parts, place))

    def _identity(self, folder: Path, parts: Parts) -> _Identity:
        try:
            status = folder.stat()
        except OSError as error:
            raise self._unreadable(parts, error) from error
        return status.st_dev, status.st_ino

    def _above(self, folder: Path) -> set[_Identity]:
        """A real folder and those that it lies in."""
        if folder not in self._known_above:
            self._known_above[folder] = {self._identity(above, ()) for above in (folder, *folder.parents)}
        return self._known_above[folder]

    def _entries(self, folder: Path, parts: Parts) -> list[os.DirEntry[str]]:
        try:
            return sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise self._unreadable(parts, error) from error

    def _unreadable(self, parts: Parts, error: OSError) -> DataError:
        return DataError(
            f"{self._top.joinpath(*parts)} cannot be read: {error.strerror}. Check its permissions."
        )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: a file that cannot be opened
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
