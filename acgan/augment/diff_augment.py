"""DiffAugment: colour, translation and cutout, differentiable (Zhao et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from acgan.augment.affine import uniform_whole
from acgan.augment.base import DiscriminatorAugmentation


class DiffAugment(DiscriminatorAugmentation):
    """Changes colours, translates and cuts out, in this order.

    Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", where p = 1. With p = 0 images
    stay exactly as they are. The operations, each applied with probability p:

    - ``color``: adds a brightness uniform in [-0.5, 0.5]; multiplies the distances from each pixel's mean over
      the channels by a saturation uniform in [0, 2] (not for gray images), then those from the image's
      mean by a contrast uniform in [0.5, 1.5].
    - ``translation``: moves by whole pixels, uniform up to 1/8 of the side either way, down and across; new
      pixels are 0.
    - ``cutout``: sets a square to 0 whose side is half the image's and whose centre is uniform, so that a part of
      it may lie outside.
    """

    PARTS: ClassVar[tuple[str, ...]] = ("color", "translation", "cutout")
    num_draws: ClassVar[int] = 12  # whether each of 5 operations is applied, then their 7 values

    def __init__(self, *, policy: Sequence[str]):
        super().__init__(policy)

    def _change(self, images: Tensor, draws: Tensor, p: Tensor) -> Tensor:
        on, values = draws[:, :5] < p, draws[:, 5:]
        if "color" in self.parts:
            images = _recolor(images, on[:, :3], values[:, :3])
        if "translation" in self.parts:
            images = _translate(images, on[:, 3], values[:, 3:5])
        if "cutout" in self.parts:
            images = _cut_out(images, on[:, 4], values[:, 5:])
        return images


def _recolor(images: Tensor, on: Tensor, values: Tensor) -> Tensor:
    changes = torch.where(on, values - 0.5, 0.0)
    brightness, saturation, contrast = changes[:, :, None, None, None].unbind(1)
    images = images + brightness
    # The addition is exactly 0 if nothing is applied; mean + factor * distance would be rounded.
    if images.shape[1] > 1:
        images = images + (images - images.mean(dim=1, keepdim=True)) * (2 * saturation)
    return images + (images - images.mean(dim=(1, 2, 3), keepdim=True)) * contrast


def _translate(images: Tensor, on: Tensor, values: Tensor) -> Tensor:
    num, channels, height, width = images.shape
    most = [int(side / 8 + 0.5) for side in (height, width)]
    padded = F.pad(images, (most[1], most[1], most[0], most[0]))
    # Rows and columns of the padded image that make the result.
    rows, columns = (
        torch.arange(side, device=images.device)
        + torch.where(on, 2 * most[i] - uniform_whole(values[:, i], 2 * most[i] + 1), most[i])[:, None]
        for i, side in enumerate((height, width))
    )
    places = rows[:, :, None] * padded.shape[3] + columns[:, None, :]
    places = places.view(num, 1, -1).expand(-1, channels, -1)
    return padded.reshape(num, channels, -1).gather(2, places).view(num, channels, height, width)


def _cut_out(images: Tensor, on: Tensor, values: Tensor) -> Tensor:
    inside = []
    for draws, size in zip(values.unbind(1), images.shape[2:], strict=True):
        side = int(size / 2 + 0.5)
        # An even square lies between pixels, and so has one place more.
        first = uniform_whole(draws, size + 1 - side % 2) - side // 2
        distance = torch.arange(size, device=images.device) - first[:, None]
        inside.append((distance >= 0) & (distance < side))
    square = inside[0][:, None, :, None] & inside[1][:, None, None, :] & on[:, None, None, None]
    return torch.where(square, 0.0, images)
