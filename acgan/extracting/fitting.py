"""Images brought to the size that an extractor takes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as Pillow's conversion to gray


def fitted(images: Tensor | np.ndarray, size: tuple[int, int] | None) -> Tensor:
    """Images of the channels and side that an extractor takes.

    Args:
        images: (N, C, H, W) uint8, gray or RGB, square.
        size: (channels, side), or None for as they are.

    Returns:
        (N, channels, side, side) uint8; resized by antialiased bilinear interpolation where the side differs.
    """
    x = images if isinstance(images, Tensor) else torch.from_numpy(np.ascontiguousarray(images))
    if size is None or tuple(x.shape[1:3]) == size:
        return x
    channels, side = size
    if x.shape[1] == 3 and channels == 1:
        x = (x.float() * x.new_tensor(_LUMA, dtype=torch.float32)[:, None, None]).sum(1, keepdim=True)
    x = x.expand(-1, channels, -1, -1).float()
    if x.shape[2] != side:
        x = F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
    return x.round().clamp(0, 255).to(torch.uint8)
