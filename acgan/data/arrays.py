"""Sources that hold arrays: .npz files and PyTorch datasets."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from acgan.data.files import class_name, digest_lines, file_stamp
from acgan.data.index import Index, Unlabelled, choose_held_out
from acgan.data.options import ReadOptions
from acgan.errors import DataError

_ENDING = ".npy"
_LOOKED_AT = 1000  # images whose values tell the range


class ArrayReader:
    """Reader of uint8 arrays, (N, H, W) or (N, H, W, C), numbered one after another."""

    def __init__(self, arrays: Sequence[np.ndarray], names: Sequence[str]):
        self._arrays = arrays
        self._names = names
        self._ends = np.cumsum([len(array) for array in arrays])

    def _locate(self, row: int) -> tuple[int, int]:
        part = int(np.searchsorted(self._ends, row, side="right"))
        return part, row - int(self._ends[part]) + len(self._arrays[part])

    def read(self, row: int) -> Image.Image:
        part, element = self._locate(row)
        return Image.fromarray(self._arrays[part][element])

    def name(self, row: int) -> str:
        part, element = self._locate(row)
        return f"{self._names[part]}[{element}]"


def array_names(file: Path) -> set[str]:
    """The names of the arrays in an .npz file.

    Raises:
        DataError: If it is not one.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except Exception as error:  # of nearly every kind, on damaged files
        raise DataError(
            f"{file} cannot be read as .npz: {_in_a_line(error)}. Make it or copy it anew."
        ) from error
    return {name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)}


def read_array(file: Path, name: str, remedy: str) -> np.ndarray:
    """Read an array of an .npz file to its last byte, to notice damage; errors end with ``remedy``.

    Raises:
        DataError: If it is damaged, or of objects.
    """
    try:
        with zipfile.ZipFile(file) as archive, archive.open(name + _ENDING) as member:
            array: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
            if member.read(1):  # its checksum is looked at where it ends
                raise ValueError(f"{name} has more bytes than its shape says")
    except Exception as error:  # of nearly every kind, on damaged files
        raise DataError(f"{file} cannot be read: {_in_a_line(error)}. {remedy}") from error
    return array


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


class NpzSource:
    """An .npz file: ``images`` and ``labels``, or MedMNIST's ``train_images``, ``train_labels``, …"""

    def __init__(self, path: Path, options: ReadOptions):
        self._path = path
        self._options = options

    def identity(self) -> str:
        return digest_lines(("npz", str(self._path.resolve()), file_stamp(self._path)))

    def index(self) -> Index:
        keys = array_names(self._path)
        prefixes, note = self._prefixes(keys, labelled=True)
        images = [self._images(f"{prefix}images") for prefix in prefixes]
        parts = [self._labels(keys, f"{prefix}labels", len(images[i])) for i, prefix in enumerate(prefixes)]
        labels = np.concatenate(parts)
        labels, class_names = self._name_classes(
            labels, self._read("class_names") if "class_names" in keys else None
        )
        return Index(
            reader=self._reader(images, prefixes),
            rows=np.arange(len(labels), dtype=np.int64),
            labels=labels,
            class_names=class_names,
            held_out=np.arange(len(labels)) >= len(parts[0]) if len(parts) > 1 else None,
            notes=(note,) if note else (),
        )

    def unlabelled(self) -> Unlabelled:
        """Its labels may be missing."""
        prefixes, _ = self._prefixes(array_names(self._path), labelled=False)
        images = [self._images(f"{prefix}images") for prefix in prefixes]
        parts = [""] if prefixes == [""] else ["train", "test"]
        return Unlabelled(
            self._reader(images, prefixes),
            np.repeat(np.array(parts[: len(images)]), [len(array) for array in images]),
        )

    def _read(self, key: str) -> np.ndarray:
        return read_array(self._path, key, "Expected an .npz of plain arrays, not of objects.")

    def _prefixes(self, keys: set[str], labelled: bool) -> tuple[list[str], str]:
        """Prefixes of each split's keys, training images first; and a note."""
        for prefix in ("", "train_"):
            if f"{prefix}images" not in keys or (labelled and f"{prefix}labels" not in keys):
                continue
            if not prefix:
                return [""], ""
            held, note = choose_held_out(
                {key.removesuffix("_images") for key in keys if key.endswith("_images")}
            )
            return ["train_", f"{held}_"] if held else ["train_"], note
        raise DataError(
            f"{self._path} holds {', '.join(sorted(keys)) or 'nothing'}; expected images and labels, or"
            " train_images, train_labels, test_images and test_labels."
        )

    def _reader(self, images: Sequence[np.ndarray], prefixes: Sequence[str]) -> ArrayReader:
        return ArrayReader(images, [f"{self._path}: {prefix}images" for prefix in prefixes])

    def _images(self, key: str) -> np.ndarray:
        """An array of images as (N, H, W) or (N, H, W, C)."""
        return as_pictures(self._read(key), f"{self._path} has {key}")

    def _labels(self, keys: set[str], key: str, count: int) -> np.ndarray:
        if key not in keys:
            raise DataError(f"{self._path} has no {key}, which its images need.")
        labels = self._read(key)
        if labels.shape not in ((count,), (count, 1)) or labels.dtype.kind not in "iuU":
            raise DataError(
                f"{self._path} has {key} of shape {labels.shape} and type {labels.dtype}; expected an integer"
                f" or string for each of the {count:,} images, so ({count},) or ({count}, 1)."
            )
        return labels.reshape(count)

    def _name_classes(
        self, labels: np.ndarray, names: np.ndarray | None
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        if names is None:
            given = (
                [class_name(str(label)) for label in labels.tolist()] if labels.dtype.kind == "U" else labels
            )
            found, positions = np.unique(given, return_inverse=True)
            return positions.astype(np.int64), tuple(str(label) for label in found.tolist())
        composed = tuple(class_name(str(name)) for name in names.reshape(-1).tolist())
        if names.ndim != 1 or names.dtype.kind != "U" or len(set(composed)) < len(composed):
            raise DataError(f"{self._path} has class_names that are not a list of different strings.")
        if labels.dtype.kind == "U":
            raise DataError(f"{self._path} has class_names and labels that are strings; give one of them.")
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
            raise DataError(
                f"{self._path} has labels from {labels.min()} to {labels.max()} and {len(names)} class_names;"
                f" expected labels from 0 to {len(names) - 1}."
            )
        return labels.astype(np.int64), composed


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
                f"{self._path} cannot be read as .npy: {_in_a_line(error)}. Expected one array of uint8, written by "
                "numpy.save."
            ) from error
        images = as_pictures(array, f"{self._path} has an array")
        return Unlabelled(ArrayReader([images], [str(self._path)]), np.full(len(images), ""))


