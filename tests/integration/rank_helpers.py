"""Several processes of one command."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from run_helpers import Child


def two(
    arguments: list[str],
    logs: Path,
    before: tuple[Callable[[], None] | None, ...] = (None, None),
    variables: Mapping[str, str] | None = None,
) -> list[Child]:
    """Two ranks of one command, started as ``torchrun`` starts them."""
    return several(2, arguments, logs, before, variables)


def several(
    count: int,
    arguments: list[str],
    logs: Path,
    before: Sequence[Callable[[], None] | None] | None = None,
    variables: Mapping[str, str] | None = None,
) -> list[Child]:
    """So many ranks of one command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {
        **(variables or {}),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    return [
        Child(
            arguments,
            logs / f"rank{rank}",
            before[rank] if before else None,
            {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(count)
    ]
