"""PyTorch datasets and other sequences of labelled images, handed over as objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Subset

from acgan.data.index import Index, index_by_name, leave_out_empty, shortened
from acgan.data.layouts.columns import USUAL
from acgan.data.options import DataOptions
from acgan.data.pack import decode_all, put_in_order
from acgan.data.sources.files import class_name
from acgan.data.sources.labels import MANY
from acgan.data.sources.pair import as_dataset
from acgan.data.store import make_dataset
from acgan.errors import DataError, bounded
from acgan.types import Dataset, Reading

IMAGE_NAMES = ("image", "img", "images", "pixel_values", "picture", "photo", "x")
_COUNTERS = ("id", "idx", "index", "image_id", "key")  # whole numbers that are no classes

_EXPECTED = (
    "expected an image (a PIL image, or a tensor or array of 2 or 3 dimensions) and a label (a whole number or the name"
    " of a class) alone, or under the keys image and label."
)

Key = str | int


@dataclass(frozen=True)
class Places:
    """Places of the image and of the label in each item: positions, or keys."""

    image: Key
    label: Key


def dataset_from_torch(dataset: Any, name: str, options: DataOptions) -> Dataset:
    """Decode a map-style dataset of labelled images, into memory.

    Args:
        dataset: Its items are tuples or dicts that hold an image and a label, see ``find_places``; or a pair of all
            images and all labels. Images are PIL images, tensors (C, H, W) or arrays (H, W[, C]), uint8 or floats in
            [0, 1]. Labels are whole numbers, which ``dataset.classes`` names if it exists, or names of classes.
        name: Short name, fit for a directory.
        options: Options by which it is decoded. Its classes are not chosen, and a broken image is always an error.

    Raises:
        DataError: An image or label of another kind, or fewer names than labels.
    """
    options = replace(options, on_error="stop", skip_with="")  # the label of an item that fails is unknown
    dataset = as_dataset(dataset, name)
    _check_map_style(dataset, name)
    places = find_places(dataset[0], f"{name}[0]", options.columns)
    reader = TorchReader(dataset, name, places)
    rows = np.arange(len(dataset), dtype=np.int64)
    # One thread: nothing says that a dataset may be read by several.
    decoded = decode_all(reader, rows, options, workspace=None, threads=1, progress=None)
    index = leave_out_empty(_index(reader, class_names_of(dataset, places.label, name), name))
    return make_dataset(name, put_in_order(index, decoded, options, None))


def find_places(item: Any, where: str, columns: Mapping[str, str]) -> Places:
    """Find the image and the label of an item by their names and types.

    Args:
        item: A tuple, list, named tuple or dict.
        where: The item, for messages.
        columns: Keys of image ("path") and label ("label") that the user chose.

    Raises:
        DataError: There is no image or no label, or several could be it.
    """
    parts, found = _parts_of(item), f"{where} is {_describe(item)}"
    if parts is None:
        raise DataError(f"{found}; {_EXPECTED}")
    image = _place("image", parts, columns.get("path"), IMAGE_NAMES, _is_image, found)
    rest = {key: value for key, value in parts.items() if key != image and str(key).lower() not in _COUNTERS}
    return Places(image, _place("label", rest, columns.get("label"), USUAL["label"], _is_label, found))


def class_names_of(dataset: Any, label: Key, name: str) -> tuple[str, ...] | None:
    """Names of the labels: ``classes``, or those of a Hugging Face feature; also of a wrapped dataset; else None.

    Raises:
        DataError: Datasets that are joined have different names.
    """
    names = getattr(dataset, "classes", None)
    if names is None:
        features = getattr(dataset, "features", None)
        names = getattr(features.get(label), "names", None) if isinstance(features, Mapping) else None
    if names is not None:
        return tuple(class_name(str(each)) for each in names)
    if isinstance(dataset, Subset):
        return class_names_of(dataset.dataset, label, name)
    if isinstance(dataset, ConcatDataset):
        found = {class_names_of(each, label, name) for each in dataset.datasets}
        if len(found) > 1:
            names = bounded(" and ".join(map(str, found)), 400)
            raise DataError(
                f"{name} joins datasets with different class names: {names}. A label would stand for several classes."
            )
        return next(iter(found), None)
    return None


class TorchReader:
    """Reader of a map-style dataset, for one thread; it keeps the labels that it reads.

    Args:
        dataset: The dataset.
        name: Its name, for messages.
        places: Where its items have image and label.
    """

    def __init__(self, dataset: Any, name: str, places: Places):
        self._dataset = dataset
        self._name = name
        self._places = places
        self.labels: list[int | str] = [0] * len(dataset)

    def read(self, row: int) -> Image.Image:
        parts = _parts_of(self._dataset[row]) or {}
        if not {self._places.image, self._places.label} <= parts.keys():
            raise DataError(
                f"{self.name(row)} has {shortened(list(map(str, parts)), MANY)}; expected {self._places.image} and"
                f" {self._places.label}, as the first item has."
            )
        self.labels[row] = _label(parts[self._places.label], self.name(row))
        image = parts[self._places.image]
        if isinstance(image, Image.Image):
            return image.copy()  # decoding turns images upright in place, and this one is the data set's own
        return Image.fromarray(_pixels(image, self.name(row)))

    def name(self, row: int) -> str:
        return f"{self._name}[{row}]"

    def reading(self) -> Reading:
        """The way of reading."""
        image, label = (
            f"part {key} of each item" if isinstance(key, int) else f"{key!r} of each item"
            for key in (self._places.image, self._places.label)
        )
        return Reading("dataset", f"a Dataset whose images are {image}", label, "none: a Dataset is one part")


def _check_map_style(dataset: Any, name: str) -> None:
    if isinstance(dataset, Mapping):
        parts = shortened(list(map(str, dataset)), MANY)
        raise DataError(
            f"{name} is a {type(dataset).__name__} of {parts}; expected one of them, as data={name}[...]."
        )
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise DataError(
            f"{name} is a {type(dataset).__name__}, without a length or an item of each number; expected a map-style"
            " Dataset, with __len__ and __getitem__."
        )
    if not len(dataset):
        raise DataError(f"{name} is an empty dataset.")


def _parts_of(item: Any) -> dict[Key, Any] | None:
    """The parts of an item by key or position; None if it has none."""
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, tuple) and hasattr(item, "_asdict"):
        return dict(item._asdict())
    return dict(enumerate(item)) if isinstance(item, tuple | list) else None


def _place(
    what: str,
    parts: Mapping[Key, Any],
    chosen: str | None,
    names: Sequence[str],
    fits: Callable[[Any], bool],
    found: str,
) -> Key:
    """The key of the image or label: the one that is chosen, or named so, or the only one of its type."""
    if chosen is not None:
        place = {str(key): key for key in parts}.get(chosen)
        if place is None:
            raise DataError(f"{found}. data.columns names {chosen!r} as the {what}, which is not there.")
        return place
    named = [key for key in parts if str(key).lower() in names]
    if len(named) == 1:
        return named[0]
    fitting = [key for key in named or parts if fits(parts[key])]
    if len(fitting) == 1:
        return fitting[0]
    doubt = (
        f"{' and '.join(map(str, fitting[:MANY]))} could each be the {what}"
        if fitting
        else f"none of it is the {what}"
    )
    raise DataError(f"{found}. {doubt[0].upper()}{doubt[1:]}; {_EXPECTED}")


def _is_image(value: Any) -> bool:
    return isinstance(value, Image.Image) or (
        isinstance(value, torch.Tensor | np.ndarray) and value.ndim in (2, 3)
    )


def _is_label(value: Any) -> bool:
    return _plain_label(value) is not None


def _plain_label(value: Any) -> int | str | None:
    """A label as a number or string: of a one-hot vector, the place of its one; None if it is no label."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        if value.ndim == 1 and len(value) > 1 and value.dtype.kind in "biuf":
            ones = np.flatnonzero(value)
            return int(ones[0]) if len(ones) == 1 and value[ones[0]] == 1 else None
        if value.size != 1:
            return None
        value = value.reshape(()).item()
    if isinstance(value, str):
        return class_name(value)
    return int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else None


