"""Requests to stop a training early: a signal, or the end of its time."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

import torch

from acgan import distributed
from acgan.distributed import Ranks
from acgan.signals import StopSignal, signals_heard

#: Between two agreements of several ranks. Job schedulers and torchrun kill 30 seconds after SIGTERM.
_AGREE_SEC = 0.5
_MOST_ITERATIONS = 16  # steps may turn slower all at once


class StopRequests:
    """Requests to stop, on which several ranks agree: at every iteration, or about twice a second if those are short.

    Args:
        deadline: ``time.monotonic()`` at which to stop, or None.

    Attributes:
        stop: The first signal, also another rank's once they agreed.
    """

    def __init__(self, ranks: Ranks, device: torch.device, deadline: float | None):
        self.stop = StopSignal()
        self._ranks, self._device, self._deadline = ranks, device, deadline
        self._next = 0
        self._last: tuple[int, float] | None = None

    @property
    def signal(self) -> int | None:
        """Number of the first signal, or None."""
        return self.stop.number

    @property
    def reason(self) -> str:
        """The signal's name, or that the time is up."""
        return "the time is up" if self.signal is None else signal.Signals(self.signal).name

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Context in which signals are requests."""
        with signals_heard(self._on_signal):
            yield

    def asked(self, iteration: int) -> bool:
        """True if there is a request; all ranks answer the same."""
        late = self._deadline is not None and time.monotonic() >= self._deadline
        if self._ranks.world == 1:
            return late or self.signal is not None
        if iteration < self._next:
            return False
        any_late, signalled, seconds = distributed.largest_of_ranks(
            (float(late), float(self.signal or 0), self._seconds_an_iteration(iteration)),
            self._ranks,
            self._device,
        )
        if signalled:
            self.stop.number = self.signal or int(signalled)
        self._next = iteration + max(1, min(_MOST_ITERATIONS, int(_AGREE_SEC / max(seconds, 1e-9))))
        return bool(any_late or signalled)

    def agree_on_cut(self, cut_short: bool) -> bool:
        """True on all ranks if a signal cut short what one of them did alone; then ``asked`` is true at once."""
        mine = float(self.signal or 0) if cut_short else 0.0
        (signalled,) = distributed.largest_of_ranks((mine,), self._ranks, self._device)
        if signalled:
            self.stop.number = self.signal or int(signalled)
            self._next = 0
        return bool(signalled)

    def _seconds_an_iteration(self, iteration: int) -> float:
        """Mean time since the last agreement; before the second one, that of a slow iteration."""
        now, last = time.monotonic(), self._last
        self._last = iteration, now
        return _AGREE_SEC if last is None else (now - last[1]) / max(iteration - last[0], 1)

    def _on_signal(self, number: int) -> None:
        self.stop.number = number
