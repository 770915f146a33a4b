"""Style of the drawn pictures, and their PNG files."""

from __future__ import annotations

import io
import warnings
from contextlib import AbstractContextManager

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from acgan.plots.fonts import families

DPI = 72  # a point is a pixel: sizes of text, lines and figures have one unit
INK, PALE = "#1f2937", "#969eaa"
NAME_SIZE, TITLE_SIZE = 14, 18
_MARGIN = 20
_STYLE = {
    "figure.dpi": DPI,
    "font.size": NAME_SIZE,
    "text.color": INK,
    "text.parse_math": False,  # "$" is a character of a class name
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.labelsize": TITLE_SIZE,
    "axes.titlesize": TITLE_SIZE,
    "xtick.color": INK,
    "ytick.color": INK,
    "image.interpolation": "nearest",
}


def own_style() -> AbstractContextManager[None]:
    """Context in which all pictures are drawn: matplotlib's defaults and the style above, not the user's."""
    return matplotlib.style.context({**_STYLE, "font.family": families()}, after_reset=True)


def blank_figure(width: int, height: int) -> Figure:
    """Empty figure, sides in pixels. `to_png` adds content beyond its edges, and a margin."""
    figure = Figure(figsize=(width / DPI, height / DPI))
    FigureCanvasAgg(figure)
    return figure


def to_png(figure: Figure) -> bytes:
    """Render a figure as a PNG file. The same figure gives the same bytes."""
    with own_style(), warnings.catch_warnings(), io.BytesIO() as file:
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # drawn as an empty box
        box = figure.get_tightbbox()
        # The edges lie between pixels, so that images are drawn pixel by pixel.
        pixels = np.stack([np.floor(box.min * DPI) - _MARGIN, np.ceil(box.max * DPI) + _MARGIN])
        figure.savefig(file, format="png", bbox_inches=Bbox(pixels / DPI), metadata={"Software": None})
        return file.getvalue()
