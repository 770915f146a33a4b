"""Random trees of parts, wrappers, chunks, classes and lists: never a silent wrong class, never a traceback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from acgan.data.index import Index
from acgan.data.options import ReadOptions
from acgan.data.sources.members import LIMITS
from acgan.data.sources.tree import Parts, Tree, prune
from acgan.data.sources.tree_source import TreeSource
from acgan.errors import DataError

NAMES = (
    *("cat", "dog", "fox", "köter", "big cat", "Old", "n01440764", "7", "12", "train_station", "test_tube"),
    *("images", "masks", "00001", "00002", "2020", "2021", "part1", "part2", "test", "dev", "runs", "data"),
)
PART_NAMES = {
    "train": ("train", "Training", "seg_train", "TRAIN", "train_images", "train2017"),
    "val": ("val", "valid", "Validation", "dev", "eval", "val_images"),
    "test": ("test", "Testing", "seg_test", "test-set", "TEST"),
}
WRAPPERS = ("archive", "data", "train", "images", "set v1", "00000", "pets", "cat")


@dataclass
class Truth:
    """Files of a tree, and what is true of its pictures.

    Attributes:
        files: Content by path; b"" for pictures.
        pictures: Class and part of each picture that has one.
    """

    files: dict[Parts, bytes] = field(default_factory=dict)
    pictures: dict[Parts, tuple[str, str]] = field(default_factory=dict)

    def below(self, *prefix: str) -> Truth:
        """The same in a folder."""
        return Truth(
            {(*prefix, *path): content for path, content in self.files.items()},
            {(*prefix, *path): told for path, told in self.pictures.items()},
        )

    def add(self, other: Truth) -> None:
        self.files |= other.files
        self.pictures |= other.pictures


class InMemory:
    """A container of files in memory."""

    where = "SET"
    limits = LIMITS

    def __init__(self, files: Mapping[Parts, bytes]):
        self._files = files

    def tree(self) -> Tree:
        folders = {path[:depth] for path in self._files for depth in range(1, len(path))}
        return prune(self._files, folders)

    def identity(self) -> str:
        return ""

    def content(self, file: Parts) -> bytes:
        return self._files[file]

    def reader(self, files: Sequence[Parts]) -> Named:
        return Named(files)


class Named:
    """A reader that knows the names alone."""

    def __init__(self, files: Sequence[Parts]):
        self.files = files

    def read(self, row: int) -> Image.Image:
        raise AssertionError("nothing is decoded")

    def name(self, row: int) -> str:
        return "/".join(self.files[row])


counts = st.integers(1, 3)


@st.composite
def class_folder(draw: st.DrawFn, name: str, part: str) -> Truth:
    """A class: its pictures in its folder, or also below it."""
    inside = draw(
        st.sampled_from([("",), ("",), ("",), ("", "old"), ("images",), ("00000", "00001"), ("old", "new")])
    )
    truth = Truth()
    for sub in inside:
        for number in range(draw(counts)):
            path = (name, *filter(None, [sub]), f"{part}{number}.png")
            truth.files[path] = b""
            truth.pictures[path] = (name, part)
    return truth


@st.composite
def class_folders(draw: st.DrawFn, names: Sequence[str], part: str) -> Truth:
    truth = Truth()
    for name in names:
        truth.add(draw(class_folder(name, part)))
    return truth


def flat(part: str, count: int) -> Truth:
    """Pictures without labels."""
    return Truth({(f"{part}_{number}.jpg",): b"" for number in range(count)})


@st.composite
def in_parts(draw: st.DrawFn, names: Sequence[str]) -> Truth:
    """Parts, labelled or not, perhaps wrapped inside, perhaps with another folder beside them."""
    truth = Truth()
    parts = draw(
        st.dictionaries(
            st.sampled_from(["train", "val", "test"]), st.sampled_from([True, True, False]), min_size=1
        )
    )
    for part, labelled in parts.items():
        # One class in several folders cannot be told from a wrapper, unless the training part has it.
        fewest = 1 if parts.get("train") else 2
        kept = names
        if part != "train":
            kept = draw(st.lists(st.sampled_from(names), unique=True, min_size=fewest))
        inner = draw(class_folders(kept, part)) if labelled else flat(part, draw(counts))
        name = draw(st.sampled_from(PART_NAMES[part]))
        inside = draw(st.sampled_from([(), (), (name,), ("images",)]))
        truth.add(inner.below(name, *inside))
    if draw(st.sampled_from([False, False, True])):
        truth.add(flat("x", draw(counts)).below(draw(st.sampled_from(["extra", "samples", "cat"]))))
    return truth


@st.composite
def in_chunks(draw: st.DrawFn, names: Sequence[str]) -> Truth:
    """Chunks of pictures without labels, or of class folders."""
    labelled = draw(st.booleans())
    numbered = [("00000", "00001"), ("part1", "part2"), ("images_1", "images_2")]
    # Folders with names like any other tell nothing, unless there are folders in them.
    chunks = draw(st.sampled_from([*numbered, ("a", "b")] if labelled else numbered))
    truth = Truth()
    for chunk in chunks:
        inner = draw(class_folders(names, "train")) if labelled else flat("p", draw(counts))
        truth.add(inner.below(chunk))
    return truth


@st.composite
def in_things(draw: st.DrawFn, names: Sequence[str]) -> Truth:
    """Folders of things, with the pictures of each in a folder of its class."""
    truth = Truth()
    for thing in ("a", "b", "c", "d", "e")[: draw(st.integers(3, 5))]:
        own = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        inside = draw(st.sampled_from([(), (), ("x",)]))
        truth.add(draw(class_folders(own, "train")).below(thing, *inside))
    # A class in one thing only, or one class in all, cannot be told from sub-folders.
    held = [{name for path, (name, _) in truth.pictures.items() if path[0] == thing} for thing in "abc"]
    assume(held[0] & held[1] and held[1] != held[2])
    return truth


@st.composite
def twice(draw: st.DrawFn, names: Sequence[str]) -> Truth:
    """A set, or a part of it, beside itself."""
    truth = draw(class_folders(names, "train"))
    again = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    truth.add(draw(class_folders(again, "train")).below(*draw(st.sampled_from([("set",), ("old", "set")]))))
    return truth


@st.composite
def listed(draw: st.DrawFn, names: Sequence[str]) -> Truth:
    """Pictures anywhere, with a list of their labels."""
    folders = draw(
        st.lists(st.sampled_from(["images", "00000", "00001", "cat", "train", "test", ""]), min_size=1)
    )
    truth, rows, number = Truth(), ["file_name,label"], 0
    for folder in folders:
        for _ in range(draw(counts)):
            path = (*filter(None, [folder]), f"{number}.png")
            label = draw(st.sampled_from(names))
            truth.files[path] = b""
            truth.pictures[path] = (label, "test" if folder == "test" else "train")
            rows.append(f"{'/'.join(path)},{label}")
            number += 1
    truth.files["labels.csv",] = "\n".join(rows).encode()
    return truth


@st.composite
def trees(draw: st.DrawFn) -> Truth:
    # One class in several folders cannot be told from a wrapper around several classes.
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True))
    strategies = (class_folders(names, "train"), in_parts(names), in_chunks(names), listed(names))
    truth = draw(st.one_of(*strategies, in_things(names), twice(names)))
    if draw(st.booleans()):
        truth = truth.below("set")
        truth.files["preview.jpg",] = b""
    # A list in a folder of a part is of that part.
    wrappers = [
        name
        for name in WRAPPERS
        if name != "train" or not any(path[-1] == "labels.csv" for path in truth.files)
    ]
    truth = truth.below(*draw(st.lists(st.sampled_from(wrappers), max_size=3)))
    if draw(st.booleans()):
        truth.files |= {("README.md",): b"x", (".git", "a.png"): b"", ("runs", "x", ".lock"): b""}
    return truth


@st.composite
def plain_trees(draw: st.DrawFn) -> Truth:
    """Class folders with pictures in them, perhaps in parts, perhaps in other folders: nothing is doubtful."""
    names = draw(st.lists(st.sampled_from(NAMES[:9]), min_size=2, max_size=4, unique=True))
    folders = Truth({(name, f"{n}.png"): b"" for name in names for n in range(draw(counts))})
    truth = Truth()
    for part in draw(st.sampled_from([(), ("train",), ("train", "test"), ("train", "val", "test")])):
        name = draw(st.sampled_from(PART_NAMES[part][:2]))
        labelled = Truth(folders.files, {path: (path[0], part) for path in folders.files})
        truth.add(labelled.below(name, *draw(st.sampled_from([(), (name,)]))))
    if not truth.files:
        truth = Truth(folders.files, {path: (path[0], "train") for path in folders.files})
    return truth.below(*draw(st.lists(st.sampled_from(WRAPPERS), max_size=3)))


def read(truth: Truth) -> Index | None:
    """The index, or None where the tree is refused."""
    try:
        return TreeSource(InMemory(truth.files), ReadOptions(root=None)).index()  # type: ignore[arg-type]
    except DataError:
        return None


def check(truth: Truth, index: Index) -> None:
    """Classes and parts are right, or a warning speaks of what may not be."""
    warned = "\n".join(index.warnings)
    merged = "sub-folder" in warned or "of one name in several places" in warned
    for number in range(len(index)):
        path = tuple(index.reader.name(int(index.rows[number])).split("/"))
        held = index.held_out is not None and bool(index.held_out[number])
        if path not in truth.pictures:
            assert merged, f"{path} has no label"
            continue
        name, part = truth.pictures[path]
        found = index.class_names[index.labels[number]]
        assert found == name or merged, f"{path} is no {found}"
        assert held == (part != "train") or part in warned, f"{path} is of {part}, and held out: {held}"


def test_never_a_silent_wrong_class() -> None:
    seen = Counter[str]()

    @settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(trees())
    @example(Truth({("pets", "cat", "a.png"): b""}, {("pets", "cat", "a.png"): ("cat", "train")}))
    def walk(truth: Truth) -> None:
        index = read(truth)
        seen["trees"] += 1
        if index is not None:
            seen["read"] += 1
            seen["read without a warning"] += not index.warnings
            check(truth, index)

    walk()
    assert 10 * seen["read without a warning"] > seen["trees"], seen  # it would pass if all were refused


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(plain_trees())
def test_plain_trees_are_read(truth: Truth) -> None:
    index = TreeSource(InMemory(truth.files), ReadOptions(root=None)).index()  # type: ignore[arg-type]
    check(truth, index)
    used = {part for _, part in truth.pictures.values()} - ({"val"} if index.reading.unused else set())
    assert len(index) == sum(part in used for _, part in truth.pictures.values())
