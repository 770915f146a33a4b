"""Parts shared out among several processes, each of which has the results of all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")

#: Parts of a process between two exchanges. It is no function of the cores, whose number may differ among processes.
_ROUND = 8


@dataclass(frozen=True)
class Sharing:
    """The share of this process, one of several that do the same work in the same order.

    Attributes:
        index: This process among all.
        count: All processes.
        exchange: Gives the values of all processes, in order, for the value of this one; all call it together.
    """

    index: int
    count: int
    exchange: Callable[[Any], list[Any]]


_share: ContextVar[Sharing | None] = ContextVar("share", default=None)


@contextlib.contextmanager
def shared_among(share: Sharing) -> Iterator[None]:
    """Context in which ``in_order_on`` computes a share of its parts here, and takes the others from their processes.

    All processes do the same work inside, so that they exchange at the same places.
    """
    with _set(share):
        yield


@contextlib.contextmanager
def _set(share: Sharing | None) -> Iterator[None]:
    token = _share.set(share)
    try:
        yield
    finally:
        _share.reset(token)


def present_share() -> Sharing | None:
    """The share that is in effect; None if this process computes everything."""
    return _share.get()


def in_rounds(
    share: Sharing, compute: Callable[[list[_Part]], Iterable[_Result]], parts: Iterable[_Part]
) -> Iterator[_Result]:
    """Results for parts, in their order; each process computes every ``count``-th one.

    Args:
        share: The share of this process.
        compute: Results of parts, in order.
        parts: The same in all processes.
    """
    stream = iter(parts)
    while taken := list(islice(stream, share.count * _ROUND)):
        with _set(None):  # a part is computed here alone, and so are its own parts
            own = list(compute(taken[share.index :: share.count]))
        everyone = share.exchange(own)
        for place in range(len(taken)):
            yield everyone[place % share.count][place // share.count]
