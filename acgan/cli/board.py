"""A bar on a terminal: first images and the time left, at any width from 40 columns up, and words below it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from acgan.cli.options import time_in_words

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
            TextColumn("{task.fields[left]}"),
            console=console,
            expand=True,
            transient=transient,
            refresh_per_second=_REFRESHES_PER_SEC,
        )
        self._task = self.add_task(doing, total=None, numbers="", left="", lines=())
        self._begun: tuple[int, int, float] | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            so_far = f", {time_in_words(task.elapsed)} so far" if task.elapsed is not None else ""
            yield Text("\n".join((f"{task.description}{so_far}", *task.fields["lines"])))

    def count(self, done: int, total: int, most_sec: float = math.inf) -> None:
        """Show the number of images that are done, of all, and the time left once any were done here.

        Args:
            done: Images that are done.
            total: All images.
            most_sec: Seconds after which the work is stopped, done or not.
        """
        now = time.monotonic()
        if self._begun is None or self._begun[0] != total or done < self._begun[1]:
            self._begun = total, done, now
        _, first, begun = self._begun
        expected = (now - begun) / (done - first) * (total - done) if done > first else None
        left = "" if expected is None else f"{time_in_words(min(expected, most_sec))} left"
        numbers = f"{_amount(done)}/{_amount(total)}"
        self.update(self._task, completed=done, total=total, numbers=numbers, left=left)

    def tell(self, doing: str, lines: Sequence[str]) -> None:
        """Show what is done, and lines below it."""
        self.update(self._task, description=doing, lines=tuple(lines))


def _amount(number: int) -> str:
    return f"{number:,}" if number < _MILLIONS_FROM else f"{number / 1e6:,.1f}M"
