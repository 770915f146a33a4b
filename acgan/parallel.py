"""Work on parts of a batch side by side on a CPU: a thread and a core for each part.

Each part is computed with one of torch's own (intra-op) threads. Several of those wait for each other in every layer,
so that one busy neighbour on the machine delays them thousands of times a step; a part waits only for itself. And the
bits of a part do not depend on the number of cores: with another number of threads, layers add in another order.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import torch

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")

_MOST_THREADS = 1024  # a thread starts only when it is needed
#: Time after which a thread asks another for Python's lock; layers of a part are shorter than Python's 5 ms.
_SWITCH_SEC = 5e-5
_starting = threading.Lock()


def _use_one_thread() -> None:
    """Give this thread, and no other, one of torch's own threads."""
    with _starting:  # another such thread would take 1 for the common number
        others = torch.get_num_threads()  # asked first: a thread takes over the common number when it asks
        torch.set_num_threads(1)
        # The last number that any thread sets is that of threads to come, such as the user's.
        restore = threading.Thread(target=torch.set_num_threads, args=(others,))
        restore.start()
        restore.join()


_pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="acgan", initializer=_use_one_thread)


class _Cores:
    """The cores to use: ``free`` counts those that compute nothing."""

    def __init__(self, count: int):
        self.count = count
        self.free = threading.Semaphore(count)


#: By default as many as torch would use, which follows OMP_NUM_THREADS and the cores that the process may use.
_cores = _Cores(torch.get_num_threads())


class _Team:
    """Parts that are computed at the same time, and may exchange values on the way."""

    def __init__(self, size: int, cores: _Cores):
        self.size = size
        self._cores = cores
        self._barrier = threading.Barrier(size)
        # A part may be one exchange ahead of the others, not two.
        self._values: tuple[list[Any], list[Any]] = ([None] * size, [None] * size)

    def exchange(self, index: int, turn: int, value: Any) -> list[Any]:
        """Values of all parts, in order; the core is free while the part waits."""
        values = self._values[turn % 2]
        values[index] = value
        self._cores.free.release()
        try:
            self._barrier.wait()
        finally:
            self._cores.free.acquire()
        return list(values)

    def abort(self) -> None:
        """End the waiting of all parts, since one has failed."""
        self._barrier.abort()


class _Place:
    """Place of a part in its team; ``turn`` counts its exchanges."""

    def __init__(self, team: _Team, index: int):
        self.team, self.index, self.turn = team, index, 0

    def exchange(self, value: Any) -> list[Any]:
        self.turn += 1
        return self.team.exchange(self.index, self.turn, value)


_place: contextvars.ContextVar[_Place | None] = contextvars.ContextVar("place", default=None)
_in_pool = threading.local()


def cores() -> int:
    """Number of cores to use."""
    return _cores.count


@contextlib.contextmanager
def using_cores(count: int | None) -> Iterator[None]:
    """Use so many cores for parts, and one of torch's own threads for the rest; None leaves the number of cores."""
    global _cores
    before, threads, switch_sec = _cores, torch.get_num_threads(), sys.getswitchinterval()
    if count is not None:
        _cores = _Cores(count)
    torch.set_num_threads(1)
    sys.setswitchinterval(_SWITCH_SEC)
    try:
        yield
    finally:
        _cores = before
        torch.set_num_threads(threads)
        sys.setswitchinterval(switch_sec)


def in_order(function: Callable[[_Part], _Result], parts: Iterable[_Part]) -> Iterator[_Result]:
    """Results of a function for parts, in their order, computed side by side a few parts ahead.

    The function is called in other threads, with the caller's gradient mode, autocast and context variables. Parts are
    taken from the iterable when a core is free for them, so a stream of parts needs no memory for all.
    """
    if getattr(_in_pool, "inside", False):  # its caller has a core already
        yield from map(function, parts)
        return
    call, available, pending = _like_here(function), _cores, deque[Future[_Result]]()
    try:
        for part in parts:
            pending.append(_pool.submit(call, available, None, part))
            if len(pending) > available.count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def in_order_on(
    device: torch.device, function: Callable[[_Part], _Result], parts: Iterable[_Part]
) -> Iterator[_Result]:
    """As ``in_order`` on a CPU. A GPU computes one part after another anyway: there, in the caller's thread."""
    return in_order(function, parts) if device.type == "cpu" else map(function, parts)


def together(function: Callable[[_Part], _Result], parts: Sequence[_Part]) -> list[_Result]:
    """Results of a function for parts, in their order, computed at the same time.

    As ``in_order``, but the parts may ``exchange`` values: each has a thread of its own, and no more compute at once
    than there are cores.
    """
    team, call, available = _Team(len(parts), _cores), _like_here(function), _cores
    futures = [_pool.submit(call, available, _Place(team, index), part) for index, part in enumerate(parts)]
    errors = [error for future in futures if (error := future.exception()) is not None]
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error  # the cause; the others were waiting for that part
    return [future.result() for future in futures]


def exchange(value: Any) -> list[Any]:
    """Values of all parts that are computed ``together`` with this one, in order; outside them, this value alone.

    All parts must call it, and in the same order.
    """
    place = _place.get()
    return [value] if place is None else place.exchange(value)


def place_among_parts() -> tuple[int, int]:
    """Index of this part, and number of parts that are computed ``together``; (0, 1) outside them."""
    place = _place.get()
    return (0, 1) if place is None else (place.index, place.team.size)


def _like_here(function: Callable[[_Part], _Result]) -> Callable[[_Cores, _Place | None, _Part], _Result]:
    """The function for another thread, on a core, in the caller's gradient mode, autocast and context."""
    context, gradients = contextvars.copy_context(), torch.is_grad_enabled()
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def call(available: _Cores, place: _Place | None, part: _Part) -> _Result:
        _in_pool.inside = True
        with available.free, torch.set_grad_enabled(gradients), torch.autocast("cpu", dtype, autocast):
            token = _place.set(place)
            try:
                return function(part)
            except BaseException:
                if place is not None:
                    place.team.abort()
                raise
            finally:
                _place.reset(token)

    # A context cannot be entered by two threads at once.
    return lambda *arguments: context.copy().run(call, *arguments)
