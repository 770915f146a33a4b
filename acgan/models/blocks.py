"""Residual blocks of generators, which double the side, and of discriminators, which halve it."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models.layers import ConditionalNorm, ModulatedConv2d, conv3x3
from acgan.sides import map_sides


class UpBlock(nn.Module):
    """Residual block that doubles the side; the wide convolution runs at the lower one, where it is cheap.

    Pre-activation residual block (He et al. 2016) with conditional normalisation, as in SAGAN and BigGAN.
    """

    def __init__(self, in_channels: int, out_channels: int, condition_dim: int):
        super().__init__()
        self.out_channels = out_channels
        self.norm1 = ConditionalNorm(in_channels, condition_dim)
        self.conv1 = conv3x3(in_channels, out_channels)
        self.norm2 = ConditionalNorm(out_channels, condition_dim)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.skip = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.attention: nn.Module = nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.conv1(F.leaky_relu(self.norm1(x, condition), 0.2))  # (N, out, H, W)
        h = F.interpolate(h, scale_factor=2.0)  # (N, out, 2H, 2W)
        h = self.conv2(F.leaky_relu(self.norm2(h, condition), 0.2))
        out: Tensor = self.attention(F.interpolate(self.skip(x), scale_factor=2.0) + h)
        return out


class StyleUpBlock(nn.Module):
    """Residual block that doubles the side, its weights modulated in place of normalisations.

    The residual block of StyleGAN2 (Karras et al. 2020, section 2.2 and fig. 7c), without its noise inputs, the
    convolutions placed as in ``UpBlock``.
    """

    def __init__(self, in_channels: int, out_channels: int, condition_dim: int):
        super().__init__()
        self.out_channels = out_channels
        self.conv1 = ModulatedConv2d(in_channels, out_channels, condition_dim)
        self.conv2 = ModulatedConv2d(out_channels, out_channels, condition_dim)
        self.skip = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        nn.init.normal_(self.skip.weight, std=1 / math.sqrt(in_channels))
        self.attention: nn.Module = nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = F.leaky_relu(self.conv1(x, condition), 0.2)  # (N, out, H, W)
        h = F.interpolate(h, scale_factor=2.0)  # (N, out, 2H, 2W)
        h = F.leaky_relu(self.conv2(h, condition), 0.2)
        h = (F.interpolate(self.skip(x), scale_factor=2.0) + h) * math.sqrt(0.5)  # keeps the mean square
        out: Tensor = self.attention(h)
        return out


class DownBlock(nn.Module):
    """Residual block that halves the side, without normalisation (Miyato & Koyama 2018, strided)."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.out_channels = out_channels
        self.conv1 = conv3x3(in_channels, in_channels)
        self.conv2 = conv3x3(in_channels, out_channels, stride=2)
        self.skip = nn.Conv2d(in_channels, out_channels, 2, stride=2, bias=False)
        self.attention: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.leaky_relu(x, 0.2))  # (N, in, H, W)
        h = self.conv2(F.leaky_relu(h, 0.2))  # (N, out, H/2, W/2)
        h = (self.skip(x) + h) * math.sqrt(0.5)  # keeps the variance of a sum of two
        out: Tensor = self.attention(h)
        return out


def residual_sides(resolution: int, patch: int) -> list[int]:
    """Sides of the maps of a residual network, from 4 to 7 up to resolution / patch; both arguments are in pixels.

    Raises:
        ValueError: If there are fewer than 8 x 8 patches, which leaves no block, or no network has the resolution.
    """
    sides = [side for side in map_sides(resolution) if side * patch <= resolution]
    if len(sides) < 2:
        side = resolution // patch
        raise ValueError(f"patch {patch} of {resolution} px makes {side} x {side} patches, fewer than 8 x 8")
    return sides
