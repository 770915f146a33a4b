"""Images in arrays, and the reading of .npz files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from acgan.data.sources.members import LIMITS, Limits, OversizedError
from acgan.errors import DataError
from acgan.marks import GENERATED_MARK

_ENDING = ".npy"
_INT32 = np.iinfo(np.int32)
_HEADER = 1 << 16  # bytes that the shape and type of an array stand in
_LOOKED_AT = 1000  # images whose values tell the range


class Joined:
    """Rows of several parts, numbered one after another."""

    def __init__(self, lengths: Sequence[int]):
        self._ends = np.cumsum(lengths)
        self._lengths = lengths

    def locate(self, row: int) -> tuple[int, int]:
        """The part that has a row, and the row's number in it."""
        part = int(np.searchsorted(self._ends, row, side="right"))
        return part, row - int(self._ends[part]) + self._lengths[part]


class ArrayReader:
    """Reader of arrays as ``as_images`` gives them, numbered one after another.

    Args:
        arrays: The arrays.
        names: Their names, for messages.
        generated: A generator made them: each image gets the mark of such.
    """

    def __init__(self, arrays: Sequence[np.ndarray], names: Sequence[str], *, generated: bool = False):
        self._arrays = arrays
        self._generated = generated
        self._names = names
        self._joined = Joined([len(array) for array in arrays])

    def read(self, row: int) -> Image.Image:
        part, element = self._joined.locate(row)
        image = Image.fromarray(_for_pillow(self._arrays[part][element]))
        if self._generated:
            image.info[GENERATED_MARK] = ""
        return image

    def name(self, row: int) -> str:
        part, element = self._joined.locate(row)
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
            f"{file} cannot be read as .npz: {in_a_line(error)}. Make it or copy it anew."
        ) from error
    return {name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)}


def array_shape(file: Path, name: str) -> tuple[int, ...]:
    """The shape of an array of an .npz file, read without its values.

    Raises:
        DataError: If it is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive, archive.open(name + _ENDING) as member:
            begin = io.BytesIO(member.read(_HEADER))
            version = np.lib.format.read_magic(begin)
            first = version == (1, 0)
            read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
            shape: tuple[int, ...] = read(begin)[0]
    except Exception as error:  # of nearly every kind, on damaged files
        raise DataError(f"{file} cannot be read: {in_a_line(error)}. Make it or copy it anew.") from error
    return shape


def read_array(file: Path, name: str, remedy: str, limits: Limits = LIMITS) -> np.ndarray:
    """Read an array of an .npz file to its last byte, to notice damage; errors end with ``remedy``.

    Raises:
        DataError: If it is damaged, of objects, or packed more than ``limits`` allow.
    """
    array_shape(file, name)
    try:
        with zipfile.ZipFile(file) as archive, archive.open(name + _ENDING) as member:
            limits.check_member(archive.getinfo(name + _ENDING))
            array: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
            if member.read(1):  # its checksum is looked at where it ends
                raise ValueError(f"{name} has more bytes than its shape says")
    except OversizedError as error:
        raise DataError(f"{file}: {name} cannot be read: {error}.") from error
    except Exception as error:  # of nearly every kind, on damaged files
        raise DataError(f"{file} cannot be read: {in_a_line(error)}. {remedy}") from error
    return array


def as_images(array: np.ndarray, where: str) -> np.ndarray:
    """An array of N images, in colour (N, H, W, 3 or 4) or gray (N, H, W).

    Gray ones may have more than 8 bits, whole numbers or floats: decoding scales them. In colour Pillow has 8 bits
    alone, so floats from 0 to 1 are accepted there, and no others.

    Args:
        array: (N, H, W), (N, H, W, C) or (N, C, H, W), with 1, 3 or 4 channels.
        where: Its file and name, for messages.

    Raises:
        DataError: An array of another shape, or of values that are no pixels.
    """
    check_image_shape(array.shape, where)
    images = array
    if images.ndim == 4 and images.shape[3] not in (1, 3, 4) and images.shape[1] in (1, 3, 4):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    kind = images.dtype.kind
    if kind not in "biuf":
        raise DataError(f"{where} of type {images.dtype}; expected numbers, such as uint8 from 0 to 255.")
    if images.dtype == np.uint8 or kind == "b" or not images.size:
        return images
    if images.ndim == 4 and not (
        kind == "f" and images.min() >= 0 and images.max() <= 1
    ):  # so that NaN fails too
        raise not_bytes(images, where, "colours as uint8 from 0 to 255, or as floats from 0 to 1")
    low, high = images.min(), images.max()
    if kind in "iu" and not _INT32.min <= low <= high <= _INT32.max:
        raise DataError(f"{where} with values from {low} to {high}; expected numbers of at most 32 bits.")
    return images


def check_image_shape(shape: tuple[int, ...], where: str) -> None:
    """Refuse an array of images of another shape than ``as_images`` takes."""
    channels = (1, 3, 4)
    if len(shape) == 3 and shape[2] in channels and shape[1] != shape[2]:
        raise DataError(
            f"{where} of shape {shape}, which is one image (H, W, C), or images {shape[2]} pixels wide; expected many"
            " images (N, H, W) or (N, H, W, C). Write images[None] for one."
        )
    if len(shape) != 3 and not (len(shape) == 4 and (shape[3] in channels or shape[1] in channels)):
        raise DataError(
            f"{where} of shape {shape}; expected (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels."
        )


def not_bytes(images: np.ndarray, where: str, expected: str) -> DataError:
    """The error for images in another type than uint8: their range, and how to convert that."""
    part = images[:_LOOKED_AT]
    low, high = (float(part.min()), float(part.max())) if part.size else (0.0, 0.0)
    remedy = " Scale them before they are saved."
    if images.dtype.kind == "f" and low >= 0 and high <= 1:
        remedy = " Write (images * 255).round().astype('uint8')."
    elif images.dtype.kind == "f" and -1 <= low < 0 and high <= 1:
        remedy = " Write ((images + 1) * 127.5).round().astype('uint8')."
    elif images.dtype.kind in "iu" and low >= 0 and high <= 255:
        remedy = " Write images.astype('uint8')."
    found = f"{where} of type {images.dtype} with values from {low:g} to {high:g}"
    return DataError(f"{found}; expected {expected}.{remedy}")


def _for_pillow(pixels: np.ndarray) -> np.ndarray:
    """An image (H, W[, C]) in a type that Pillow knows."""
    if pixels.dtype.kind == "b":
        return np.asarray(pixels.astype(np.uint8) * np.uint8(255))
    if pixels.dtype.kind == "f":
        return np.rint(pixels * 255.0).astype(np.uint8) if pixels.ndim == 3 else pixels.astype(np.float32)
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize > 2:
        return pixels.astype(np.int32)
    return pixels


def in_a_line(error: Exception) -> str:
    """The text of an error of a library, without line breaks and the full stop."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
