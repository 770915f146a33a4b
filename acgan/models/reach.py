"""The reach of the loss of a head."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reach:
    """Numbers of parameters that the loss of one head trains.

    Attributes:
        head: ``main`` or the layer's name.
        weight: Weight of its loss in the sum.
        own: Parameters of the head itself.
        reached: Parameters of the backbone that its gradient reaches and that are not frozen.
        backbone: Parameters of the backbone.
    """

    head: str
    weight: float
    own: int
    reached: int
    backbone: int

    def __str__(self) -> str:
        return f"reaches {_short(self.reached)} of {_short(self.backbone)} backbone parameters"


def _short(number: int) -> str:
    """A number such as ``21.8 M``."""
    if number >= 1_000_000:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1e3:.1f} k" if number >= 1_000 else str(number)
