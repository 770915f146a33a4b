"""Messages of several processes that ``torchrun`` started: each is told once."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from acgan.cli.output import echo

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

_PATIENCE = timedelta(seconds=3)  # the process that holds the store may be gone


def is_first_process() -> bool:
    """True in the process that prints, of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def warn_once(message: str) -> None:
    """Print a warning, in one process of those that torchrun started."""
    if is_first_process():
        echo(f"warning: {message}", err=True)


def told_once(message: str, *, lost: bool = False) -> str | None:
    """A message that ends this process, with its rank; None if another process of the training tells it.

    Args:
        message: The message.
        lost: It only says that another process is gone: nothing that one with a message of its own left unsaid.
    """
    world = os.environ.get("WORLD_SIZE", "1")
    if world == "1":
        return message
    with contextlib.suppress(RuntimeError):  # no store: better twice than never
        store, restart = _store(), os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        cause, count = (f"acgan/{restart}/{name}" for name in ("cause", "lost" if lost else "causes"))
        if lost and store.check([cause]):
            return None
        first = store.add(count, 1) == 1
        if first and not lost:
            store.set(cause, message)
        if not first and (lost or store.get(cause).decode() == message):
            return None
    return message if is_first_process() else f"rank {os.environ['RANK']} of {world}: {message}"


def _store() -> Store:
    """The store by which the processes found each other."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # its stubs leave it out

    host, port = os.environ.get("MASTER_ADDR", "localhost"), int(os.environ.get("MASTER_PORT", "0"))
    store: Store = TCPStore(host, port, is_master=False, timeout=_PATIENCE, wait_for_workers=False)
    return store
