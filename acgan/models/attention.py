"""Self-attention between the positions of a feature map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models.layers import widen
from acgan.runtime import outside_autocast


class SelfAttention(nn.Module):
    """SAGAN's self-attention (Zhang et al. 2019, eq. 1-3), added to its input with a weight that starts at 0.

    ``pooled`` is the form of their code and of BigGAN: keys and values are the largest of 2x2 positions, M = HW / 4,
    and values have V = C / 2 channels. Otherwise M = HW and V = C / 8, as in the paper.
    """

    def __init__(self, channels: int, pooled: bool = False):
        super().__init__()
        self.pooled = pooled
        inner, values = max(channels // 8, 1), max(channels // (2 if pooled else 8), 1)
        self.key = nn.Conv2d(channels, inner, 1, bias=False)  # f in the paper
        self.query = nn.Conv2d(channels, inner, 1, bias=False)  # g
        self.value = nn.Conv2d(channels, values, 1, bias=False)  # h
        self.out = nn.Conv2d(values, channels, 1, bias=False)  # v
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2)  # (N, C/8, HW)
        key, value = self.key(x), self.value(x)
        if self.pooled:
            key, value = F.max_pool2d(key, 2), F.max_pool2d(value, 2)
        key, value = key.flatten(2), value.flatten(2)  # (N, C/8, M), (N, V, M)
        with outside_autocast(x.device):  # exponentials of 8-bit scores would be off by per cents
            scores = widen(query).mT @ widen(key)  # (N, HW, M): a row for each query
            weights = scores.softmax(dim=-1)
        attended = (value @ weights.to(value.dtype).mT).unflatten(2, x.shape[2:])  # (N, V, H, W)
        out: Tensor = x + self.gamma * self.out(attended)
        return out


def add_attention(blocks: Mapping[int, nn.Module], sides: Sequence[int], pooled: bool = False) -> None:
    """Put self-attention behind the blocks with these sides of the output, in place.

    Call it last: the random draws of the other weights stay the same, and the network starts as the same function.

    Raises:
        ValueError: If no block has such a side.
    """
    if unknown := set(sides) - blocks.keys():
        raise ValueError(f"attention at side {_listed(unknown)}: the blocks put out {_listed(blocks.keys())}")
    for side in sorted(set(sides)):
        blocks[side].attention = SelfAttention(blocks[side].out_channels, pooled)  # type: ignore[arg-type]


def _listed(sides: Set[int]) -> str:
    return ", ".join(map(str, sorted(sides)))
