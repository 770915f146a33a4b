"""Figures as inline SVG, whose colours are those of the page: they follow its dark mode."""

from __future__ import annotations

import io
import itertools
import re
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.style
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from acgan.plots.style import own_style
from acgan.report.gather import StatCurve
from acgan.showing import shown

#: Colours that are drawn with, and the page's own that take their places.
_INK, _MUTED, _LINE, _BAD = "#101112", "#202122", "#303132", "#404142"
_SERIES = ("#515253", "#616263", "#717273", "#818283", "#919293", "#a1a2a3")
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _LINE: "var(--line)",
    _BAD: "var(--bad)",
    **{colour: f"var(--c{number})" for number, colour in enumerate(_SERIES, start=1)},
}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.labelsize": 12,
    "text.color": _INK,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "path.simplify": True,
}
_WIDTH = 440  # pixels: a phone shows it whole, with text that can be read
_TITLE_LINE = 56  # characters
_LONGEST_NAME = 28  # characters
_LETTER = 8  # its width
_MATRIX_CLASSES = 30  # more cells would be too small to read
_BAND = "lowest to highest class"  # label of a band
_MARKS = ("o", "s", "^", "D", "v", "P")
_number = itertools.count()  # of figures: what they define has names of its own


def lines_figure(
    title: str,
    lines: Mapping[str, StatCurve],
    *,
    alt: str,
    marks: Mapping[str, Sequence[int]] | None = None,
    best: tuple[int, float] | None = None,
    limit: tuple[str, float] | None = None,
    bands: Mapping[str, tuple[StatCurve, StatCurve]] | None = None,
) -> Markup:
    """Curves over images shown.

    Args:
        title: Title, with what better is.
        lines: Curves by name.
        alt: Words for who cannot see it.
        marks: Images shown at which something happened, by its name.
        best: Place and value of the best point.
        limit: Name and value of a level line.
        bands: Curves of the lowest and the highest class around some lines.
    """

    def draw(axes: Axes) -> None:
        for number, (name, curve) in enumerate(lines.items()):
            colour = _SERIES[number % len(_SERIES)]
            places, values = zip(*curve, strict=True) if curve else ((), ())
            mark = _MARKS[number % len(_MARKS)] if len(curve) <= 40 else None
            axes.plot(places, values, color=colour, label=_short(name), marker=mark, markersize=4)
            if bands is not None and name in bands:
                low, high = (np.array(side)[:, 1] for side in bands[name])
                axes.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0, label=_BAND)
        for number, (name, found) in enumerate((marks or {}).items()):
            style = (":", "--", "-.")[number % 3]
            for place in found:
                label = name if place == found[0] else None
                axes.axvline(place, color=_BAD if "warn" in name else _MUTED, linestyle=style, label=label)
        if limit is not None:
            axes.axhline(limit[1], color=_BAD, linestyle="--", linewidth=1, label=limit[0])
        if best is not None:
            axes.plot(*best, "*", color=_INK, markersize=13, label="best")
        axes.set_xlabel("images shown")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter("{x:,.10g}")
        _finish(axes, title)

    return _drawn(draw, 270, alt)


def bars_figure(
    title: str,
    values: Mapping[str, float],
    floors: Mapping[str, float],
    *,
    alt: str,
    names: tuple[str, str] = ("samples", "real images"),
) -> Markup:
    """A bar for each class, with a mark for what real images of that class have."""
    order = list(values)

    def draw(axes: Axes) -> None:
        places = np.arange(len(order))
        heights = [values[name] for name in order]
        axes.barh(places, heights, 0.62, color=_SERIES[0], alpha=0.75, label=names[0])
        marked = [(floors[name], place) for place, name in enumerate(order) if name in floors]
        if marked:
            at, rows = zip(*marked, strict=True)
            axes.plot(at, rows, "|", color=_SERIES[1], markersize=18, markeredgewidth=3, label=names[1])
        axes.set_yticks(places, [_short(name) for name in order])
        axes.invert_yaxis()
        axes.margins(y=0.02)
        _finish(axes, title, grid="x")

    return _drawn(draw, 90 + 26 * len(order), alt)


