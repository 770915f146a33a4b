"""Sources made of image files: folders of class folders, and zips of them."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np
from PIL import Image

from acgan.data.index import SPLIT_NAMES, Index, Unlabelled, choose_held_out, empty_note, index_by_name
from acgan.data.options import ReadOptions
from acgan.errors import DataError

IMAGE_ENDINGS = frozenset([".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])
_HIDDEN = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})

Parts = tuple[str, ...]


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


@dataclass(frozen=True)
class Tree:
    """The visible files and folders below a top, each as the parts of its path."""

    files: tuple[Parts, ...]
    folders: frozenset[Parts]

    def below(self, top: str) -> Tree:
        """The tree under one of the top folders."""
        return Tree(
            files=tuple(parts[1:] for parts in self.files if parts[0] == top),
            folders=frozenset(parts[1:] for parts in self.folders if parts[0] == top and len(parts) > 1),
        )


@dataclass(frozen=True)
class Arrangement:
    """Places of the images in a tree: the position of each in ``Tree.files``, its class, and the split."""

    positions: list[int]
    names: list[str]
    held_out: np.ndarray | None
    notes: list[str]


def is_hidden(name: str) -> bool:
    """True for files and folders that are not the user's (``.DS_Store``, ``__MACOSX``, …)."""
    return name.startswith(".") or name in _HIDDEN


def is_image(name: str) -> bool:
    """True if a file has the ending of an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_ENDINGS


def arrange(tree: Tree, where: str) -> Arrangement:
    """Find the classes and the split in a tree of class folders.

    Raises:
        DataError: No image lies in a class folder.
    """
    tops = {folder[0] for folder in tree.folders}
    splits, notes = _split_folders(tops)
    depth = 2 if splits else 1  # how many folders down a class is named
    images = [position for position, parts in enumerate(tree.files) if is_image(parts[-1])]
    placed = [position for position in images if len(tree.files[position]) > depth]
    if not placed:
        raise _no_images(where, len(images), splits.get("train", ""))
    if len(tree.files) > len(images):
        notes.append(f"{len(tree.files) - len(images):,} files without an image ending left out")
    if len(images) > len(placed):
        notes.append(f"{len(images) - len(placed):,} images that lie in no class folder left out")
    held_out = None
    if splits:
        held, note = choose_held_out(splits, splits)
        notes += [note] if note else []
        used = {splits["train"], splits.get(held, "")}
        placed = [position for position in placed if tree.files[position][0] in used]
        if held:
            held_out = np.array([tree.files[position][0] == splits[held] for position in placed], dtype=bool)
    names = [class_name(tree.files[position][depth - 1]) for position in placed]
    folders = {class_name(folder[depth - 1]) for folder in tree.folders if len(folder) == depth}
    empty = sorted(folders - set(names))
    notes += [empty_note(empty)] if empty else []
    return Arrangement(placed, names, held_out, notes)


def _split_folders(tops: set[str]) -> tuple[dict[str, str], list[str]]:
    """The split folders by split, empty where the top folders are classes; and notes."""
    splits = {top.lower(): top for top in tops if top.lower() in SPLIT_NAMES}
    if "train" not in splits:
        return {}, []
    others = sorted(tops - set(splits.values()))
    if not others:
        return splits, []
    if len(splits) == 1:
        return {}, []
    return {}, [
        f"{' and '.join(sorted(splits.values()))} are read as classes, because {others[0]} lies beside them"
    ]


def every_image(tree: Tree, where: str) -> tuple[list[int], np.ndarray]:
    """Find all images of a tree, in class folders or not.

    Returns:
        The position of each in ``Tree.files``, and its part: "train", "test" or "" (see ``Unlabelled``).

    Raises:
        DataError: There is no image.
    """
    positions = [position for position, parts in enumerate(tree.files) if is_image(parts[-1])]
    if not positions:
        raise DataError(f"{where} holds no images. Images end in {', '.join(sorted(IMAGE_ENDINGS))}.")
    splits, _ = _split_folders({folder[0] for folder in tree.folders})
    held, _ = choose_held_out(splits)
    part_of = {splits[split]: part for split, part in (("train", "train"), (held, "test")) if split in splits}
    return positions, np.array([part_of.get(tree.files[position][0], "") for position in positions])


def class_name(folder: str) -> str:
    """The class name of a folder or label, in one composition of its letters (NFC)."""
    return unicodedata.normalize("NFC", folder)


def _no_images(where: str, flat: int, split: str) -> DataError:
    prefix = f"{where}/{split}" if split else where
    found = f"{flat:,} images but no folder of a class with images" if flat else "no images"
    endings = "" if flat else f" Images end in {', '.join(sorted(IMAGE_ENDINGS))}."
    return DataError(
        f"{prefix} holds {found}; expected one folder per class ({prefix}/<class>/*.png)"
        f"{'' if split else ', or train/ and test/ with such folders in each'}."
        f"{' Move each image into a folder named after its class.' if flat else endings}"
    )


class FileReader:
    """Reader of image files by path."""

    def __init__(self, paths: Sequence[Path]):
        self._paths = paths

    def read(self, row: int) -> Image.Image:
        return Image.open(self._paths[row])

    def name(self, row: int) -> str:
        return str(self._paths[row])


class FolderSource:
    """A folder of class folders, with or without train/ and test/ above them."""

    def __init__(self, path: Path, options: ReadOptions):
        self._path = path
        self._options = options

    @cached_property
    def _tree(self) -> Tree:
        files: list[Parts] = []
        folders: list[Parts] = []
        for folder, names in _walk(self._path, ()):
            folders += [folder] if folder else []
            files += [(*folder, name) for name in names]
        return Tree(tuple(sorted(files)), frozenset(folders))

    def identity(self) -> str:
        lines = (f"{'/'.join(parts)} {file_stamp(self._path.joinpath(*parts))}" for parts in self._tree.files)
        folders = ("/".join(parts) for parts in sorted(self._tree.folders))
        return digest_lines(("folder", str(self._path.resolve()), *folders, *lines))

    def index(self) -> Index:
        found = arrange(self._tree, str(self._path))
        paths = [self._path.joinpath(*self._tree.files[position]) for position in found.positions]
        return index_by_name(FileReader(paths), found.names, found.held_out, found.notes)

    def unlabelled(self) -> Unlabelled:
        positions, parts = every_image(self._tree, str(self._path))
        return Unlabelled(
            FileReader([self._path.joinpath(*self._tree.files[position]) for position in positions]), parts
        )


def _walk(folder: Path, parts: Parts) -> Iterator[tuple[Parts, list[str]]]:
    """Each folder with its visible files; links are followed, except to a folder that they lie in."""
    try:
        entries = [entry for entry in os.scandir(folder) if not is_hidden(entry.name)]
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}. Check its permissions.") from error
    yield parts, [entry.name for entry in entries if not entry.is_dir()]
    for entry in entries:
        if entry.is_dir():
            real = folder.resolve()
            if entry.is_symlink() and Path(entry.path).resolve() in (real, *real.parents):
                continue
            yield from _walk(Path(entry.path), (*parts, entry.name))


class ZipReader:
    """Reader of a zip's members. Each thread opens its own handle: two threads cannot share one."""

    def __init__(self, path: Path, members: Sequence[zipfile.ZipInfo]):
        self._path = path
        self._members = members
        self._thread = threading.local()

    def read(self, row: int) -> Image.Image:
        archive = getattr(self._thread, "archive", None)
        if archive is None:
            archive = self._thread.archive = zipfile.ZipFile(self._path)
        return Image.open(io.BytesIO(archive.read(self._members[row])))

    def name(self, row: int) -> str:
        return f"{self._path}!/{self._members[row].filename}"


