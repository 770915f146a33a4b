"""Pictures of several runs: curves with bands over seeds, bars by class, scores by truncation. Lengths in pixels."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from acgan.plots.style import PALE, blank_figure, own_style
from acgan.showing import shown

#: Colours that also the colour-blind tell apart (Okabe & Ito 2008), and dashes for more variants than colours.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ("-", "--", ":", "-.")
_MARKS = ("o", "s", "^", "D", "v", "P")
_WIDTH, _HEIGHT, _GAP = 760, 380, 110
_LEAST_BARS = 26  # width of a class for each variant
_NAME = 24  # characters of a class's name in a line
#: Values of one seed by place on the axis.
Line = Mapping[float, float]


def curves_picture(panels: Mapping[str, Mapping[str, Sequence[Line]]], *, xlabel: str) -> Figure:
    """Draw curves: one panel a score, one colour a variant.

    A thick line is the mean over the seeds, where two or more of them have a value; the band is one standard deviation
    (n - 1) to either side. Thin lines are the single seeds.

    Args:
        panels: By title of the score and name of the variant, the lines of its seeds.
        xlabel: Label of the axis that the lines go along.
    """
    with own_style():
        figure = blank_figure(_WIDTH, len(panels) * (_HEIGHT + _GAP) - _GAP)
        for axes, (title, variants) in zip(
            _panels(figure, len(panels), _HEIGHT), panels.items(), strict=True
        ):
            for number, (name, lines) in enumerate(variants.items()):
                _draw_lines(axes, lines, number, name)
            axes.set(xlabel=xlabel)
            axes.xaxis.set_major_formatter("{x:,.10g}")
            _finish(axes, title, "band")
    return figure


def bars_picture(
    panels: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]], class_names: Sequence[str]
) -> Figure:
    """Draw bars by class: one panel a score, one colour a variant.

    A bar is the mean over the seeds, its whisker one standard deviation (n - 1) to either side, and the points are the
    single seeds.

    Args:
        panels: By title of the score, name of the variant and class, the values of the seeds.
        class_names: Classes in their order.
    """
    most = max((len(variants) for variants in panels.values()), default=1)
    width = max(_WIDTH, len(class_names) * (most + 1) * _LEAST_BARS)
    with own_style():
        figure = blank_figure(width, len(panels) * (_HEIGHT + _GAP) - _GAP)
        for axes, (title, variants) in zip(
            _panels(figure, len(panels), _HEIGHT), panels.items(), strict=True
        ):
            share = 0.8 / len(variants)
            for number, (name, classes) in enumerate(variants.items()):
                _draw_bars(axes, classes, class_names, (number + 0.5) * share - 0.4, share, number, name)
            axes.axhline(0, color=PALE, linewidth=1)
            names = [textwrap.fill(shown(one), _NAME) for one in class_names]
            upright = max(map(len, class_names)) * 9 > width / len(class_names)
            axes.set_xticks(range(len(names)), names, rotation=90 if upright else 0)
            axes.tick_params(axis="x", length=0)
            _finish(axes, title, "whisker")
    return figure


def _panels(figure: Figure, count: int, height: int) -> list[Axes]:
    """Axes below each other, the first at the top."""
    whole = count * (height + _GAP) - _GAP
    return [
        figure.add_axes((0, (whole - number * (height + _GAP) - height) / whole, 1, height / whole))
        for number in range(count)
    ]


def _draw_lines(axes: Axes, lines: Sequence[Line], number: int, name: str) -> None:
    colour = _COLOURS[number % len(_COLOURS)]
    style = _DASHES[number // len(_COLOURS) % len(_DASHES)]
    for line in lines:
        places = sorted(line)
        axes.plot(places, [line[place] for place in places], color=colour, linewidth=1, alpha=0.35)
    together = {
        place: [line[place] for line in lines if place in line]
        for place in sorted({place for line in lines for place in line})
    }
    # Where most seeds have none, the mean would jump as they come and go.
    kept = {place: values for place, values in together.items() if 2 * len(values) > len(lines)}
    places, means = list(kept), np.array([np.mean(values) for values in kept.values()])
    label = f"{shown(name)} ({len(lines)} {'seed' if len(lines) == 1 else 'seeds'})"
    mark = _MARKS[number % len(_MARKS)] if len(places) < 20 else None
    axes.plot(places, means, style, color=colour, linewidth=2.5, label=label, marker=mark, markersize=7)
    if all(len(values) > 1 for values in kept.values()):
        spread = np.array([np.std(values, ddof=1) for values in kept.values()])
        axes.fill_between(places, means - spread, means + spread, color=colour, alpha=0.15, linewidth=0)


def _draw_bars(
    axes: Axes,
    classes: Mapping[str, Sequence[float]],
    class_names: Sequence[str],
    shift: float,
    share: float,
    number: int,
    name: str,
) -> None:
    colour = _COLOURS[number % len(_COLOURS)]
    found = [(place, classes[one]) for place, one in enumerate(class_names) if classes.get(one)]
    middles = [place + shift for place, _ in found]
    means = [float(np.mean(values)) for _, values in found]
    spread = [float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for _, values in found]
    seeds = max((len(values) for _, values in found), default=0)
    label = f"{shown(name)} ({seeds} {'seed' if seeds == 1 else 'seeds'})"
    hatch = None if number < len(_COLOURS) else "///"
    axes.bar(middles, means, 0.92 * share, color=colour, alpha=0.55, label=label, hatch=hatch)
    if seeds > 1:
        axes.errorbar(middles, means, spread, fmt="none", ecolor=colour, capsize=4, linewidth=1.5)
        points = [
            (middle, value) for middle, (_, values) in zip(middles, found, strict=True) for value in values
        ]
        axes.plot(*zip(*points, strict=True), "o", color=colour, markersize=4, markeredgecolor="white")


def _finish(axes: Axes, title: str, spread: str) -> None:
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=PALE, alpha=0.35)
    axes.set_axisbelow(True)
    meaning = f"mean over seeds;\n{spread}: one standard deviation\nto either side"
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, borderaxespad=0, title=meaning
    )
    legend.set_alignment("left")
