"""Sources that are .npz files, in the ways in which several projects name their arrays, or .npy files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from acgan.data.index import Index, Unlabelled, shortened
from acgan.data.options import ReadOptions
from acgan.data.sources.arrays import (
    ArrayReader,
    array_names,
    array_shape,
    as_images,
    check_image_shape,
    in_a_line,
    not_bytes,
    read_array,
)
from acgan.data.sources.files import class_name, digest_lines, file_stamp
from acgan.data.sources.labels import MANY
from acgan.data.sources.parts import Part, index_parts, part_column, refuse_options
from acgan.data.sources.tree import EXAMPLES
from acgan.errors import DataError, bounded
from acgan.types import LeftOut, Reading

_NAMES = "class_names"
_MADE_BY = "generated_by"  # what `acgan sample` writes beside its images
_VAL = ("val", "valid", "validation")

#: Part of a file ("" is a whole without parts) -> its images and its labels.
Convention = Mapping[str, tuple[str, str]]

CONVENTIONS: dict[str, Convention] = {
    "acgan": {"": ("images", "labels")},
    "MedMNIST": {
        "train": ("train_images", "train_labels"),
        "val": ("val_images", "val_labels"),
        "test": ("test_images", "test_labels"),
    },
    "Keras": {
        "train": ("x_train", "y_train"),
        "val": ("x_val", "y_val"),
        "test": ("x_test", "y_test"),
    },
    "ADM": {"": ("arr_0", "arr_1")},
}


def find_convention(file: Path, arrays: Collection[str]) -> tuple[str, Convention]:
    """Find the convention that an .npz file follows, with its name, and with the names as the file writes them.

    Upper and lower case do not count, and ``valid`` and ``validation`` stand for ``val``.

    Raises:
        DataError: It follows none, or several, or its images to train on are missing.
    """
    written = {name: _as_written(convention, arrays, file) for name, convention in CONVENTIONS.items()}
    fitting = {
        name: convention
        for name, convention in written.items()
        if any(images in arrays for images, _ in convention.values())
    }
    found = shortened(list(map(bounded, sorted(arrays))), MANY) or "nothing"
    if len(fitting) > 1:
        several = " and ".join(
            f"{name}'s names ({' and '.join(_first(convention))})" for name, convention in fitting.items()
        )
        raise DataError(
            f"{file} holds {found}, after {several}. Write the arrays to use into a file of their own."
        )
    for name, convention in fitting.items():
        if _first(convention)[0] in arrays:
            return name, convention
    *others, last = (" and ".join(_first(convention)) for convention in CONVENTIONS.values())
    raise DataError(f"{file} holds {found}; expected {'; '.join(others)}; or {last}.")


def _as_written(convention: Convention, arrays: Collection[str], file: Path) -> Convention:
    """A convention with the file's own names of its arrays; those that are not there keep theirs."""

    def own(name: str, part: str) -> str:
        wanted = {name.replace("val", word) for word in _VAL} if part == "val" else {name}
        found = sorted(array for array in arrays if array.lower() in wanted)
        if len(found) > 1:
            raise DataError(
                f"{file} holds {' and '.join(found)}, which could each be {name}. Write the one to use into a file"
                " without the other."
            )
        return found[0] if found else name

    return {part: (own(images, part), own(labels, part)) for part, (images, labels) in convention.items()}


def _first(convention: Convention) -> tuple[str, str]:
    """Images and labels of the part to train on."""
    return next(iter(convention.values()))


