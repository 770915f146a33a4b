"""Progress of a training: a bar on a terminal, a line an interval in a pipe or a dumb terminal, nothing if quiet."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from acgan.cli.options import time_in_words
from acgan.cli.output import echo, echo_prose
from acgan.showing import shown_lines

if TYPE_CHECKING:
    from acgan.cli.board import Board
    from acgan.training.tracking import Tick

#: What is shown of a log interval, a line each on a terminal: words, then labels by the name of a scalar.
_SHOWN = (
    ("loss", {"D/adversarial": "D", "G/adversarial": "G", "train/loss_main": ""}),
    ("class loss", {"D/class_real": "D", "G/class_fake": "G"}),
    ("right class", {"D/class_accuracy_real": "real", "D/class_accuracy_fake": "generated"}),
    ("augmentation probability", {"D/augment_p": ""}),
    (
        "accuracy",
        {"train/accuracy_main": "training", "validation/accuracy": "validation", "test/accuracy": "test"},
    ),
)

_COMMAND = "acgan "  # a line with one is not broken, so that it can be copied
_COUNT_SEC = 0.25  # between two counts: the bar is not drawn more often
_LINE_SEC = 60  # between two lines where there is no bar


def draws_bars(stream: TextIO) -> bool:
    """True for a terminal on which a bar can be drawn over; others get lines, as a pipe does."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


class Reporter:
    """Progress and remarks of a training, for a person.

    Args:
        quiet: Tell warnings alone.
        most_sec: Seconds after which the training is stopped, done or not.
    """

    def __init__(self, quiet: bool, most_sec: Callable[[], float] = lambda: math.inf):
        self._quiet = quiet
        self._most_sec = most_sec
        self._trains = False
        self._bar: Board | None = None
        self._counted = -math.inf

    @contextlib.contextmanager
    def showing(self) -> Iterator[None]:
        """Context with a bar, if standard output is a terminal."""
        if self._quiet or not draws_bars(sys.stdout):
            yield
            return
        from acgan.cli.board import Board

        with Board("reading images") as self._bar:
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
            self._bar.count(done, total)

    def images(self, shown: int, total: int) -> None:
        """Show the number of images that the training has shown so far, a few times a second at most."""
        now = time.monotonic()
        if self._bar is not None and now - self._counted >= _COUNT_SEC:
            if not self._trains:  # losses come with the first log interval
                self._bar.tell("training", ())
            self._bar.count(shown, total, self._most_sec())
            self._counted, self._trains = now, True

    def tick(self, tick: Tick) -> None:
        """Show the news of a log interval."""
        for message in tick.messages:
            self.warn(message)
        if self._quiet:
            return
        speed, lines = f"{tick.images_per_sec:.0f} images/s", told(tick)
        if self._bar is not None:
            self._bar.count(tick.nimg, tick.total_nimg, self._most_sec())
            self._bar.tell(f"training, {speed}", lines)
            self._trains = True
            return
        left = min((tick.total_nimg - tick.nimg) / max(tick.images_per_sec, 1e-9), self._most_sec())
        done = f"{tick.nimg:>9,} / {tick.total_nimg:,} images"
        echo("  ".join((done, f"{time_in_words(left)} left", speed, *lines)))

    def _print(self, message: str, warning: bool = False) -> None:
        if self._bar is not None:
            self._bar.console.print(
                shown_lines(message), style="yellow" if warning else None, markup=False, highlight=False
            )
        elif warning or _COMMAND in message:
            echo(message, err=warning)
        else:
            echo_prose(message)


@contextlib.contextmanager
def counting(text: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Context with a function of (done, total): it draws a bar if standard output is a terminal.

    Elsewhere it tells standard error, a line a minute: standard output may be data.
    """
    if quiet:
        yield lambda done, total: None
    elif draws_bars(sys.stdout):
        from acgan.cli.board import Board

        with Board(text, transient=True) as bar:
            yield bar.count
    else:
        yield _Lines(text).count


class _Lines:
    """A line a minute on work of which (done, total) is counted."""

    def __init__(self, text: str):
        self._text = text
        self._begun = self._told = time.monotonic()
        self._first: int | None = None

    def count(self, done: int, total: int) -> None:
        """Tell how far it is, if it is time."""
        now = time.monotonic()
        if self._first is None:  # an earlier call may have done some of it
            self._first, self._begun = done, now
        if now - self._told < _LINE_SEC:
            return
        self._told, here = now, done - self._first
        left = f", {time_in_words((now - self._begun) / here * (total - done))} left" if here > 0 else ""
        echo(f"{self._text}: {done:,} of {total:,}{left}", err=True)


def told(tick: Tick) -> tuple[str, ...]:
    """Losses and accuracies of a log interval, in groups."""
    stats = {**tick.stats, **tick.evaluated}
    groups = (
        (words, [f"{label} {stats[name]:.3f}".strip() for name, label in labels.items() if name in stats])
        for words, labels in _SHOWN
    )
    return tuple(f"{words} {', '.join(figures)}" for words, figures in groups if figures)
