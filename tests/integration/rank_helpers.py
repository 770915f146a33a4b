"""Several processes of one command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from run_helpers import Child
from torch.distributed import TCPStore


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
    """So many ranks of one command; their store is here, as torchrun's is in none of them."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    common = {
        **(variables or {}),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }
    ranks = [
        Child(
            arguments,
            logs / f"rank{rank}",
            before[rank] if before else None,
            {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(count)
    ]
    ranks[0].store = store  # which lives as long as they are looked at
    return ranks