def _label(value: Any, where: str) -> int | str:
    label = _plain_label(value)
    if label is None or (isinstance(label, int) and label < 0):
        shown = bounded(repr(value)) if isinstance(value, int | float | str) else _described(value)
        raise DataError(
            f"{where} has the label {shown}; expected a whole number from 0 on, or the name of a class."
        )
    return label


def _pixels(image: Any, where: str) -> np.ndarray:
    """A tensor (C, H, W) or an array (H, W[, C]) as uint8 (H, W) or (H, W, C)."""
    if isinstance(image, torch.Tensor):
        image = image.detach().cpu().float().numpy() if image.is_floating_point() else image.cpu().numpy()
        image = image.transpose(1, 2, 0) if image.ndim == 3 else image
    if not isinstance(image, np.ndarray):
        raise DataError(f"{where} is a {type(image).__name__}; expected a PIL image, tensor or array.")
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise DataError(
            f"{where} has the shape {image.shape} (height, width, channels); expected 1, 3 or 4"
            " channels: tensors are (C, H, W), arrays (H, W) or (H, W, C)."
        )
    if image.dtype.kind == "f":
        if not (image.min() >= 0 and image.max() <= 1):  # so that NaN fails too
            raise DataError(
                f"{where} has values from {image.min():g} to {image.max():g}; expected"
                " floats from 0 to 1. Leave normalisation out of the dataset's transform."
            )
        return np.asarray(np.rint(image * 255).astype(np.uint8))
    if image.dtype != np.uint8:
        raise DataError(f"{where} has the type {image.dtype}; expected uint8, or floats from 0 to 1.")
    return np.asarray(image)


