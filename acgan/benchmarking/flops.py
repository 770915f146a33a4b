"""Floating-point operations of whatever runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class _Counter(TorchDispatchMode):
    """Adds up the operations of convolutions and matrix products, backward passes included, in this thread.

    The formulas are torch's. Its own ``FlopCounterMode`` follows modules besides, which a penalty's gradient breaks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def count_flops(work: Callable[[], object]) -> int:
    """Operations of convolutions and matrix products, 2 for a multiplication and its addition."""
    counter = _Counter()
    with counter:
        work()
    return counter.total
