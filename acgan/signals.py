"""Signals that ask work to stop: Ctrl-C, SIGTERM of job schedulers and ``timeout``, SIGHUP of a closed terminal."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from acgan.errors import Interrupted

_HANGUP: int | None = getattr(signal, "SIGHUP", None)  # Windows has none
_Handler = Callable[[int, object], None]
_Portion = TypeVar("_Portion")


class CutShortError(Exception):
    """Work was given up between two portions, since a signal asks to stop."""


class StopSignal:
    """A signal that asks to stop, perhaps to come.

    Attributes:
        number: Its number; None as long as there was none.
    """

    def __init__(self) -> None:
        self.number: int | None = None

    def between(self, portions: Iterable[_Portion]) -> Iterator[_Portion]:
        """Portions of work as they are, until the signal.

        Raises:
            CutShortError: In place of the next portion, once there is the signal.
        """
        for portion in portions:
            if self.number is not None:
                raise CutShortError
            yield portion


@contextlib.contextmanager
def signals_heard(on_signal: Callable[[int], None]) -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into a request; a second one acts as usual, at once."""

    def handle(number: int, _frame: object) -> None:
        if number != _HANGUP:
            signal.signal(number, before[number])
        on_signal(number)

    with _handled((signal.SIGINT, signal.SIGTERM, _HANGUP), handle) as before:
        yield


@contextlib.contextmanager
def stopped_by_signals(message: str) -> Iterator[None]:
    """Let SIGTERM and SIGHUP clean up as Ctrl-C does.

    Raises:
        Interrupted: With the message and exit code 75.
    """

    def stop(number: int, _frame: object) -> None:
        raise Interrupted(f"{signal.Signals(number).name}: {message}.", exit_code=75)

    with _handled((signal.SIGTERM, _HANGUP), stop):
        yield


@contextlib.contextmanager
def _handled(numbers: Sequence[int | None], handle: _Handler) -> Iterator[dict[int, signal._HANDLER]]:
    """Context in which signals have a handler; gives their handlers before."""
    if threading.current_thread() is not threading.main_thread():
        yield {}
        return
    before = {number: signal.getsignal(number) for number in numbers if number is not None}
    if _HANGUP is not None and before[_HANGUP] == signal.SIG_IGN:
        del before[_HANGUP]  # nohup

    def handle_once(number: int, frame: object) -> None:
        if number == _HANGUP:
            # The kernel and the shell both send one, and systemd one after SIGTERM: a second must not kill a process
            # that is at its checkpoint, now or on its way out.
            signal.signal(number, signal.SIG_IGN)
        handle(number, frame)

    for number in before:
        signal.signal(number, handle_once)
    try:
        yield before
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, handler)
