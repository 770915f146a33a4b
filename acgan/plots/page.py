"""Pages of images by class, to look at: named, enlarged, near to a square. Lengths in pixels."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from acgan.plots.fonts import font_for
from acgan.showing import shown

_LARGEST_PAGE = 1200  # longest side of a page whose scale is not given, while images keep their size at least
_LARGEST_IMAGE = 128  # side to which images are enlarged
_SEAM, _SPACE, _MARGIN = 2, 8, 8  # between images, between classes, around all
_NAME_SIZE, _SMALLEST_NAME = 14, 8
_LONGEST_NAME = 24  # characters
_LONGEST_PAIR = 2 * _LONGEST_NAME + len(" to ")  # of a walk from class to class
#: Costs of more rows of a class, and of places without an image, beside the logarithm of the ratio of sides.
_WRAPPED, _EMPTY = 0.35, 4.0
_LARGEST_PIXELS = 2**26  # viewers open no more of a picture, or warn


class PageTooLargeError(ValueError):
    """A page that viewers would not open."""


@dataclass(frozen=True)
class ClassPage:
    """Places of K classes' images on a page: names to the left of their images, classes in blocks side by side.

    Attributes:
        names: K names, each in one line.
        count: Images of each class.
        side: Side of an image.
        scale: Whole factor by which images are enlarged.
        columns: Images of a class in a row.
        blocks: Classes side by side.
        room: Names that there is room for, besides.
    """

    names: tuple[str, ...]
    count: int
    side: int
    scale: int
    columns: int
    blocks: int
    room: tuple[str, ...] = ()

    @classmethod
    def planned(
        cls,
        names: Sequence[str],
        count: int,
        side: int,
        scale: int | None = None,
        *,
        is_walk: bool = False,
        room: Sequence[str] = (),
    ) -> ClassPage:
        """The page nearest to a square, with a row for each class where that is not far from one.

        Args:
            names: K names; a long one is shortened.
            count: Images of each class.
            side: Side of an image.
            scale: Factor; None is the largest one, up to images of 128 pixels, with a page within 1,200.
            is_walk: True for walks: each is one row, whatever its length, and names may be of two classes.
            room: Names that others are changed for with ``named``.

        Raises:
            PageTooLargeError: The page has more than 67 million pixels.
        """
        largest = max(1, _LARGEST_IMAGE // side)
        longest = _LONGEST_PAIR if is_walk else _LONGEST_NAME
        labels, others = (tuple(short_name(name, longest) for name in part) for part in (names, room))
        scales = range(largest, 0, -1) if scale is None else (scale,)
        for factor in scales:
            page = cls._squarest(labels, count, side, factor, is_walk, others)
            if max(page.width, page.height) <= _LARGEST_PAGE:
                break
        if page.width * page.height > _LARGEST_PIXELS:
            raise PageTooLargeError(f"{page.width} x {page.height} pixels")
        return page

    @classmethod
    def _squarest(
        cls, names: tuple[str, ...], count: int, side: int, scale: int, is_walk: bool, room: tuple[str, ...]
    ) -> ClassPage:
        # Different numbers of blocks with the same number of classes below each other are the same page or a worse one.
        heights = {math.ceil(len(names) / blocks) for blocks in range(1, len(names) + 1)}
        blocks = sorted({math.ceil(len(names) / height) for height in heights})
        rows = range(1, 2 if is_walk else count + 1)
        columns = sorted({math.ceil(count / number) for number in rows})
        pages = (
            cls(names, count, side, scale, across, beside, room) for across in columns for beside in blocks
        )
        return min(pages, key=lambda page: page._distance)

    def named(self, names: Sequence[str]) -> ClassPage:
        """The same page with other names, those that it has room for."""
        return replace(self, names=tuple(short_name(name, _LONGEST_PAIR) for name in names))

    @property
    def _distance(self) -> float:
        """Distance from a square without empty places that has one row a class."""
        places = self.blocks * self._below_each_other * self._rows * self.columns
        empty = math.log(places / (len(self.names) * self.count))
        return abs(math.log(self.width / self.height)) + _WRAPPED * math.log2(self._rows) + _EMPTY * empty

    @property
    def _rows(self) -> int:
        return math.ceil(self.count / self.columns)

    @property
    def _cell(self) -> int:
        return self.side * self.scale + _SEAM

    @property
    def _name_size(self) -> int:
        return max(_SMALLEST_NAME, min(_NAME_SIZE, self._block_height - _SEAM))

    @property
    def _block_height(self) -> int:
        return max(self._rows * self._cell, _SMALLEST_NAME + _SEAM)

    @property
    def _name_width(self) -> int:
        return _widest(self.names + self.room, self._name_size)

    @property
    def _block_width(self) -> int:
        return self._name_width + _SPACE + self.columns * self._cell

    @property
    def _gap(self) -> int:
        """Space below a class: rows of one class are nearer to each other than to the next one's."""
        return _SPACE if self._rows > 1 else 0

    @property
    def _below_each_other(self) -> int:
        return math.ceil(len(self.names) / self.blocks)

    @property
    def width(self) -> int:
        """Width of the page."""
        return 2 * _MARGIN + self.blocks * self._block_width + (self.blocks - 1) * 2 * _SPACE

    @property
    def height(self) -> int:
        """Height of the page."""
        lines = self._below_each_other
        return 2 * _MARGIN + lines * self._block_height + (lines - 1) * self._gap

    def place(self, label: int, index: int) -> tuple[int, int]:
        """Top and left of an image: the ``index``-th of the ``label``-th class."""
        top, left = self._corner(label)
        row, column = divmod(index, self.columns)
        return top + row * self._cell, left + self._name_width + _SPACE + column * self._cell

    def _corner(self, label: int) -> tuple[int, int]:
        block, line = divmod(label, self._below_each_other)
        top = _MARGIN + line * (self._block_height + self._gap)
        return top, _MARGIN + block * (self._block_width + 2 * _SPACE)

    def draw(self, images: Tensor) -> Tensor:
        """Draw the page.

        Args:
            images: (K * count, C, side, side) uint8, class after class.

        Returns:
            (C, height, width) uint8, black names on white.
        """
        names = Image.new("L", (self.width, self.height), 255)
        self._write_names(ImageDraw.Draw(names))
        page = torch.frombuffer(bytearray(names.tobytes()), dtype=torch.uint8).view(
            1, self.height, self.width
        )
        page = page.repeat(images.shape[1], 1, 1)  # (C, height, width)
        side = self.side * self.scale
        for number, image in enumerate(images):
            top, left = self.place(*divmod(number, self.count))
            large = image.repeat_interleave(self.scale, dim=1).repeat_interleave(self.scale, dim=2)
            page[:, top : top + side, left : left + side] = large
        return page

    def _write_names(self, draw: ImageDraw.ImageDraw) -> None:
        middle = min(self._block_height, self._cell - _SEAM) / 2
        for label, name in enumerate(self.names):
            top, left = self._corner(label)
            right = left + self._name_width
            draw.text((right, top + middle), name, fill=0, font=font_for(name, self._name_size), anchor="rm")


@lru_cache(maxsize=16)  # a page is looked for among many
def _widest(names: tuple[str, ...], size: int) -> int:
    return math.ceil(max(font_for(name, size).getlength(name) for name in names))


def short_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name in one line, cut where it is longer than so many characters."""
    text = shown(" ".join(unicodedata.normalize("NFC", name).split()))
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
