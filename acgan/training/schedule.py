"""Values as functions of a training's progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_DECAYS: dict[str, Callable[[float], float]] = {
    "linear": lambda share: 1 - share,
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
    "none": lambda share: 1.0,
}
DECAYS = tuple(_DECAYS)


@dataclass(frozen=True)
class WarmupDecay:
    """A linear rise, then a fall (Goyal et al. 2017; Loshchilov & Hutter 2017).

    Attributes:
        warmup: Share of the training in which the rate rises from zero, in [0, 1).
        decay: Form of the fall afterwards, to zero at the end: ``linear``, ``cosine``, or ``none``.
    """

    warmup: float
    decay: str

    def factor(self, progress: float) -> float:
        """Factor on the highest learning rate, at a progress in [0, 1]."""
        if progress < self.warmup:
            return progress / self.warmup
        return _DECAYS[self.decay]((progress - self.warmup) / (1 - self.warmup))


@dataclass(frozen=True)
class Curve:
    """A value that follows a schedule in images.

    Attributes:
        points: (images shown, value), in order; linear between them, constant before the first and after the last.
    """

    points: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, value: float | Sequence[tuple[int, float]]) -> Curve:
        """A constant, or a curve through points."""
        return cls(tuple(value)) if isinstance(value, Sequence) else cls(((0, value),))

    def at(self, nimg: int) -> float:
        """The value after so many images."""
        times, values = zip(*self.points, strict=True)
        return float(np.interp(nimg, times, values))
