"""Progress of a training: a bar on a terminal, a line an interval in a pipe or a dumb terminal, nothing if quiet."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from acgan.cli.options import clock
from acgan.cli.output import echo
from acgan.showing import shown_lines

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from acgan.training.tracking import Tick

_SHOWN = {
    "D/adversarial": "D",
    "G/adversarial": "G",
    "D/class_real": "class D",
    "G/class_fake": "class G",
    "D/class_accuracy_real": "accuracy real",
    "D/class_accuracy_fake": "fake",
    "D/augment_p": "augment p",
    "train/loss_main": "loss",
    "train/accuracy_main": "accuracy",
    "test/accuracy": "test",
    "validation/accuracy": "validation",
}


def draws_bars(stream: TextIO) -> bool:
    """True for a terminal on which a bar can be drawn over; others get lines, as a pipe does."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


class Reporter:
    """Progress and remarks of a training, for a person; only warnings if ``quiet``."""

    def __init__(self, quiet: bool):
        self._quiet = quiet
        self._bar: tuple[Progress, TaskID] | None = None

    @contextlib.contextmanager
    def showing(self) -> Iterator[None]:
        """Context with a bar, if standard output is a terminal."""
        if self._quiet or not draws_bars(sys.stdout):
            yield
            return
        from rich import progress

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("ETA"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[losses]}"),
        )
        with progress.Progress(*columns) as bar:
            self._bar = (bar, bar.add_task("reading images", total=None, losses=""))
            yield
        self._bar = None

    def say(self, message: str) -> None:
        """Print a remark."""
        if not self._quiet:
            self._print(message)

    def warn(self, message: str) -> None:
        """Print a problem that does not end the training."""
        self._print(f"warning: {message}", warning=True)

    def data(self, done: int, total: int) -> None:
        """Show the number of images decoded so far."""
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, completed=done, total=total)

    def tick(self, tick: Tick) -> None:
        """Show the news of a log interval."""
        for message in tick.messages:
            self.warn(message)
        if self._quiet:
            return
        stats = {**tick.stats, **tick.evaluated}
        shown = [f"{label} {stats[name]:.3f}" for name, label in _SHOWN.items() if name in stats]
        losses = "  ".join(shown) + f"  {tick.images_per_sec:.0f} images/s"
        if self._bar is not None:
            bar, task = self._bar
            bar.update(
                task, description="training", completed=tick.nimg, total=tick.total_nimg, losses=losses
            )
            return
        left = (tick.total_nimg - tick.nimg) / max(tick.images_per_sec, 1e-9)
        echo(f"{tick.nimg:>9,} / {tick.total_nimg:,} images  {losses}  ETA {clock(left)}")

    def _print(self, message: str, warning: bool = False) -> None:
        if self._bar is not None:
            self._bar[0].console.print(
                shown_lines(message), style="yellow" if warning else None, markup=False, highlight=False
            )
        else:
            echo(message, err=warning)


@contextlib.contextmanager
def counting(text: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Context with a function of (done, total) that draws a bar if standard output is a terminal."""
    if quiet or not draws_bars(sys.stdout):
        yield lambda done, total: None
        return
    from rich import progress

    columns = (
        progress.TextColumn(text),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("ETA"),
        progress.TimeRemainingColumn(elapsed_when_finished=True),
    )
    with progress.Progress(*columns, transient=True) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
