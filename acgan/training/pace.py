"""Time of a training, and its speed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Pace:
    """Measures the time in the loop and the speed between ticks, in which samples, scores and checkpoints do not count.

    Attributes:
        images_per_sec: Speed between the last two ticks; of the whole invocation once it has stopped.
    """

    def __init__(self, nimg: int, trained_sec: float):
        self.images_per_sec = 0.0
        self._earlier_sec = trained_sec  # of earlier invocations
        self._begun_nimg = self._tick_nimg = nimg
        self._stopped: float | None = None
        self.start()

    def start(self) -> None:
        """Begin now."""
        self._begun = self._last_tick = time.monotonic()

    @property
    def trained_sec(self) -> float:
        """Time in the loop, with that of earlier invocations up to the checkpoint that this one goes on from."""
        return self._earlier_sec + self.invocation_sec

    @property
    def invocation_sec(self) -> float:
        """Time of this invocation in the loop."""
        return (time.monotonic() if self._stopped is None else self._stopped) - self._begun

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Context whose time does not count in the speed."""
        begun = time.monotonic()
        yield
        self._last_tick += time.monotonic() - begun

    def measure(self, nimg: int) -> float:
        """Speed since the last tick."""
        seconds = time.monotonic() - self._last_tick
        self.images_per_sec = (nimg - self._tick_nimg) / max(seconds, 1e-9)
        return self.images_per_sec

    def tick(self, nimg: int) -> None:
        """Begin the next interval."""
        self._last_tick, self._tick_nimg = time.monotonic(), nimg

    def stop(self, nimg: int) -> None:
        """End the invocation."""
        self._stopped = time.monotonic()
        self.images_per_sec = (nimg - self._begun_nimg) / max(self.invocation_sec, 1e-9)
