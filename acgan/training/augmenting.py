"""Strength of the augmentation of all images that D sees: fixed, by a schedule, or by feedback (ADA)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from acgan.augment import DiscriminatorAugmentation
from acgan.training.schedule import Curve

#: D steps from one adjustment to the next, and over which the sign is averaged (Karras et al. 2020, section 3).
_ADJUST_EVERY = 4


class Augmenter:
    """Changes real and generated images alike, each with a probability that may follow D's overfitting.

    Feedback is that of ADA: p rises by a fixed step while the mean sign of D's logits on real images,
    r_t = E sign(D(x)), is above the target, and else falls (Karras et al. 2020, eq. 1). A relativistic D has no zero
    of its own: its r_t is E sign(D(x) - D(G)) over pairs. It lives on the device.

    Args:
        transform: Change of the images.
        p: Probability if there is no feedback.
        target: Target of r_t; None is no feedback.
        adjust_nimg: Images in which p can rise from 0 to 1.
        device: Device of the images.
    """

    def __init__(
        self,
        transform: DiscriminatorAugmentation,
        *,
        p: Curve,
        target: float | None,
        adjust_nimg: int,
        device: torch.device,
    ):
        self.transform = transform
        self._curve = p
        self._target = target
        self._adjust_nimg = adjust_nimg
        self._p = torch.zeros((), device=device)
        self._signs = torch.zeros((), device=device)

    @property
    def follows(self) -> bool:
        """True if the probability follows D's logits."""
        return self._target is not None

    def p(self, nimg: int) -> Tensor:
        """Probability of each change, a scalar on the device."""
        return self._p if self._target is not None else torch.full_like(self._p, self._curve.at(nimg))

    def observe(self, sign: Tensor, step: int, images: float) -> None:
        """Follow r_t, given as ``sign``, of a D step that stands for so many images."""
        if self._target is None:
            return
        self._signs = self._signs + sign.to(self._signs.dtype)
        if (step + 1) % _ADJUST_EVERY == 0:
            size = _ADJUST_EVERY * images / self._adjust_nimg
            direction = (self._signs / _ADJUST_EVERY - self._target).sign()
            self._p = (self._p + size * direction).clamp(0, 1)
            self._signs = torch.zeros_like(self._signs)

    def state_dict(self) -> dict[str, Any]:
        """Tensors that an exact resume needs."""
        return {"p": self._p, "signs": self._signs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._p, self._signs = state["p"].to(self._p), state["signs"].to(self._signs)
