"""The content of a source before decoding: rows, labels, classes and the source's own split."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from acgan.errors import DataError, did_you_mean
from acgan.types import LeftOut, Reading

ClassChoice = Sequence[str | Mapping[str, Sequence[str]]]


class Reader(Protocol):
    """The images of a source by row. Both methods are called from many threads at once."""

    def read(self, row: int) -> Image.Image:
        """Open an image; its pixels may be decoded later. Raises whatever Pillow raises on a bad one."""

    def name(self, row: int) -> str:
        """The file, archive member or array element that holds the image, for messages."""


@dataclass(frozen=True)
class Index:
    """The N labelled images of a source, not yet decoded.

    Attributes:
        rows: (N,) int64: the reader's row of each.
        labels: (N,) int64 in [0, K).
        class_names: K names, each with at least one image.
        held_out: (N,) bool, true in the source's own test split; None where it has none.
        notes: Remarks worth a line to the user.
        fixed_split: The share that is held out is the same whatever the seed.
        warnings: Doubts about the data, which the user should look into.
        groups: (N,) int64: images with one number stay on one side of a split; None where each is by itself.
        reading: The way in which the source was read.
        well_known: Everyone compares by these images as they are: doubts about them are remarks, not warnings.
    """

    reader: Reader
    rows: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    held_out: np.ndarray | None
    notes: tuple[str, ...] = ()
    fixed_split: bool = False
    warnings: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    reading: Reading | None = None
    well_known: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def subset(self, keep: np.ndarray) -> Index:
        """The images at ``keep`` (indices or a mask), classes unchanged."""
        held_out = None if self.held_out is None else self.held_out[keep]
        groups = None if self.groups is None else self.groups[keep]
        return replace(self, rows=self.rows[keep], labels=self.labels[keep], held_out=held_out, groups=groups)


@dataclass(frozen=True)
class Unlabelled:
    """All N images of a source, whatever their class, not yet decoded.

    Attributes:
        reader: Opens them; image i is its row i.
        parts: (N,) "train", "test" (held out), or "" for images in neither and for sources without a split.
        left_out: Files of the source that are none of them.
        warnings: Doubts about the source, which the user should look into.
    """

    reader: Reader
    parts: np.ndarray
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()

    def rows(self, split: str) -> np.ndarray:
        """The (M,) int64 rows of "train", "test" or "all"."""
        return np.flatnonzero(self.parts == split) if split != "all" else np.arange(len(self.parts))


def without_labels(index: Index) -> Unlabelled:
    """All images of an index that has every row of its reader."""
    if index.held_out is None:
        return Unlabelled(index.reader, np.full(len(index), ""))
    return Unlabelled(index.reader, np.where(index.held_out, "test", "train"))


def held_out_part(labelled: Collection[str]) -> str:
    """The part of a source that is held out, of those that have labels: ``test``, else ``val``, else ""."""
    return next((part for part in ("test", "val") if part in labelled), "")


def index_by_name(
    reader: Reader,
    names: Sequence[str],
    held_out: np.ndarray | None,
    notes: Iterable[str] = (),
    *,
    warnings: Iterable[str] = (),
    groups: np.ndarray | None = None,
    reading: Reading | None = None,
    order: Sequence[str] = (),
) -> Index:
    """Index images that carry class names: row i is labelled ``names[i]``.

    Classes sort by code point, those in ``order`` before others.
    """
    place = {name: number for number, name in enumerate(order)}
    class_names = sorted(set(names), key=lambda name: (place.get(name, len(place)), name))
    label_of = {name: label for label, name in enumerate(class_names)}
    labels = np.array([label_of[name] for name in names], dtype=np.int64)
    return Index(
        reader=reader,
        rows=np.arange(len(names), dtype=np.int64),
        labels=labels,
        class_names=tuple(class_names),
        held_out=held_out,
        notes=tuple(notes),
        warnings=tuple(warnings),
        groups=groups,
        reading=reading,
    )


def leave_out_empty(index: Index) -> Index:
    """Drop classes that have no image, with a note."""
    counts = np.bincount(index.labels, minlength=len(index.class_names))
    if counts.all():
        return index
    empty = [name for name, count in zip(index.class_names, counts, strict=True) if not count]
    new_label = np.cumsum(counts > 0) - 1
    return replace(
        index,
        labels=new_label[index.labels].astype(np.int64),
        class_names=tuple(name for name in index.class_names if name not in empty),
        notes=(*index.notes, empty_note(empty)),
    )


def empty_note(names: Sequence[str]) -> str:
    """The remark on classes without images."""
    return f"left out, without a single image: {shortened(names)}"


def select_classes(index: Index, classes: ClassChoice) -> Index:
    """Pick, order and merge classes.

    Args:
        index: The source's content.
        classes: Names, or one-key mappings ``{new name: [old names]}``, in the order that is wanted.

    Raises:
        DataError: A class that does not exist or is used twice, or a mapping with more than one key.
    """
    old_label = {name: label for label, name in enumerate(index.class_names)}
    new_names: list[str] = []
    new_label = np.full(len(index.class_names), -1, dtype=np.int64)
    for choice in classes:
        new_name, old_names = _parse_choice(choice)
        if new_name in new_names:
            raise DataError(f"data.classes makes two classes named {new_name!r}. Give each its own name.")
        for name in old_names:
            if name not in old_label:
                raise DataError(
                    f"data.classes names {name!r}, which the source does not have."
                    f"{did_you_mean(name, old_label)} It has: {shortened(index.class_names, 20)}."
                )
            if new_label[old_label[name]] >= 0:
                raise DataError(f"data.classes uses {name!r} twice. Let it be part of one class only.")
            new_label[old_label[name]] = len(new_names)
        new_names.append(new_name)
    labels = new_label[index.labels]
    picked = replace(index, labels=labels, class_names=tuple(new_names))
    return picked.subset(labels >= 0)


def _parse_choice(choice: str | Mapping[str, Sequence[str]]) -> tuple[str, list[str]]:
    if isinstance(choice, str):
        return choice, [choice]
    if len(choice) != 1:
        raise DataError(
            f"data.classes holds {dict(choice)!r}; a merged class is one new name with a list of old ones,"
            " as in {pet: [cat, dog]}."
        )
    new_name, old_names = next(iter(choice.items()))
    if not old_names:
        raise DataError(
            f"data.classes gives {new_name!r} as {old_names!r}; expected a list of the classes to merge,"
            f" as in {{{new_name}: [cat, dog]}}."
        )
    return new_name, list(old_names)


def check_split(index: Index) -> None:
    """Check that training has images of every class.

    Raises:
        DataError: The source's own test split has a class that its training split lacks.
    """
    if index.held_out is None:
        return
    trained = set(index.labels[~index.held_out].tolist())
    lacking = [name for label, name in enumerate(index.class_names) if label not in trained]
    if lacking:
        raise DataError(
            f"The test split has images of {shortened(lacking)}, the training split has none."
            " Add training images, or name the classes to use with data.classes."
        )


def shortened(names: Sequence[str], limit: int = 8) -> str:
    """Names as a list for a message, shortened to ``limit``."""
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit:,} more" if len(names) > limit else shown
