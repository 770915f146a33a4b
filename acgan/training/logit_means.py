"""Running means of D's adversarial logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class LogitMeans:
    """Exponential moving averages of D's logits on real and on generated images.

    Of all images so far: what a mean that begins at 0 lacks of its weight is divided out, as Adam does (Kingma & Ba
    2015, section 3), and LeCam's authors do for StyleGAN2. Before the first step they are 0.

    Args:
        half_life_nimg: After so many images an old mean counts half.
        device: Of the logits.
        dtype: Of the logits.
    """

    def __init__(self, *, half_life_nimg: float, device: torch.device, dtype: torch.dtype):
        self.half_life_nimg = half_life_nimg
        self._means = torch.zeros(3, device=device, dtype=dtype)  # real, fake, and the weight of both

    @property
    def real(self) -> Tensor:
        """Of real images."""
        return self._mean(0)

    @property
    def fake(self) -> Tensor:
        """Of generated images."""
        return self._mean(1)

    def update(self, real: Tensor, fake: Tensor, images: float) -> None:
        """Move towards the means of a D step, which stands for so many images shown."""
        new = torch.stack((real, fake, torch.ones_like(real))).to(self._means.dtype)
        self._means = torch.lerp(self._means, new, 1 - 0.5 ** (images / self.half_life_nimg))

    def _mean(self, side: int) -> Tensor:
        weight = self._means[2].clamp(min=torch.finfo(self._means.dtype).tiny)
        return self._means[side] / weight

    def state_dict(self) -> dict[str, Any]:
        """What an exact resume needs."""
        return {"means": self._means}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state_dict``."""
        means = state["means"].to(self._means)
        # Two, without their weight, are of a run from before it was kept: taken for what they are.
        self._means = means if len(means) == 3 else torch.cat([means, torch.ones_like(means[:1])])