def _index(reader: TorchReader, names: tuple[str, ...] | None, name: str) -> Index:
    """The images by the labels that were read."""
    strings = [label for label in reader.labels if isinstance(label, str)]
    numbers = [label for label in reader.labels if isinstance(label, int)]
    if strings and numbers:
        raise DataError(
            f"{name} has whole numbers and names as labels, such as {numbers[0]} and {strings[0]!r}. Write them alike."
        )
    if strings:
        return index_by_name(reader, strings, None, reading=reader.reading())
    labels = np.array(numbers, dtype=np.int64)
    if names is None:
        names = tuple(map(str, range(labels.max() + 1)))
    if labels.max() >= len(names):
        raise DataError(
            f"{name} has the label {labels.max()} but {len(names)} class names; expected a name for each."
        )
    rows = np.arange(len(labels), dtype=np.int64)
    return Index(reader, rows, labels, names, held_out=None, reading=reader.reading())


def _describe(item: Any) -> str:
    """The type of an item and its parts, for a message."""
    parts = _parts_of(item)
    if parts is None:
        return f"a {_described(item)}"
    kind = type(item).__name__
    if isinstance(item, tuple | list) and not hasattr(item, "_asdict"):
        return f"a {kind} of {shortened(list(map(_described, parts.values())), MANY) or 'nothing'}"
    told = [f"{key}: {_described(value)}" for key, value in parts.items()]
    return f"a {kind} with {shortened(told, MANY) or 'nothing'}"


def _described(value: Any) -> str:
    if isinstance(value, Image.Image):
        return f"PIL image {value.mode} {value.width} x {value.height}"
    if isinstance(value, torch.Tensor | np.ndarray) and value.ndim:
        kind = "tensor" if isinstance(value, torch.Tensor) else "array"
        return f"{kind} {tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:40] + '…'}"
