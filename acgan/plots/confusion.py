"""Confusion matrices. K classes; lengths in pixels."""

from __future__ import annotations

import bisect
import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from acgan.plots.style import INK, MARGIN, PALE, TITLE_SIZE, own_font

_GRID = 1200  # longest side of the cells together, while a class has at least one pixel
_LARGEST_CELL = 64
_GAPPED_CELL = 8  # from this size on, lines set cells apart
_GAP = 8
_TITLE = 32  # room for a title
_NAME = 180  # longest class name
_BAR = 56  # a recall of 1
_RECALL = 108  # the bar and its number

_NAME_SIZE, _RECALL_SIZE, _SMALLEST_NAME = 16, 14, 9
_NUMBER_SIZES = range(18, 9, -1)
_INDEX_STEPS = (5, 10, 20, 50)
_INDEX_ROOM = 50  # between two indices

_LINE, _BAR_COLOUR = (228, 232, 238), (120, 160, 205)
#: Shades of a share of 0, 1/4 ... 1.
_SHADES = np.array([(249, 251, 253), (207, 224, 241), (133, 176, 217), (49, 113, 176), (10, 48, 105)])
_GAMMA = 0.6  # applied to shares before shading, so that confusions of a few percent can be seen
_DARK = 140  # mean of red, green and blue

#: Pillow's own font has few letters beyond those of English; these are often installed. A name takes the first
#: font that has all of it.
_FONTS = (None, "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc")
_MISSING = "\uffff"  # no character: drawn as the sign for a missing one


@dataclass(frozen=True)
class _Grid:
    """Where the cells lie."""

    num_classes: int
    cell: int
    left: int
    top: int

    @property
    def side(self) -> int:
        return self.cell * self.num_classes

    def centre(self, index: int) -> float:
        """Of a row or column, from the grid's edge."""
        return self.cell * (index + 0.5)


@dataclass(frozen=True)
class _Label:
    index: int
    text: str
    font: FreeTypeFont


