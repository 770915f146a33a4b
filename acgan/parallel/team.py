"""Parts that are computed at the same time and exchange values on the way."""

from __future__ import annotations

import contextvars
import os
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from acgan.parallel.threads import Cores

_FAILED, _ENDED = object(), object()  # instead of a value


class PartFailedError(Exception):
    """Another part has failed, so its values will never come."""


class Team:
    """Parts that are computed at the same time, and may exchange values on the way.

    Attributes:
        failed: No further part may begin.
    """

    def __init__(self, size: int, cores: Cores):
        self.size, self.failed = size, False
        self._cores = cores
        #: A queue for each part's values to each part: ``_lines[to][of]``.
        self._lines: list[list[SimpleQueue[Any]]] = [
            [SimpleQueue() for _ in range(size)] for _ in range(size)
        ]

    def exchange(self, index: int, value: Any) -> list[Any]:
        """Values of all parts, in order; where parts share cores, this one's is free while it waits."""
        self._tell(index, value)
        shares = self.size > self._cores.count
        if shares:
            self._cores.give_back()
        try:
            values = [line.get() for line in self._lines[index]]
        finally:
            if shares:
                self._cores.take()
        for other, found in enumerate(values):
            if found is _FAILED:
                raise PartFailedError
            if found is _ENDED:
                raise RuntimeError(
                    f"parts exchange values a different number of times: part {other} of {self.size} has ended, and "
                    f"part {index} waits for a value of it"
                )
        return values

    def end(self, index: int) -> None:
        """Tell all parts that this one has no more values."""
        self._tell(index, _ENDED)

    def abort(self) -> None:
        """End the waiting of all parts, and let no other begin: one has failed, or the results are not wanted."""
        self.failed = True
        for index in range(self.size):
            self._tell(index, _FAILED)

    def _tell(self, index: int, value: Any) -> None:
        for lines in self._lines:
            lines[index].put(value)


@dataclass
class Member:
    """A part of a team."""

    team: Team
    index: int


#: None outside parts.
this_part: contextvars.ContextVar[Member | None] = contextvars.ContextVar("this_part", default=None)


def exchange(value: Any) -> list[Any]:
    """Values of all parts that are computed ``together`` with this one, in order; outside them, this value alone.

    All parts must call it, in the same order and equally often.
    """
    member = this_part.get()
    return [value] if member is None or member.team.size == 1 else member.team.exchange(member.index, value)


def place_among_parts() -> tuple[int, int]:
    """Index of this part, and number of parts that are computed ``together``; (0, 1) outside them."""
    member = this_part.get()
    return (0, 1) if member is None else (member.index, member.team.size)


# The other parts stayed in the parent.
os.register_at_fork(after_in_child=lambda: this_part.set(None))
