"""A bar on a terminal: first images and the time left, at any width from 40 columns up, and words below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from acgan.cli.options import clock

_MILLIONS_FROM = 10_000_000  # larger numbers are told in millions
_REFRESHES_PER_SEC = 4  # more would take time from a training


class Board(Progress):
    """A bar over the whole width, a line on what is done, and lines below.

    Args:
        doing: What is done at first.
        console: Where to; None is standard output.
        transient: Remove it at the end.
    """

    def __init__(self, doing: str, *, console: Console | None = None, transient: bool = False):
        super().__init__(
            BarColumn(bar_width=None),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            expand=True,
            transient=transient,
            refresh_per_second=_REFRESHES_PER_SEC,
        )
        self._task = self.add_task(doing, total=None, numbers="", lines=())

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            so_far = f", {clock(task.elapsed)} so far" if task.elapsed is not None else ""
            yield Text("\n".join((f"{task.description}{so_far}", *task.fields["lines"])))

    def count(self, done: int, total: int) -> None:
        """Show the number of images that are done, of all."""
        self.update(self._task, completed=done, total=total, numbers=f"{_amount(done)}/{_amount(total)}")

    def tell(self, doing: str, lines: Sequence[str]) -> None:
        """Show what is done, and lines below it."""
        self.update(self._task, description=doing, lines=tuple(lines))


def _amount(number: int) -> str:
    return f"{number:,}" if number < _MILLIONS_FROM else f"{number / 1e6:,.1f}M"