class ZipSource:
    """A zip of class folders, perhaps inside a single outer folder."""

    def __init__(self, path: Path, options: ReadOptions):
        self._path = path
        self._options = options

    def identity(self) -> str:
        return digest_lines(("zip", str(self._path.resolve()), file_stamp(self._path)))

    def index(self) -> Index:
        tree, members = self._tree()
        found = arrange(tree, str(self._path))
        infos = [members[position] for position in found.positions]
        return index_by_name(ZipReader(self._path, infos), found.names, found.held_out, found.notes)

    def unlabelled(self) -> Unlabelled:
        tree, members = self._tree()
        positions, parts = every_image(tree, str(self._path))
        return Unlabelled(ZipReader(self._path, [members[position] for position in positions]), parts)

    def _tree(self) -> tuple[Tree, list[zipfile.ZipInfo]]:
        """The visible files, and the member that each is."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                infos = archive.infolist()
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{self._path} cannot be read as a zip: {error}. Make it or copy it anew."
            ) from error
        members: dict[Parts, zipfile.ZipInfo] = {}
        folders: set[Parts] = set()
        for info in infos:
            name = _member_name(info)
            parts = tuple(part for part in name.split("/") if part not in ("", "."))
            if any(map(is_hidden, parts)):
                continue
            folder = parts if name.endswith("/") else parts[:-1]
            folders.update(folder[:depth] for depth in range(1, len(folder) + 1))
            if not name.endswith("/"):
                members[parts] = info
        ordered = sorted(members)
        return _unwrap(Tree(tuple(ordered), frozenset(folders))), [members[parts] for parts in ordered]


def _member_name(info: zipfile.ZipInfo) -> str:
    """A member's path. Some archivers write UTF-8 without saying so, and zipfile then reads code page 437."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _unwrap(tree: Tree) -> Tree:
    """The tree inside a single outer folder, unless that folder is a class or a split itself."""
    tops = {parts[0] for parts in tree.folders}
    if len(tops) != 1 or any(len(parts) == 1 for parts in tree.files):
        return tree
    inner = tree.below(next(iter(tops)))
    holds_images = any(len(parts) == 1 and is_image(parts[0]) for parts in inner.files)
    return tree if holds_images or not inner.folders or tops <= set(SPLIT_NAMES) else inner
