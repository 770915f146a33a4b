"""Convolutions of maps of one pixel, such as the last ones of a ResNet for images of 16 px."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def crop_kernels_on_one_pixel(network: nn.Module) -> None:
    """Let convolutions of maps of 1x1 use the middle of their kernels alone; the rest meets nothing but padding.

    The result is the same. In bfloat16 on processors with AVX-512, oneDNN (of torch 2.13) leaves the gradient of the
    rest as it finds the memory: any numbers, often not finite ones, in place of zeros.

    Layers change their class and nothing else, as in ``share_batch_statistics``.
    """
    for layer in network.modules():
        if type(layer) is nn.Conv2d and layer.padding_mode == "zeros" and _keeps_size(layer):
            layer.__class__ = _CroppedOnOnePixel


def _keeps_size(layer: nn.Conv2d) -> bool:
    """True if the kernel has a middle, and padding up to it on all sides."""
    sides = zip(layer.kernel_size, layer.padding, layer.dilation, strict=False)
    return (
        max(layer.kernel_size) > 1
        and not isinstance(layer.padding, str)
        and all(
            kernel % 2 == 1 and padding == dilation * (kernel // 2) for kernel, padding, dilation in sides
        )
    )


class _CroppedOnOnePixel(nn.Conv2d):
    """A convolution with zero padding that keeps the size of maps, but for its stride."""

    def forward(self, input: Tensor) -> Tensor:
        if input.shape[-2:] != (1, 1):
            return super().forward(input)
        height, width = (kernel // 2 for kernel in self.kernel_size)
        middle = self.weight[:, :, height : height + 1, width : width + 1]
        return F.conv2d(input, middle, self.bias, groups=self.groups)