def matrix_figure(counts: np.ndarray, names: Sequence[str], *, rows: str, alt: str) -> Markup | None:
    """Confusion matrix (K, K) of counts, shaded by the share of its row; None for more than 30 classes."""
    number = len(names)
    if number > _MATRIX_CLASSES:
        return None
    shares = counts / np.maximum(counts.sum(axis=1), 1)[:, None]
    short = [_short(name) for name in names]
    longest = max(map(len, short))
    upright = longest > 4

    def draw(axes: Axes) -> None:
        for (row, column), share in np.ndenumerate(shares):
            if share > 0:  # so pale that ink stands out on it in either mode
                axes.add_patch(
                    Rectangle(
                        (column - 0.48, row - 0.48),
                        0.96,
                        0.96,
                        color=_SERIES[0],
                        alpha=0.5 * share**0.6,
                        linewidth=0,
                    )
                )
            if number <= 16 or counts[row, column]:
                axes.text(
                    column, row, f"{counts[row, column]}", ha="center", va="center", fontsize=11 if number <= 16 else 8,
                    color=_INK if counts[row, column] else _MUTED,
                )  # fmt: skip
        axes.set_xticks(range(number), short, rotation=90 if upright else 0)
        axes.set_yticks(range(number), short)
        axes.set(xlim=(-0.5, number - 0.5), ylim=(number - 0.5, -0.5), aspect="equal")
        axes.set(xlabel="seen by the classifier", ylabel=rows)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    cells, name = max(26, min(38, 560 // number)) * number, _LETTER * longest
    height = cells + 60 + (name if upright else _LETTER)
    return _drawn(draw, height, alt, width=max(160, cells + 60 + name))


def reliability_figure(confidence: np.ndarray, right: np.ndarray, *, bins: int, alt: str) -> Markup:
    """Accuracy by confidence, in bins of equal width; a calibrated classifier lies on the diagonal."""
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(confidence, edges[1:-1], right=True), 0, bins - 1)
    filled = [number for number in range(bins) if (place == number).any()]

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_MUTED, linestyle="--", label="calibrated")
        means = [confidence[place == number].mean() for number in filled]
        accuracy = [right[place == number].mean() for number in filled]
        axes.plot(means, accuracy, "o-", color=_SERIES[0], label="this classifier")
        for number, x, y in zip(filled, means, accuracy, strict=True):
            axes.annotate(
                f"{(place == number).sum():,}", (x, y), xytext=(0, -14), textcoords="offset points", ha="center",
                fontsize=9, color=_INK,
            )  # fmt: skip
        axes.set(xlim=(0, 1.02), ylim=(0, 1.05), xlabel="how sure it is", ylabel="share that is right")
        _finish(axes, "Sure and right; numbers are images")

    return _drawn(draw, 320, alt)


def _drawn(draw: Callable[[Axes], None], height: int, alt: str, width: int = _WIDTH) -> Markup:
    with own_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the reader's own fonts are used
        with matplotlib.style.context(_STYLE):
            figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
            draw(figure.add_subplot())
            with io.StringIO() as file:
                figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
                return _inline(file.getvalue(), alt, width)


def _finish(axes: Axes, title: str, grid: str = "y") -> None:
    figure = axes.get_figure()
    assert figure is not None, "axes are drawn in a figure"
    lines = "\n".join(textwrap.wrap(shown(title), _TITLE_LINE))
    figure.suptitle(lines, x=0.01, ha="left", fontsize=13)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color=_LINE, linewidth=1)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside lower left", ncols=min(2, len(labels)), fontsize=11)


def _short(name: str) -> str:
    text = shown(name)
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


def _inline(svg: str, alt: str, width: int) -> Markup:
    """The drawing alone, with the page's colours and font, and names of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    prefix = f"f{next(_number)}-"
    used = set(re.findall(r'(?:url\(#|xlink:href="#)([^)"]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{prefix}{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'(url\(#|xlink:href="#)', rf"\g<1>{prefix}", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = svg.replace("'DejaVu Sans'", "system-ui")
    head, rest = svg.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    assert box is not None, "a figure has its size"
    label = escape(shown(alt))
    return Markup(
        f'<svg {box[0]} style="max-width: {1.3 * width:.0f}px" role="img" aria-label="{label}">{rest}'
    )  # text in it is escaped
