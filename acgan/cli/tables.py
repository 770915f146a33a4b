"""Tables for people, in a terminal or a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def console_for(table: Table) -> Console:
    """Standard output; into a pipe or file, as wide as the table."""
    console = Console(highlight=False, markup=False)  # names are not markup
    if not console.is_terminal:
        console.width = 10_000  # the available width
        console.width = console.measure(table).maximum
    return console