class NpzSource:
    """An .npz file of images and labels, which follows one of ``CONVENTIONS``."""

    def __init__(self, path: Path, options: ReadOptions):
        self._path = path
        self._limits = options.limits
        refuse_options(options, ".npz files")

    def identity(self) -> str:
        return digest_lines(("npz", str(self._path.resolve()), file_stamp(self._path)))

    def index(self) -> Index:
        arrays = array_names(self._path)
        kind, convention = find_convention(self._path, arrays)
        parts = [
            self._part(part, images, labels, arrays)
            for part, (images, labels) in convention.items()
            if images in arrays or labels in arrays
        ]
        images, labels = _first(convention)
        named = _NAMES in arrays
        return index_parts(
            parts,
            lambda used: self._open([convention[part.name][0] for part in used]),
            where=str(self._path),
            class_names=self._class_names() if named else None,
            reading=Reading(
                layout="npz",
                why=f"an .npz file with {images}, as {kind} names its arrays",
                labels=f"the array {labels}" + (f", named by {_NAMES}" if named else ""),
                parts="the names of the arrays" if len(convention) > 1 else "none in the file",
                left_out=_unread(arrays, convention),
            ),
        )

    def unlabelled(self) -> Unlabelled:
        """Its labels may be missing."""
        arrays = array_names(self._path)
        _, convention = find_convention(self._path, arrays)
        parts = [part for part, (images, _) in convention.items() if images in arrays]
        names = [convention[part][0] for part in parts]
        reader = self._open(names)
        column = part_column([(part, self._count(name)) for part, name in zip(parts, names, strict=True)])
        return Unlabelled(reader, column)

    def _open(self, names: Sequence[str]) -> ArrayReader:
        loaded = [as_images(self._read(name), f"{self._path} has {name}") for name in names]
        return ArrayReader(
            loaded,
            [f"{self._path}: {name}" for name in names],
            generated=_MADE_BY in array_names(self._path),
        )

    def _count(self, images: str) -> int:
        """The number of images of an array, which is not read."""
        shape = array_shape(self._path, images)
        check_image_shape(shape, f"{self._path} has {images}")
        return shape[0]

    def _read(self, key: str) -> np.ndarray:
        remedy = "Expected an .npz of plain arrays, not of objects."
        return read_array(self._path, key, remedy, self._limits)

    def _part(self, part: str, images: str, labels: str, arrays: Collection[str]) -> Part:
        """A part with its labels, whose images are not read yet."""
        if images not in arrays:
            raise DataError(f"{self._path} has {labels} and no {images}. Add it, or leave {labels} out.")
        count = self._count(images)
        if labels in arrays:
            return Part(part, count, self._labels(labels, count))
        if part in ("", "train"):
            raise DataError(f"{self._path} has no {labels}, which its images need.")
        return Part(part, count)

    def _labels(self, key: str, count: int) -> np.ndarray:
        """An integer or string for each image."""
        labels = self._read(key)
        if labels.ndim == 2 and len(labels) == count and labels.shape[1] > 1 and labels.dtype.kind in "biuf":
            return self._from_one_hot(key, labels)
        if labels.shape not in ((count,), (count, 1)) or labels.dtype.kind not in "iuU":
            raise DataError(
                f"{self._path} has {key} of shape {labels.shape} and type {labels.dtype}; expected an integer"
                f" or string for each of the {count:,} images, so ({count},) or ({count}, 1)."
            )
        return labels.reshape(count)

    def _from_one_hot(self, key: str, labels: np.ndarray) -> np.ndarray:
        several = int((((labels != 0).sum(axis=1) != 1) | ~np.isin(labels, (0, 1)).all(axis=1)).sum())
        if several:
            raise DataError(
                f"{self._path} has {key} of shape {labels.shape}, so {labels.shape[1]} labels an image, and {several:,}"
                f" of {len(labels):,} images have not exactly one; expected one class an image. Save one column as the"
                " label, or keep the images with exactly one, and labels.argmax(axis=1)."
            )
        return np.asarray(labels.argmax(axis=1))

    def _class_names(self) -> list[str]:
        names = self._read(_NAMES)
        composed = [class_name(str(name)) for name in names.reshape(-1).tolist()]
        if names.ndim != 1 or names.dtype.kind != "U" or len(set(composed)) < len(composed):
            raise DataError(f"{self._path} has {_NAMES} that are not a list of different strings.")
        return composed


def _unread(arrays: Collection[str], convention: Convention) -> tuple[LeftOut, ...]:
    """Arrays that are not read."""
    read = {name for names in convention.values() for name in names} | {_NAMES, _MADE_BY}
    others = sorted(set(arrays) - read)
    return (LeftOut("arrays of other names", len(others), tuple(others[:EXAMPLES])),) if others else ()


class NpySource:
    """A .npy file: one array of images without labels, which is mapped and not read into memory."""

    def __init__(self, path: Path):
        self._path = path

    def identity(self) -> str:
        return digest_lines(("npy", str(self._path.resolve()), file_stamp(self._path)))

    def unlabelled(self) -> Unlabelled:
        try:
            array = np.load(self._path, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # of nearly every kind, on damaged files
            raise DataError(
                f"{self._path} cannot be read as .npy: {in_a_line(error)}. Expected one array of uint8, written by "
                "numpy.save."
            ) from error
        where = f"{self._path} has an array"
        if array.ndim and array.dtype.kind in "iuf" and array.dtype != np.uint8:
            raise not_bytes(array, where, "uint8 with values from 0 to 255")
        images = as_images(array, where)
        return Unlabelled(ArrayReader([images], [str(self._path)]), np.full(len(images), ""))
