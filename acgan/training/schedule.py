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


def _images(share: float, total_nimg: int) -> float:
    """Images of a share: a whole number where the share stands for one, whatever its last bits."""
    images = share * total_nimg
    whole = round(images)
    return whole if math.isclose(images, whole, rel_tol=1e-12) else images


@dataclass(frozen=True)
class Curve:
    """A value that follows a schedule.

    Attributes:
        points: (images shown, value), in order; linear between them, constant before the first and after the last.
    """

    points: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, value: float | Sequence[tuple[float, float]], total_nimg: int) -> Curve:
        """A constant, or a curve through points at shares of a training's length."""
        if not isinstance(value, Sequence):
            return cls(((0, value),))
        return cls(tuple((_images(share, total_nimg), one) for share, one in value))

    def at(self, nimg: int) -> float:
        """The value after so many images."""
        times, values = zip(*self.points, strict=True)
        return float(np.interp(nimg, times, values))
