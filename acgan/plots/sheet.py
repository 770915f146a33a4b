"""Contact sheets: a few pictures of each class, one row a class. Lengths in pixels."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from acgan.plots.style import PALE, blank_figure, own_style

_TILE = 128  # side of an original; images are enlarged or reduced by whole factors to at most this
_GAP, _SEAM = 24, 6  # from originals to images, and between these
_CAPTION = 20  # below a row
_HEAD = 28  # above the first row
_NAME_WIDTH = 28  # characters in a line of a name
_NAME_LINES = 4
_FRAME = "#f97316"
_BACKGROUND = 255


def sheet_picture(
    names: Sequence[str],
    originals: Sequence[np.ndarray],
    sizes: Sequence[tuple[int, int]],
    frames: Sequence[tuple[float, float, float]],
    images: Sequence[np.ndarray],
    remark: str = "",
    alike: tuple[np.ndarray, np.ndarray] | None = None,
) -> Figure:
    """Draw a row for each of K classes: an original with the frame that is used of it, then images as they are used.

    Args:
        names: K names; a long one takes several lines.
        originals: K pictures (h, w, 3) uint8, of any size.
        sizes: Width and height of each in its own pixels, which may be more than it has here; written below it.
        frames: (left, top, side) of a square for each, in its own pixels; it may reach beyond the picture.
        images: K arrays (M, C, R, R) uint8, gray or RGB; the first image is that of the original.
        remark: Written below the rows.
        alike: Held-out images (P, C, R, R) and the training image (P, C, R, R) that each is like; drawn at the end.

    Returns:
        The figure; see `acgan.plots.style.to_png`. Images of up to 128 pixels a side are enlarged by the largest whole
        factor that keeps them within 128; larger ones are reduced to at most 128.

    Raises:
        ValueError: There are no classes, or not as many of everything.
    """
    if not names or len({len(names), len(originals), len(sizes), len(frames), len(images)}) != 1:
        raise ValueError(
            "expected one or more names, and as many originals, sizes, frames and arrays of images"
        )
    tiles = [[_fitted(image) for image in of_class] for of_class in images]
    side = tiles[0][0].shape[0]
    pairs = [] if alike is None else [[_fitted(image) for image in part] for part in alike]
    columns = max(map(len, [*tiles, *pairs]))
    height = _TILE + _CAPTION
    right = _TILE + _GAP + columns * (side + _SEAM) - _SEAM
    rows_end = _HEAD + len(names) * height + (_CAPTION if remark else 0)
    bottom = rows_end + (_HEAD + len(pairs) * (side + _SEAM) if pairs else 0)
    canvas = np.full((bottom, right, 3), _BACKGROUND, dtype=np.uint8)
    with own_style():
        figure = blank_figure(right, bottom)
        axes = figure.add_axes((0, 0, 1, 1))
        for row, (name, size) in enumerate(zip(names, sizes, strict=True)):
            top = _HEAD + row * height
            _draw_original(axes, canvas, originals[row], size, frames[row], top)
            _put(canvas, tiles[row], top + (_TILE - side) // 2)
            axes.text(
                -_GAP / 2,
                top + _TILE / 2,
                "\n".join(textwrap.wrap(name, _NAME_WIDTH, max_lines=_NAME_LINES, placeholder="…")),
                ha="right",
                va="center",
            )
            caption = f"{size[0]} x {size[1]}"
            axes.text(_TILE / 2, top + _TILE + 2, caption, color=PALE, fontsize=12, ha="center", va="top")
        for x, title in ((0, "stored"), (_TILE + _GAP, "as the networks see them")):
            axes.text(x, 0, title, color=PALE, va="top")
        axes.text(0, rows_end, remark, color=PALE, va="bottom")
        for row, (name, part) in enumerate(zip(("held out", "training"), pairs, strict=False)):
            top = rows_end + _HEAD + row * (side + _SEAM)
            _put(canvas, part, top)
            axes.text(_TILE, top + side / 2, name, ha="right", va="center")
        if pairs:
            axes.text(_TILE + _GAP, rows_end + 4, "alike, in both parts", color=PALE, va="top")
        axes.imshow(canvas, extent=(0, right, bottom, 0), aspect="auto", zorder=0)
        axes.set(xlim=(0, right), ylim=(bottom, 0))
        axes.axis("off")
    return figure


def _draw_original(
    axes: Axes,
    canvas: np.ndarray,
    original: np.ndarray,
    size: tuple[int, int],
    frame: tuple[float, float, float],
    top: int,
) -> None:
    """Put an original into its tile, the frame of it drawn, both as large as fits."""
    width, height = size
    left, above, side = frame
    # The middle of the picture, which is that of the frame, lies in the middle of the tile.
    scale = _TILE / max(width, height, side)
    scale = float(int(scale)) if scale > 1 else scale
    shown = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC
    pixels = np.asarray(Image.fromarray(original).resize(shown, method))
    x, y = (_TILE - shown[0]) // 2, top + (_TILE - shown[1]) // 2
    canvas[y : y + shown[1], x : x + shown[0]] = pixels
    corner = (x + left * scale, y + above * scale)
    for colour, line in (("white", 4), (_FRAME, 2)):
        square = Rectangle(
            corner, side * scale, side * scale, fill=False, edgecolor=colour, linewidth=line, zorder=1
        )
        axes.add_patch(square).set_clip_on(False)


def _put(canvas: np.ndarray, tiles: Sequence[np.ndarray], top: int) -> None:
    """Put tiles side by side, to the right of the originals."""
    for column, tile in enumerate(tiles):
        side, left = len(tile), _TILE + _GAP + column * (len(tile) + _SEAM)
        canvas[top : top + side, left : left + side] = tile


def _fitted(image: np.ndarray) -> np.ndarray:
    """(C, R, R) as RGB (T, T, 3), enlarged or reduced by a whole factor to T <= 128."""
    rgb = np.broadcast_to(image.transpose(1, 2, 0), (*image.shape[1:], 3))
    side = len(rgb)
    if side > _TILE:
        return np.asarray(Image.fromarray(np.ascontiguousarray(rgb)).reduce(-(-side // _TILE)))
    factor = _TILE // side
    return rgb.repeat(factor, axis=0).repeat(factor, axis=1)
