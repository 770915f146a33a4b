"""The learning rate as a function of how far a training has come, and of nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

_DECAYS: dict[str, Callable[[float], float]] = {
    "linear": lambda share: 1 - share,
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
    "none": lambda share: 1.0,
}
DECAYS = tuple(_DECAYS)


@dataclass(frozen=True)
class Schedule:
    """A linear rise, then a fall (Goyal et al. 2017; Loshchilov & Hutter 2017).

    Attributes:
        warmup: Share of the training in which the rate rises from nought, in [0, 1).
        decay: How it falls afterwards, to nought at the end: ``linear``, ``cosine``, or ``none``.
    """

    warmup: float
    decay: str

    def factor(self, progress: float) -> float:
        """What the highest learning rate is multiplied by.

        Args:
            progress: Share of the training that is done, in [0, 1].
        """
        if progress < self.warmup:
            return progress / self.warmup
        return _DECAYS[self.decay]((progress - self.warmup) / (1 - self.warmup))
