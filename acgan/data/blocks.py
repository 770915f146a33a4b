"""Checks of stored images, a block of them at a time: all at once, or each when it is first touched."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acgan.errors import DataError

# A batch of images from anywhere touches as many blocks as it has images, so a block is small.
_BLOCK_BYTES = 1 << 20
_NAMED = 3  # damaged blocks that a message names


@dataclass(frozen=True)
class Blocks:
    """CRC-32 of the images of a file, by block: nothing in the standard library is faster.

    Attributes:
        size: Images of a block; the last one may have fewer.
        checks: The checks of the blocks.
    """

    size: int
    checks: Sequence[int]

    @classmethod
    def of(cls, images: np.ndarray) -> Blocks:
        """The blocks of images (N, C, H, W), which are read whole."""
        size = max(1, _BLOCK_BYTES // max(math.prod(images.shape[1:]), 1))
        return cls(size, [_check_of(images[start : start + size]) for start in range(0, len(images), size)])

    def damaged(self, images: np.ndarray, numbers: Iterable[int] | None = None) -> list[int]:
        """Numbers of the blocks whose images changed.

        Args:
            images: (N, C, H, W), all of the file's.
            numbers: Numbers of the blocks to look at; None looks at all.
        """
        looked_at = range(len(self.checks)) if numbers is None else numbers
        return [
            number for number in looked_at if _check_of(images[self._rows(number)]) != self.checks[number]
        ]

    def told(self, damaged: Sequence[int], num_images: int) -> str:
        """Words for the images of damaged blocks, which are numbered from 0."""
        parts = [range(num_images)[self._rows(number)] for number in damaged[:_NAMED]]
        named = ", ".join(f"{part[0]:,} to {part[-1]:,}" for part in parts)
        more = f" and of {len(damaged) - _NAMED:,} more blocks" if len(damaged) > _NAMED else ""
        return f"the pixels of images {named}{more} of {num_images:,}, counted from 0, changed after they were written"

    def _rows(self, number: int) -> slice:
        return slice(number * self.size, (number + 1) * self.size)


class FirstTouch:
    """Checks of a mapped file: each block once in this process.

    Several threads may ask: two of them may then check the same block, and neither goes on before it is checked.

    Args:
        file: The file, for messages.
        images: (N, C, H, W), all of the file's.
        blocks: Their checks.
    """

    def __init__(self, file: Path, images: np.ndarray, blocks: Blocks):
        self._file = file
        self._images = images
        self._blocks = blocks
        self._seen = np.zeros(len(blocks.checks), dtype=bool)

    def check(self, rows: np.ndarray) -> None:
        """Check the blocks of some images that were not checked yet.

        Args:
            rows: (n,) their places in the file.

        Raises:
            DataError: If one was changed.
        """
        numbers = rows // self._blocks.size
        numbers = numbers[~self._seen[numbers]]
        if not len(numbers):
            return
        new = np.unique(numbers)
        damaged = self._blocks.damaged(self._images, new.tolist())
        if damaged:
            raise DataError(
                f"{self._file} is damaged: {self._blocks.told(damaged, len(self._images))}. Delete the folder "
                f"{self._file.parent}: the next command decodes the images again."
            )
        self._seen[new] = True


class MappedImages(np.ndarray):
    """Images (N, C, H, W) uint8 of a mapped file, which are checked when they are first taken by an index.

    What is taken is a plain array. A view of another shape, or a copy, checks them all. ``np.asarray`` and
    ``torch.from_numpy`` of the whole check nothing: give them ``images[:]``.
    """

    _touch: FirstTouch | None = None
    _start: int = 0

    @classmethod
    def part(cls, images: np.ndarray, part: slice, touch: FirstTouch) -> MappedImages:
        """A part of a file's images."""
        view = images.view(np.ndarray)[part].view(cls)
        view._touch, view._start = touch, part.indices(len(images))[0]
        return view

    def __array_finalize__(self, origin: Any) -> None:
        if isinstance(origin, MappedImages):
            origin._check(slice(None))

    def __getitem__(self, key: Any) -> Any:
        self._check(key[0] if isinstance(key, tuple) and key else key)
        return self.view(np.ndarray)[key]

    def _check(self, rows: Any) -> None:
        if self._touch is not None and len(self):
            self._touch.check(self._start + _places(rows, len(self)))


def _places(rows: Any, count: int) -> np.ndarray:
    """The rows, of ``count``, that an index of the first axis takes; all for what is no plain index."""
    if isinstance(rows, slice):
        return np.arange(*rows.indices(count))
    chosen = np.atleast_1d(rows)
    if chosen.ndim == 1 and chosen.dtype.kind in "iu":
        return chosen % count
    if chosen.shape == (count,) and chosen.dtype.kind == "b":
        return np.flatnonzero(chosen)
    return np.arange(count)


def _check_of(images: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(images).data)
