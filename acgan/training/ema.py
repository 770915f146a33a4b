"""Running mean of the generator's weights, which is sampled."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from acgan.models import advance_spectral_norm

_Network = TypeVar("_Network", bound=nn.Module)


class EMA(Generic[_Network]):
    """Exponential moving average of a network's parameters and floating-point buffers.

    Args:
        network: The network to follow.
        half_life_nimg: Images after which an old weight counts half; 0 copies.
        ramp_up: Largest half-life as a share of the images so far, so that the mean forgets the start; None is no limit
            (as in EDM and StyleGAN2-ADA).
        start_nimg: Images until which it copies.
    """

    def __init__(
        self, network: _Network, *, half_life_nimg: float, ramp_up: float | None, start_nimg: int = 0
    ):
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.half_life_nimg = half_life_nimg
        self.ramp_up = ramp_up
        self.start_nimg = start_nimg

    @torch.no_grad()
    def update(self, network: nn.Module, nimg: int, batch_size: int) -> None:
        """Move the mean towards the network, ``batch_size`` images after the last update."""
        half_life = self.half_life_nimg
        if self.ramp_up is not None:
            half_life = min(half_life, self.ramp_up * nimg)
        copies = half_life == 0 or nimg <= self.start_nimg
        kept = 0.0 if copies else 0.5 ** (batch_size / half_life)
        means, values = _floating(self.network), _floating(network)
        torch._foreach_lerp_(means, values, 1 - kept)
        advance_spectral_norm(self.network)  # the mean of vectors of length one is none of the mean weights


def _floating(network: nn.Module) -> list[Tensor]:
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
