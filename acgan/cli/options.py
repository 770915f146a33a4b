"""What several commands share: types of options, times, SIGTERM."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator

import click

from acgan.errors import Interrupted


class Duration(click.ParamType[float]):
    """A time such as ``90s``, ``10m``, ``1h30m`` or plain seconds, as a number of seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse, or fail with the forms that are understood."""
        if isinstance(value, (int, float)):
            return float(value)
        match = re.fullmatch(
            r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?:in)?)?(?:(?P<s>\d+(?:\.\d+)?)s?)?",
            str(value),
        )
        if not match or not any(match.groups()):
            self.fail(f"{value!r} is not a duration; expected e.g. 90s, 10m, 1h30m or seconds.", param, ctx)
        hours, minutes, seconds = (float(match[unit] or 0) for unit in "hms")
        return hours * 3600 + minutes * 60 + seconds


def clock(seconds: float) -> str:
    """Seconds as ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextlib.contextmanager
def stopped_by_sigterm(message: str) -> Iterator[None]:
    """Let SIGTERM clean up as Ctrl-C does: job schedulers and ``timeout`` send it.

    Raises:
        Interrupted: With the message and exit code 75.
    """

    def stop(_number: int, _frame: object) -> None:
        raise Interrupted(f"SIGTERM: {message}.", exit_code=75)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
