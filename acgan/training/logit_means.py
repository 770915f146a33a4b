"""Running means of D's adversarial logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class LogitMeans:
    """Exponential moving averages of D's logits on real and on generated images.

    They begin at 0, without a correction for it.

    Args:
        half_life_nimg: After so many images an old mean counts half.
        device: Of the logits.
        dtype: Of the logits.
    """

    def __init__(self, *, half_life_nimg: float, device: torch.device, dtype: torch.dtype):
        self.half_life_nimg = half_life_nimg
        self._means = torch.zeros(2, device=device, dtype=dtype)

    @property
    def real(self) -> Tensor:
        """Of real images."""
        return self._means[0]

    @property
    def fake(self) -> Tensor:
        """Of generated images."""
        return self._means[1]

    def update(self, real: Tensor, fake: Tensor, images: float) -> None:
        """Move towards the means of a D step, which stands for so many images shown."""
        new = torch.stack((real, fake)).to(self._means.dtype)
        self._means = torch.lerp(self._means, new, 1 - 0.5 ** (images / self.half_life_nimg))

    def state_dict(self) -> dict[str, Any]:
        """What an exact resume needs."""
        return {"means": self._means}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state_dict``."""
        self._means = state["means"].to(self._means)
