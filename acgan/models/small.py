"""A small convolutional network for classifiers of images of 16 to 64 px on a laptop's CPU."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from acgan.errors import UserError
from acgan.sides import DOUBLED, MAX_SIDE, doubled_sides, map_sides, nearest


class SmallNet(nn.Module):
    """Maps images (N, C, R, R) to features (N, 4 * channels): a stem and a block for each halving, to 4 to 7 px.

    R is one of ``resolutions``, in pixels. The stem has ``channels`` feature maps; the first block has 2 times as
    many, the last 4, the others 6.

    Each block, ``block1``, ``block2``, …, has a convolution, 2x2 max-pooling, BatchNorm and ReLU, then a residual
    convolution, as in fast networks for CIFAR-10 (Page 2018, "How to train your ResNet").
    """

    resolutions: ClassVar[tuple[int, ...]] = doubled_sides(16, MAX_SIDE)

    def __init__(self, *, image_channels: int, resolution: int, channels: int):
        super().__init__()
        if resolution not in self.resolutions:
            raise UserError(
                f"the small network serves {self.resolutions[0]} to {self.resolutions[-1]} px, {DOUBLED}, and the "
                f"images are {resolution} px; set data.resolution ({nearest(resolution, self.resolutions)}) or choose "
                "another backbone."
            )
        num_blocks = len(map_sides(resolution)) - 1
        widths = [2 * channels, *[6 * channels] * (num_blocks - 2), 4 * channels]
        self.feature_dim = widths[-1]
        self.stem = nn.Sequential(_conv(image_channels, channels), nn.BatchNorm2d(channels), nn.ReLU())
        for number, (width, next_width) in enumerate(zip([channels, *widths], widths, strict=False), start=1):
            self.add_module(f"block{number}", _Block(width, next_width))
        self._blocks = num_blocks

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)  # (N, channels, R, R)
        for number in range(1, self._blocks + 1):
            h = self.get_submodule(f"block{number}")(h)  # (N, width, R / 2^number, R / 2^number)
        features: Tensor = h.amax(dim=(2, 3))  # (N, 4 * channels)
        return features


class _Block(nn.Module):
    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv1, self.norm1 = _conv(in_channels, out_channels), nn.BatchNorm2d(out_channels)
        self.conv2, self.norm2 = _conv(out_channels, out_channels), nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return h + F.relu(self.norm2(self.conv2(h)))


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
