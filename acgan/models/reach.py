"""The reach of the loss of a head."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reach:
    """Numbers of parameters that the loss of one head trains."""

    head: str  # ``main`` or the layer's name
    weight: float  # of its loss in the sum
    own: int  # parameters of the head itself
    reached: int  # parameters of the backbone that its gradient reaches and that are not frozen
    backbone: int  # parameters of the backbone

    def __str__(self) -> str:
        return f"trains {_short(self.reached)} of {_short(self.backbone)} backbone parameters"


def _short(number: int) -> str:
    """A number such as ``21.8 M``."""
    if number >= 1_000_000:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1e3:.1f} k" if number >= 1_000 else str(number)
