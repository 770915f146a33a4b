"""Confusion matrices. K classes; lengths in pixels."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from acgan.plots.style import INK, PALE, blank_figure, own_style
from acgan.showing import shown

_GRID = 1200  # longest side of the cells together, while a class has at least one pixel
_LARGEST_CELL = 64
_GAPPED_CELL = 8  # from this size on, lines set cells apart
_LONGEST_NAME = 24  # characters
_LARGEST_NAME, _SMALLEST_NAME = 16, 9
_LARGEST_NUMBER, _SMALLEST_NUMBER = 18, 8
_DIGIT = 0.64  # width of a digit, font size 1
_GAP, _BAR = 16, 56  # from cells to bars; a share of 1
_GAMMA = 0.6  # applied to shares before shading, so that confusions of a few percent can be seen
_DARK = 0.4  # share of a row from which a number is white


def confusion_picture(confusion: np.ndarray, class_names: Sequence[str], *, rows: str, bars: str) -> Figure:
    """Draw a confusion matrix, shaded by the share of the row.

    Counts stand in the cells and class names along the axes as long as they fit. The numbers of some classes,
    from 0, take the place of many names. The share of a row that lies on the diagonal stands to its right.

    Args:
        confusion: (K, K) counts; row: true class, column: class that the classifier sees.
        class_names: K names. A long one is shortened. Characters that the font lacks are drawn as boxes.
        rows: Title of the rows.
        bars: Title of the shares on the diagonal: recall where rows are the true classes.

    Returns:
        The figure; see `acgan.plots.style.to_png`. At most 1,600 pixels a side up to K = 1,200. A class has one
        pixel from there on.

    Raises:
        ValueError: There are no classes, or not as many names as rows and columns.
    """
    count = len(class_names)
    if not count or confusion.shape != (count, count):
        raise ValueError(f"expected counts ({count}, {count}) for {count} class names, got {confusion.shape}")
    cell = min(_LARGEST_CELL, max(1, _GRID // count))
    images = confusion.sum(axis=1)
    shares = confusion / np.maximum(images, 1)[:, None]
    with own_style():
        figure = blank_figure(cell * count, cell * count)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.imshow(shares, cmap="Blues", norm=PowerNorm(_GAMMA, 0, 1), aspect="auto")
        axes.set(xlabel="seen by the classifier", ylabel=rows)
        axes.spines[:].set_position(("outward", 1))  # not over the first cells, which may be one pixel wide
        axes.tick_params(length=0, labelsize=_LARGEST_NAME)
        if cell >= _GAPPED_CELL:
            edges = np.arange(1, count) - 0.5
            axes.vlines(edges, -0.5, count - 0.5, "white", linewidth=1)
            axes.hlines(edges, -0.5, count - 0.5, "white", linewidth=1)
        _write_names(axes, class_names, cell)
        _write_counts(axes, confusion, shares, cell)
        _draw_shares(axes, shares.diagonal(), images, cell, bars)
    return figure


def _write_names(axes: Axes, class_names: Sequence[str], cell: int) -> None:
    size = min(_LARGEST_NAME, cell - 2)
    if size < _SMALLEST_NAME:
        return  # matplotlib's own ticks: the numbers of some classes
    names = [_one_line(name) or f"#{index}" for index, name in enumerate(class_names)]
    upright = max(map(len, names)) * _DIGIT * size > cell
    axes.set_xticks(range(len(names)), names, fontsize=size, rotation=90 if upright else 0)
    axes.set_yticks(range(len(names)), names, fontsize=size)


def _one_line(name: str) -> str:
    text = shown(" ".join(unicodedata.normalize("NFC", name).split()))
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1].rstrip() + "…"


def _write_counts(axes: Axes, confusion: np.ndarray, shares: np.ndarray, cell: int) -> None:
    size = min(_LARGEST_NUMBER, cell - 6, int((cell - 6) / (_DIGIT * len(str(confusion.max())))))
    if size < _SMALLEST_NUMBER:
        return
    for (row, column), number in np.ndenumerate(confusion):
        colour = "white" if shares[row, column] > _DARK else INK if number else PALE
        text = axes.text(column, row, str(number), color=colour, fontsize=size)
        text.set(ha="center", va="center_baseline", in_layout=False)  # out of the layout, which takes long


def _draw_shares(axes: Axes, right: np.ndarray, images: np.ndarray, cell: int, title: str) -> None:
    count = len(right)
    side = cell * count
    bars = axes.inset_axes(((side + _GAP) / side, 0, _BAR / side, 1), sharey=axes)
    bars.barh(range(count), right, height=min(1, 0.4 + 1 / cell), color="#78a0cd")
    bars.set(xlim=(0, 1), frame_on=False, xticks=[])
    bars.set_title(title, loc="left")
    bars.tick_params(left=False, labelleft=False)
    size = min(_LARGEST_NAME - 2, cell - 2)
    if size < _SMALLEST_NAME:
        return
    for row, (share, number) in enumerate(zip(right, images, strict=True)):
        text, start, colour = (f"{share:.1%}", 1.1, INK) if number else ("no images", 0, PALE)
        bars.text(start, row, text, color=colour, fontsize=size, va="center_baseline")