def as_pictures(images: np.ndarray, whose: str) -> np.ndarray:
    """Bring an array of images to (N, H, W) or (N, H, W, C), without a copy.

    Args:
        images: (N, H, W), (N, H, W, C) or (N, C, H, W) uint8.
        whose: Begins the error.

    Raises:
        DataError: It is of another type or shape.
    """
    shape = images.shape
    if images.dtype.kind == "f":
        raise DataError(f"{whose} {_float_problem(images)}")
    if images.dtype != np.uint8:
        raise DataError(f"{whose} of type {images.dtype}; expected uint8 with values from 0 to 255.")
    if images.ndim == 3 and shape[2] in (1, 3, 4) and shape[1] != shape[2]:
        raise DataError(
            f"{whose} of shape {shape}, which is one image (H, W, C), or images {shape[2]} pixels wide; expected many "
            "images (N, H, W) or (N, H, W, C). Write images[None] for one."
        )
    if images.ndim == 4 and shape[3] not in (1, 3, 4) and shape[1] in (1, 3, 4):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 and not (images.ndim == 4 and images.shape[3] in (3, 4)):
        raise DataError(
            f"{whose} of shape {shape}; expected (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels."
        )
    return images


def _float_problem(images: np.ndarray) -> str:
    """The end of the error for floating-point images: their range, and how to convert that."""
    part = images[:_LOOKED_AT] if images.ndim else images
    low, high = (float(part.min()), float(part.max())) if part.size else (0.0, 0.0)
    remedy = ""
    if low >= 0 and high <= 1:
        remedy = " Write (images * 255).round().astype('uint8')."
    elif -1 <= low < 0 and high <= 1:
        remedy = " Write ((images + 1) * 127.5).round().astype('uint8')."
    found = f"of type {images.dtype} with values from {low:g} to {high:g}"
    return f"{found}; expected uint8 with values from 0 to 255.{remedy}"


class TorchReader:
    """Reader of a map-style PyTorch dataset, for one thread; it keeps the labels that it reads."""

    def __init__(self, dataset: Any, name: str):
        self._dataset = dataset
        self._name = name
        self.labels = np.zeros(len(dataset), dtype=np.int64)

    def read(self, row: int) -> Image.Image:
        image, label = self._dataset[row]
        if isinstance(label, torch.Tensor | np.ndarray) and label.ndim == 0:
            label = label.item()
        if isinstance(label, bool) or not isinstance(label, int | np.integer) or label < 0:
            raise DataError(f"{self.name(row)} has the label {label!r}; expected a whole number from 0 on.")
        self.labels[row] = label
        if isinstance(image, Image.Image):
            return image.copy()  # decoding turns images upright in place, and this one is the data set's own
        return Image.fromarray(self._pixels(image, row))

    def name(self, row: int) -> str:
        return f"{self._name}[{row}]"

    def _pixels(self, image: Any, row: int) -> np.ndarray:
        """A tensor (C, H, W) or an array (H, W[, C]) as uint8 (H, W) or (H, W, C)."""
        if isinstance(image, torch.Tensor):
            image = image.detach().cpu().float().numpy() if image.is_floating_point() else image.cpu().numpy()
            image = image.transpose(1, 2, 0) if image.ndim == 3 else image
        if not isinstance(image, np.ndarray):
            raise DataError(
                f"{self.name(row)} is a {type(image).__name__}; expected a PIL image, tensor or array."
            )
        if image.ndim == 3 and image.shape[2] == 1:
            image = image[..., 0]
        if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
            raise DataError(
                f"{self.name(row)} has the shape {image.shape} (height, width, channels); expected 1, 3 or 4"
                " channels: tensors are (C, H, W), arrays (H, W) or (H, W, C)."
            )
        if image.dtype.kind == "f":
            if not (image.min() >= 0 and image.max() <= 1):  # so that NaN fails too
                raise DataError(
                    f"{self.name(row)} has values from {image.min():g} to {image.max():g}; expected"
                    " floats from 0 to 1. Leave normalisation out of the dataset's transform."
                )
            return np.asarray(np.rint(image * 255).astype(np.uint8))
        if image.dtype != np.uint8:
            raise DataError(
                f"{self.name(row)} has the type {image.dtype}; expected uint8, or floats from 0 to 1."
            )
        return np.asarray(image)