def confusion_picture(confusion: np.ndarray, class_names: Sequence[str]) -> Image.Image:
    """Draw a confusion matrix: rows true, columns predicted, shaded by the share of the row.

    Counts stand in the cells and class names along the axes as long as they fit; the names of many classes give
    way to the labels of some, numbered from 0. Recall stands to the right of each row.

    Args:
        confusion: (K, K) counts; row: true class, column: predicted class.
        class_names: K names. A long one is shortened; one that no font at hand can write is numbered.

    Returns:
        The RGB picture, at most 1,600 pixels a side up to K = 1,200; a class has one pixel from there on.

    Raises:
        ValueError: There are no classes, or not as many names as rows and columns.
    """
    count = len(class_names)
    if not count or confusion.shape != (count, count):
        raise ValueError(f"expected counts ({count}, {count}) for {count} class names, got {confusion.shape}")
    cell = min(_LARGEST_CELL, max(1, _GRID // count))
    labels = _labels(class_names, cell)
    longest = math.ceil(max(label.font.getlength(label.text) for label in labels))
    grid = _Grid(count, cell, left=MARGIN + _TITLE + longest + _GAP, top=MARGIN + _TITLE)
    width = grid.left + grid.side + 2 * _GAP + _RECALL + MARGIN
    height = grid.top + grid.side + _GAP + longest + _TITLE + MARGIN
    image = Image.new("RGB", (width, height), "white")
    shades = _shades(confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1))
    _draw_cells(image, shades, grid)
    _draw_numbers(image, confusion, shades, grid)
    _draw_labels(image, labels, grid)
    _draw_recalls(image, confusion, grid)
    _draw_titles(image, grid)
    return image


def _shades(shares: np.ndarray) -> np.ndarray:
    """(K, K, 3) uint8 colours."""
    stops = np.linspace(0, 1, len(_SHADES))
    channels = [np.interp(shares**_GAMMA, stops, channel) for channel in _SHADES.T]
    shades: np.ndarray = np.stack(channels, axis=-1).round().astype(np.uint8)
    return shades


def _draw_cells(image: Image.Image, shades: np.ndarray, grid: _Grid) -> None:
    pixels = shades.repeat(grid.cell, axis=0).repeat(grid.cell, axis=1)
    if grid.cell >= _GAPPED_CELL:
        pixels[:: grid.cell] = _LINE
        pixels[:, :: grid.cell] = _LINE
    image.paste(Image.fromarray(pixels), (grid.left, grid.top))
    frame = (grid.left - 1, grid.top - 1, grid.left + grid.side, grid.top + grid.side)
    ImageDraw.Draw(image).rectangle(frame, outline=PALE)


def _draw_numbers(image: Image.Image, confusion: np.ndarray, shades: np.ndarray, grid: _Grid) -> None:
    widest = "8" * len(str(confusion.max()))
    fonts = (own_font(size) for size in _NUMBER_SIZES if size <= grid.cell - 6)
    font = next((font for font in fonts if font.getlength(widest) <= grid.cell - 8), None)
    if font is None:
        return
    draw = ImageDraw.Draw(image)
    for (row, column), number in np.ndenumerate(confusion):
        is_dark = shades[row, column].mean() < _DARK
        colour = "white" if is_dark else INK if number else PALE
        place = (grid.left + grid.centre(column), grid.top + grid.centre(row))
        draw.text(place, str(number), colour, font, anchor="mm")


def _draw_labels(image: Image.Image, labels: Iterable[_Label], grid: _Grid) -> None:
    draw = ImageDraw.Draw(image)
    bottom = grid.top + grid.side + _GAP
    for label in labels:
        centre = grid.centre(label.index)
        place = (grid.left - _GAP, grid.top + centre)
        draw.text(place, label.text, INK, label.font, anchor="rm")
        _draw_upwards(image, label.text, label.font, grid.left + centre, bottom)


def _draw_upwards(image: Image.Image, text: str, font: FreeTypeFont, centre: float, top: float) -> None:
    """Text that reads from below, its end at ``top``."""
    ascent, descent = font.getmetrics()
    mask = Image.new("L", (math.ceil(font.getlength(text)) + 2, ascent + descent))
    ImageDraw.Draw(mask).text((mask.width - 1, mask.height / 2), text, 255, font, anchor="rm")
    mask = mask.transpose(Image.Transpose.ROTATE_90)
    image.paste(INK, (round(centre - mask.width / 2), round(top)), mask)


def _draw_recalls(image: Image.Image, confusion: np.ndarray, grid: _Grid) -> None:
    draw = ImageDraw.Draw(image)
    size = _name_size(grid.cell, _RECALL_SIZE)
    left = grid.left + grid.side + 2 * _GAP
    inset = grid.cell // 4
    for row, counts in enumerate(confusion):
        top, images = grid.top + row * grid.cell, counts.sum()
        if images:
            recall = counts[row] / images
            box = (left, top + inset, left + round(_BAR * recall) - 1, top + grid.cell - inset - 1)
            if box[2] >= left:
                draw.rectangle(box, fill=_BAR_COLOUR)
            text, start, colour = f"{recall:.1%}", left + _BAR + 6, INK
        else:
            text, start, colour = "no images", left, PALE
        if size:
            draw.text((start, grid.top + grid.centre(row)), text, colour, own_font(size), anchor="lm")


def _draw_titles(image: Image.Image, grid: _Grid) -> None:
    draw, font = ImageDraw.Draw(image), own_font(TITLE_SIZE)
    middle = grid.left + grid.side / 2
    draw.text((middle, image.height - MARGIN), "predicted", INK, font, anchor="ms")
    draw.text((grid.left + grid.side + 2 * _GAP, grid.top - _GAP), "recall", INK, font, anchor="ls")
    start = grid.top + (grid.side - font.getlength("true")) / 2
    _draw_upwards(image, "true", font, MARGIN + TITLE_SIZE / 2, start)


def _labels(class_names: Sequence[str], cell: int) -> list[_Label]:
    """What stands along both axes: all names where they are readable, else every so many an index."""
    size = _name_size(cell, _NAME_SIZE)
    if size:
        return [_name_label(index, name, size) for index, name in enumerate(class_names)]
    step = next(step for step in _INDEX_STEPS if step * cell >= _INDEX_ROOM)
    font = own_font(_RECALL_SIZE)
    return [_Label(index, str(index), font) for index in range(0, len(class_names), step)]


def _name_size(cell: int, largest: int) -> int | None:
    """The size of text with a line for each cell, None where it could not be read."""
    size = min(largest, cell - 2)
    return size if size >= _SMALLEST_NAME else None


def _name_label(index: int, name: str, size: int) -> _Label:
    text = " ".join(unicodedata.normalize("NFC", name).split())  # neither line breaks nor tabs
    for family in _FONTS:
        font = _font(family, size)
        if text and font and all(_has_glyph(family, character) for character in text):
            return _Label(index, _shortened(text, font), font)
    known = "".join(character for character in text if _has_glyph(None, character))
    font = own_font(size)
    return _Label(index, _shortened(" ".join(["#" + str(index), *known.split()]), font), font)


def _shortened(text: str, font: FreeTypeFont) -> str:
    def width(kept: int) -> int:
        return math.ceil(font.getlength(text[:kept] + "..."))

    if font.getlength(text) <= _NAME:
        return text
    return text[: bisect.bisect_right(range(1, len(text)), _NAME, key=width)].rstrip() + "..."


@cache
def _font(family: str | None, size: int) -> FreeTypeFont | None:
    """A font by its file name, Pillow's own for None; None where it is not installed."""
    try:
        return ImageFont.truetype(family, size) if family else own_font(size)
    except OSError:
        return None


@cache
def _has_glyph(family: str | None, character: str) -> bool:
    font = _font(family, 24)
    if font is None:
        return False
    drawn, missing = font.getmask(character), font.getmask(_MISSING)
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)
