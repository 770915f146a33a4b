"""Tables for people, in a terminal or a pipe."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from acgan.showing import shown_lines

_UNBOUNDED = 10_000
_SHORT_CELL = 16  # characters of a cell, such as a number with its interval, that stays in one line
_LONGEST_WORD = 32  # characters of a word, such as a path, that is not broken to keep columns side by side


class NamesConsole(Console):
    """A console for texts and tables with names in them, which it shows without what steers a terminal."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(shown_lines(text), **how)


def print_table(table: Table) -> None:
    """Print a table to standard output, without breaking words.

    One that is wider than the terminal, or than COLUMNS says, comes in blocks of columns below each other. Each has the
    first column. In a pipe or file without COLUMNS it is as wide as it needs.
    """
    console = NamesConsole(highlight=False, markup=False)  # names are not markup
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console.width = _UNBOUNDED
    for block in _blocks(table, console):
        console.print(block)


def _blocks(table: Table, console: Console) -> Iterator[Table]:
    """The table, or several with some of its columns, each within the console's width."""
    needed = [_widths(column, console) for column in table.columns]
    console_width = console.width
    console.width = _UNBOUNDED  # the width to measure at
    frame = console.measure(table).maximum - sum(widest for _, widest in needed)
    console.width = console_width
    of_column, last_border = divmod(frame, max(len(needed), 1))  # borders and padding
    room = console_width - last_border
    for chosen in _grouped([low + of_column for low, _ in needed], room):
        yield _part(table, chosen, needed, room - len(chosen) * of_column)


def _grouped(widths: Sequence[int], room: int) -> list[list[int]]:
    """Numbers of columns, as many in a block as there is room for; each has the first, and one more at least."""
    blocks: list[list[int]] = []
    others = list(range(1, len(widths)))
    while others or not blocks:
        chosen = [0, *others[:1]]  # if not even two fit, they are broken
        while (
            len(others) >= len(chosen)
            and sum(widths[one] for one in (*chosen, others[len(chosen) - 1])) <= room
        ):
            chosen.append(others[len(chosen) - 1])
        others = others[len(chosen) - 1 :]
        blocks.append(chosen)
    if (
        len(blocks) > 1 and len(blocks[-1]) == 2 and len(blocks[-2]) > 3
    ):  # one alone tells little: it gets another
        moved, alone = blocks[-2][-1], blocks[-1][-1]
        if widths[0] + widths[moved] + widths[alone] <= room:
            blocks[-2].pop()
            blocks[-1].insert(1, moved)
    return blocks


def _widths(column: Column, console: Console) -> tuple[int, int]:
    """The width that keeps words whole, and that of the widest cell; the column's own where it has one."""
    if column.width is not None:
        return column.width, column.width
    lowest = widest = 0
    for place, cell in enumerate((column.header, *column.cells)):
        text = cell if isinstance(cell, Text) else console.render_str(str(cell), markup=False)
        size = console.measure(text)
        whole = column.no_wrap or (place > 0 and size.maximum <= _SHORT_CELL)
        lowest = max(lowest, size.maximum if whole else min(size.minimum, _LONGEST_WORD))
        widest = max(widest, size.maximum)
    return lowest, widest


def _part(table: Table, chosen: list[int], needed: list[tuple[int, int]], room: int) -> Table:
    """A table with some of the columns, as wide as their cells or so that they share the room."""
    part = copy.copy(table)
    part.columns = []
    lowest = sum(needed[one][0] for one in chosen)
    wanted = sum(needed[one][1] - needed[one][0] for one in chosen)
    share = 1.0 if not wanted else min(1.0, max(0, room - lowest) / wanted)
    for place, one in enumerate(chosen):
        column = copy.copy(table.columns[one])
        low, wide = needed[one]
        column.width = low + int(share * (wide - low))
        column.overflow, column._index = "fold", place
        part.columns.append(column)
    return part
