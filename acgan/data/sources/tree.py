"""Files and folders below a top, in a folder or in an archive, without those that are not the user's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import IO, Protocol

from acgan.data.index import Reader
from acgan.data.sources.endings import ending_of, is_image, is_image_inside, tells_nothing
from acgan.data.sources.members import Limits
from acgan.types import LeftOut

Parts = tuple[str, ...]
EXAMPLES = 3  # names that are kept of the files that are left out
_TRIED = 20  # files of one ending in a folder that are opened before it is given up

# Made by operating systems, network drives and tools, never by the owner of the pictures. In lower case.
_JUNK = frozenset(
    {
        *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
        *("@eadir", "#recycle", "$recycle.bin", "recycler", "lost+found", "system volume information"),
        *("__pycache__", "nbproject", "node_modules", "site-packages", "dist-packages"),
    }
)
#: Files that tell a virtual environment of Python.
_ENVIRONMENT_TRACES = ("pyvenv.cfg", "conda-meta")
#: Files that a run directory holds beside its config.yaml.
RUN_TRACES = (".lock", "stats.jsonl", "tensorboard", "checkpoints")


def is_hidden(name: str) -> bool:
    """True for files and folders that are not the user's (``.DS_Store``, ``@eaDir``, …)."""
    return name.startswith(".") or name.lower() in _JUNK


def is_run(names: Collection[str]) -> bool:
    """True if a folder with entries of these names is a run directory of acgan, perhaps one that begins."""
    if "config.yaml" in names:
        return any(trace in names for trace in RUN_TRACES) or any(
            name.endswith(".safetensors") for name in names
        )
    return ".lock" in names and not any(is_image(name) for name in names)


@dataclass(frozen=True)
class Tree:
    """The user's files below a top, sorted, and their folders, each as the parts of its path.

    Attributes:
        files, folders: Their paths.
        left_out: Files that are not in ``files``.
        by_content: The files without the ending of an image that are images by their first bytes.
        twins: Links to folders that are read by another name in the same folder, each with that path.
        linked: Links to files; those to images count as images.
    """

    files: tuple[Parts, ...]
    folders: frozenset[Parts]
    left_out: tuple[LeftOut, ...] = ()
    by_content: frozenset[Parts] = frozenset()
    twins: tuple[tuple[Parts, Parts], ...] = ()
    linked: frozenset[Parts] = frozenset()

    @cached_property
    def pictures(self) -> tuple[int, ...]:
        """Positions in ``files`` of the images."""
        return tuple(
            position
            for position, parts in enumerate(self.files)
            if is_image(parts[-1]) or parts in self.by_content
        )


class Readable(Protocol):
    """A place of image files."""

    @property
    def where(self) -> str:
        """Path of the place, for messages."""

    def reader(self, files: Sequence[Parts]) -> Reader:
        """A reader of image files, one a row."""


class Container(Readable, Protocol):
    """A folder or an archive that holds a tree."""

    @property
    def limits(self) -> Limits:
        """Bounds of its files."""

    def tree(self) -> Tree:
        """The user's files."""

    def identity(self) -> str:
        """A digest that changes with the content, found without decoding."""

    def content(self, file: Parts) -> bytes:
        """The bytes of a file."""


def prune(
    files: Iterable[Parts],
    folders: Iterable[Parts],
    open_file: Callable[[Parts], IO[bytes]] | None = None,
    others: Mapping[str, Iterable[Parts]] | None = None,
    twins: Iterable[tuple[Parts, Parts]] = (),
    linked: Iterable[Parts] = (),
) -> Tree:
    """The user's part of a listing: without junk, hidden files and run directories, which are counted.

    Args:
        files: All files.
        folders: All folders but the top.
        open_file: Opens one of the files, to find images without the ending of one; None does not look.
        others: Paths that are not read, by the reason, to be counted.
        twins: See ``Tree``.
        linked: See ``Tree``.
    """
    entries: dict[Parts, set[str]] = defaultdict(set)
    files, folders = list(files), set(folders)
    for parts in (*files, *folders):
        entries[parts[:-1]].add(parts[-1])
    runs = {folder for folder in folders if is_run(entries[folder])}
    environments = {folder for folder in folders if not entries[folder].isdisjoint(_ENVIRONMENT_TRACES)}
    kept: list[Parts] = []
    left: dict[str, list[str]] = defaultdict(list)
    for parts in sorted(files):
        reason = _unwanted(parts, runs, environments)
        if reason:
            left[reason].append("/".join(parts))
        else:
            kept.append(parts)
    for reason, paths in (others or {}).items():
        left[reason] += ["/".join(parts) for parts in paths]
    bare = {ancestor for run in runs for ancestor in _ancestors(run)} - {
        ancestor for parts in kept for ancestor in _ancestors(parts)
    }  # folders that hold nothing but runs
    own = {folder for folder in folders if not _unwanted(folder, runs, environments) and folder not in bare}
    return Tree(
        tuple(kept),
        frozenset(own),
        tuple(
            LeftOut(reason, len(names), tuple(names[:EXAMPLES])) for reason, names in left.items() if names
        ),
        _images_by_content(kept, open_file) if open_file else frozenset(),
        tuple(twins),
        frozenset(linked),
    )


def _images_by_content(files: Iterable[Parts], open_file: Callable[[Parts], IO[bytes]]) -> frozenset[Parts]:
    """The images among files whose ending tells nothing, as ``subject01.happy``.

    Where the first files of one ending in a folder are none, the others are not opened.
    """
    alike: dict[tuple[Parts, str], list[Parts]] = defaultdict(list)
    for parts in files:
        if tells_nothing(parts[-1]):
            alike[parts[:-1], ending_of(parts[-1])].append(parts)
    found: set[Parts] = set()
    for group in alike.values():
        for number, parts in enumerate(group):
            if number == _TRIED and found.isdisjoint(group):
                break
            if is_image_inside(partial(open_file, parts)):
                found.add(parts)
    return frozenset(found)


def _unwanted(parts: Parts, runs: set[Parts], environments: set[Parts]) -> str:
    if ".." in parts:
        return "paths that lead out of the archive"
    if runs and any(ancestor in runs for ancestor in (*_ancestors(parts), parts)):
        return "files of acgan's own run directories"
    if environments and any(ancestor in environments for ancestor in (*_ancestors(parts), parts)):
        return "files of Python's environments"
    return "hidden files, and files of the system" if any(map(is_hidden, parts)) else ""


def _ancestors(parts: Parts) -> Iterator[Parts]:
    """The folders that a path lies in, but the top."""
    for depth in range(1, len(parts)):
        yield parts[:depth]


def endings(tree: Tree, positions: Iterable[int]) -> Counter[str]:
    """Number of files by ending, in lower case; "" for none."""
    names = (tree.files[position][-1] for position in positions)
    return Counter(f".{name.rpartition('.')[2].lower()}" if "." in name else "" for name in names)
