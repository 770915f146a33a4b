"""Parts computed side by side: a stream of them in order, or a few together."""

from __future__ import annotations

import contextvars
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

from acgan.parallel import threads
from acgan.parallel.sharing import in_rounds, present_share
from acgan.parallel.team import Member, PartFailedError, Team, this_part
from acgan.parallel.threads import Cores

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")

#: Most parts that are computed ``together``, each in a thread of its own.
MOST_PARTS = 1024


def _new_pool() -> ThreadPoolExecutor:
    """Threads without a limit, for parts wait for each other; each starts when it is needed."""
    return ThreadPoolExecutor(sys.maxsize, thread_name_prefix="acgan")


_pool = _new_pool()


def _submit(call: Callable[..., _Result], *arguments: object) -> Future[_Result]:
    """Call a function in a thread of its own."""
    global _pool
    try:
        return _pool.submit(call, *arguments)
    except BaseException:  # a thread could not start, and the pool counts on it all the same
        _pool = _new_pool()
        raise


def in_order(function: Callable[[_Part], _Result], parts: Iterable[_Part]) -> Iterator[_Result]:
    """Results of a function for parts, in their order, computed side by side a few parts ahead.

    The function is called in other threads, with the caller's gradient mode, autocast and context variables. Parts are
    taken from the iterable when a core is free for them, so a stream of parts needs no memory for all. Each has one
    core, even where it is alone: a result does not depend on the number of parts. When the consumer stops, or taking a
    part fails, no further part begins, and those that compute are waited for: nothing they use may change meanwhile.
    """
    if this_part.get() is not None:  # its caller has a core already
        yield from map(function, parts)
        return
    process, pending, cores = os.getpid(), deque[Future[_Result]](), threads.available()
    call, member = _like_here(function, cores), Member(Team(1, cores), 0)

    def next_result() -> _Result:
        if os.getpid() != process:
            raise RuntimeError(
                "in_order was begun before this process was forked; begin it again in the child"
            )
        return pending.popleft().result()

    try:
        for part in parts:
            pending.append(_submit(call, member, part))
            if len(pending) > cores.count:
                yield next_result()
        while pending:
            yield next_result()
    finally:
        member.team.abort()
        if os.getpid() == process:
            wait(pending)


def in_order_on(
    device: torch.device, function: Callable[[_Part], _Result], parts: Iterable[_Part]
) -> Iterator[_Result]:
    """As ``in_order`` on a CPU. A GPU computes one part after another anyway: there, in the caller's thread.

    Processes that share their work (see ``shared_among``) have a part each.
    """

    def here(parts: Iterable[_Part]) -> Iterator[_Result]:
        return in_order(function, parts) if device.type == "cpu" else map(function, parts)

    share = present_share()
    return here(parts) if share is None or this_part.get() is not None else in_rounds(share, here, parts)


def together(
    function: Callable[[_Part], _Result], parts: Sequence[_Part], *, all_cores: bool = False
) -> list[_Result]:
    """Results of a function for parts, in their order, computed at the same time.

    As ``in_order``, but the parts may ``exchange`` values: each has a thread of its own, and no more compute at once
    than there are cores. When it returns or raises, none computes any more.

    A single part is computed in the caller's thread, which a GPU needs: its current device is a thread's own. With
    ``all_cores`` a single part has as many of torch's own threads as there are cores. Then, and only then, its last
    bits depend on the number of cores.
    """
    if this_part.get() is not None:
        raise RuntimeError("parts cannot be computed together inside a part, which has one core for itself")
    if len(parts) > MOST_PARTS:
        raise ValueError(
            f"{len(parts)} parts to compute together, a thread each; there are {MOST_PARTS} at most"
        )
    cores = threads.available()
    team = Team(len(parts), cores)
    if len(parts) == 1:
        return [_alone(function, parts[0], Member(team, 0), all_cores=all_cores)]
    call = _like_here(function, cores)

    def as_member(index: int, part: _Part) -> _Result:
        try:
            result = call(Member(team, index), part)
        except BaseException:
            team.abort()
            raise
        team.end(index)
        return result

    futures: list[Future[_Result]] = []
    try:
        for index, part in enumerate(parts):
            futures.append(_submit(as_member, index, part))
        errors = [error for future in futures if (error := future.exception()) is not None]
    except BaseException:  # a thread could not start, or the caller was interrupted
        team.abort()
        wait(futures)
        raise
    for error in errors:
        if not isinstance(error, PartFailedError):
            raise error  # the cause; the others were waiting for that part
    return [future.result() for future in futures]


def _alone(function: Callable[[_Part], _Result], part: _Part, member: Member, *, all_cores: bool) -> _Result:
    token = this_part.set(member)
    try:
        with threads.own_threads(threads.cores() if all_cores and not threads.forked else 1):
            return function(part)
    finally:
        this_part.reset(token)


def _like_here(function: Callable[[_Part], _Result], cores: Cores) -> Callable[[Member, _Part], _Result]:
    """The function for another thread, on a core, in the caller's gradient mode, autocast and context."""
    context, gradients = contextvars.copy_context(), torch.is_grad_enabled()
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    context.run(threads.chosen.set, cores)

    def call(member: Member, part: _Part) -> _Result:
        this_part.set(member)
        threads.use_one_thread()
        with cores.one(), torch.set_grad_enabled(gradients), torch.autocast("cpu", dtype, autocast):
            if member.team.failed:
                raise PartFailedError
            return function(part)

    # A context cannot be entered by two threads at once.
    return lambda member, part: context.copy().run(call, member, part)


def _after_fork() -> None:
    """A child has none of the threads."""
    global _pool
    _pool = _new_pool()


os.register_at_fork(after_in_child=_after_fork)
