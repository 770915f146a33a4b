"""Cores to use, torch's own threads, and how soon threads ask for Python's lock."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from queue import SimpleQueue
from typing import ClassVar

import torch

#: Time after which a thread asks another for Python's lock; layers of a part are shorter than Python's 5 ms.
_SWITCH_SEC = 5e-5

#: Held while a setting changes that all threads share. The holder may ask again, in a handler of a signal.
_setting = threading.RLock()
#: Number of contexts with early switching, and Python's own interval.
_switching, _usual_sec = 0, 0.0
#: This process was forked. Torch's threads stayed in the parent, and it may wait for them if it is to use several.
forked = False


class Cores:
    """The cores to use. A thread takes one to compute, and gives it back."""

    every: ClassVar[weakref.WeakSet[Cores]] = weakref.WeakSet()

    def __init__(self, count: int):
        self.count = count
        self.free_all()
        self.every.add(self)

    def free_all(self) -> None:
        """Begin with all cores free."""
        # A queue of C: waking a thread by Python's own semaphore takes several turns of its lock.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(self.count):
            self.give_back()

    def take(self) -> None:
        """Wait for a free core."""
        self._free.get()

    def give_back(self) -> None:
        """Leave the core to others."""
        self._free.put(None)

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Context in which this thread has a core."""
        self.take()
        try:
            yield
        finally:
            self.give_back()


#: What ``using_cores`` chose; a part has its caller's.
chosen: contextvars.ContextVar[Cores | None] = contextvars.ContextVar("chosen", default=None)
#: The same cores for all threads that choose none.
_usual = functools.cache(Cores)


def available() -> Cores:
    """The cores to use here."""
    here = chosen.get()
    if here is not None:
        return here
    with _setting:
        return _usual(torch.get_num_threads())


def cores() -> int:
    """Number of cores to use, by default as many as torch would.

    That follows ``torch.set_num_threads``, OMP_NUM_THREADS, and the cores that the process may use.
    """
    return available().count


@contextlib.contextmanager
def using_cores(count: int | None) -> Iterator[None]:
    """Use so many cores for parts, and one of torch's own threads for the rest; None leaves the number of cores.

    Other threads of the process keep theirs.
    """
    token = chosen.set(available() if count is None else Cores(count))
    try:
        with own_threads(1), _early_switching():
            yield
    finally:
        chosen.reset(token)


def use_one_thread() -> None:
    """Give this thread, and no other, one of torch's own threads."""
    if torch.get_num_threads() != 1:
        _use_own_threads(1)


@contextlib.contextmanager
def own_threads(count: int) -> Iterator[None]:
    """Context in which this thread, and no other, has so many of torch's own threads."""
    before = _use_own_threads(count)
    try:
        yield
    finally:
        _use_own_threads(before)


def _use_own_threads(count: int) -> int:
    """Give this thread so many of torch's own threads, and return how many it had.

    Torch also takes the last number that any thread sets for threads to come, such as the user's. So another thread
    asks for that number before, and sets it again.
    """
    with _setting:
        before = torch.get_num_threads()  # asked first: a thread takes over the common number when it asks
        if before != count:
            asked: SimpleQueue[None] = SimpleQueue()
            changed: SimpleQueue[None] = SimpleQueue()
            keeper = threading.Thread(target=_keep_common_number, args=(asked, changed), daemon=True)
            keeper.start()
            try:
                asked.get()
                torch.set_num_threads(count)
            finally:
                changed.put(None)
            keeper.join()
    return before


def _keep_common_number(asked: SimpleQueue[None], changed: SimpleQueue[None]) -> None:
    common = torch.get_num_threads()
    asked.put(None)
    changed.get()
    torch.set_num_threads(common)


@contextlib.contextmanager
def _early_switching() -> Iterator[None]:
    """Context in which threads ask for Python's lock early. The last thread to leave it restores the interval."""
    global _switching, _usual_sec
    with _setting:
        if _switching == 0:
            _usual_sec = sys.getswitchinterval()
            sys.setswitchinterval(_SWITCH_SEC)
        _switching += 1
    try:
        yield
    finally:
        with _setting:
            _switching -= 1
            if _switching == 0:
                sys.setswitchinterval(_usual_sec)


def _after_fork() -> None:
    """A child has none of the threads that hold cores or the lock."""
    global _setting, forked
    _setting, forked = threading.RLock(), True
    for found in list(Cores.every):
        found.free_all()


os.register_at_fork(after_in_child=_after_fork)
