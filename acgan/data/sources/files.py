"""Folders and zips of files."""

from __future__ import annotations

import contextlib
import threading
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from PIL import Image

from acgan.data.sources.endings import open_image
from acgan.data.sources.members import LIMITS, Limits, OversizedError, read_member
from acgan.data.sources.tree import Parts, Tree, prune
from acgan.data.sources.walk import Walk
from acgan.errors import DataError


def file_stamp(path: Path) -> str:
    """Size and times of a file, "missing" without a file. Users cannot set ctime, so every change shows."""
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"


def digest_lines(lines: Iterable[str]) -> str:
    """A hex digest of a sequence of strings."""
    digest = blake2b(digest_size=16)
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def class_name(folder: str) -> str:
    """The class name of a folder or label, in one composition of its letters (NFC)."""
    return unicodedata.normalize("NFC", folder)


class FileReader:
    """Reader of image files by path."""

    def __init__(self, paths: Sequence[Path]):
        self._paths = paths

    def read(self, row: int) -> Image.Image:
        return open_image(self._paths[row])

    def name(self, row: int) -> str:
        return str(self._paths[row])


class Folder:
    """A folder on disk."""

    def __init__(self, path: Path, limits: Limits = LIMITS):
        self._path = path
        self.limits = limits

    @property
    def where(self) -> str:
        return str(self._path)

    @cached_property
    def _tree(self) -> Tree:
        walk = Walk(self._path)
        return prune(
            walk.files,
            walk.folders,
            lambda parts: self._path.joinpath(*parts).open("rb"),
            {"links to folders that are read already": walk.skipped, "pipes, sockets and devices": walk.odd},
            walk.twins,
            walk.linked,
        )

    def tree(self) -> Tree:
        return self._tree

    def identity(self) -> str:
        lines = (f"{'/'.join(parts)} {file_stamp(self._path.joinpath(*parts))}" for parts in self._tree.files)
        folders = ("/".join(parts) for parts in sorted(self._tree.folders))
        return digest_lines(("folder", str(self._path.resolve()), *folders, *lines))

    def content(self, file: Parts) -> bytes:
        path = self._path.joinpath(*file)
        try:
            self.limits.check_size(path.stat().st_size)
            return path.read_bytes()
        except OversizedError as error:
            raise DataError(f"{path} cannot be read: {error}.") from error
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error

    def reader(self, files: Sequence[Parts]) -> FileReader:
        return FileReader([self._path.joinpath(*parts) for parts in files])


class ZipReader:
    """Reader of a zip's members. Each thread opens its own handle: two threads cannot share one."""

    def __init__(self, path: Path, members: Sequence[zipfile.ZipInfo], limits: Limits):
        self._path = path
        self._members = members
        self._limits = limits
        self._thread = threading.local()

    def read(self, row: int) -> Image.Image:
        archive = getattr(self._thread, "archive", None)
        if archive is None:
            archive = self._thread.archive = zipfile.ZipFile(self._path)
        return open_image(read_member(archive, self._members[row], self._limits))

    def name(self, row: int) -> str:
        return f"{self._path}!/{self._members[row].filename}"


class Zip:
    """A zip file."""

    def __init__(self, path: Path, limits: Limits = LIMITS):
        self._path = path
        self.limits = limits

    @property
    def where(self) -> str:
        return str(self._path)

    def identity(self) -> str:
        return digest_lines(("zip", str(self._path.resolve()), file_stamp(self._path)))

    def tree(self) -> Tree:
        folders: set[Parts] = set()
        for folder in self._listing[1]:
            folders.update(folder[:depth] for depth in range(1, len(folder) + 1))
        members = self._listing[0]
        with zipfile.ZipFile(self._path) as archive:
            return prune(members, folders, lambda parts: read_member(archive, members[parts], self.limits))

    def content(self, file: Parts) -> bytes:
        try:
            with zipfile.ZipFile(self._path) as archive:
                return read_member(archive, self._listing[0][file], self.limits).getvalue()
        except OversizedError as error:
            raise DataError(f"{self._path}: {'/'.join(file)} cannot be read: {error}.") from error
        except Exception as error:  # of nearly every kind, on damaged files
            raise DataError(
                f"{self._path}: {'/'.join(file)} cannot be read: {error}. Make or copy the zip anew."
            ) from error

    def reader(self, files: Sequence[Parts]) -> ZipReader:
        members, _ = self._listing
        return ZipReader(self._path, [members[parts] for parts in files], self.limits)

    @cached_property
    def _listing(self) -> tuple[dict[Parts, zipfile.ZipInfo], set[Parts]]:
        """Files, with the member that each is, and the innermost folders."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                infos = archive.infolist()
            self.limits.check_zip(infos, self._path.stat().st_size)
        except OversizedError as error:
            raise DataError(f"{self._path} cannot be read: {error}.") from error
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{self._path} cannot be read as a zip: {error}. Make it or copy it anew."
            ) from error
        members: dict[Parts, zipfile.ZipInfo] = {}
        folders: set[Parts] = set()
        for info in infos:
            name = _member_name(info)
            parts = tuple(part for part in name.split("/") if part not in ("", "."))
            folders.add(parts if name.endswith("/") else parts[:-1])
            if not name.endswith("/"):
                members[parts] = info
        return members, folders


def _member_name(info: zipfile.ZipInfo) -> str:
    """A member's path. Some archivers write UTF-8 without saying so, and zipfile then reads code page 437."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")
