"""Tables for people, in a terminal or a pipe."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from acgan.showing import shown_lines


class NamesConsole(Console):
    """A console for texts and tables with names in them, which it shows without what steers a terminal."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(shown_lines(text), **how)


def console_for(table: Table) -> NamesConsole:
    """Standard output; into a pipe or file, as wide as the table."""
    console = NamesConsole(highlight=False, markup=False)  # names are not markup
    if not console.is_terminal:
        console.width = 10_000  # the available width
        console.width = console.measure(table).maximum
    return console
