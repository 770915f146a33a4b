"""Images for FID's network, and what takes its warnings."""

import numpy as np
import torch
from torch import Tensor

from acgan.runtime import Draws


def quiet(message: str) -> None:
    """Takes the warning that weights are not the official ones."""


def blurred(count: int, seed: int, side: tuple[int, int] = (20, 24), least: float = 0.0) -> Tensor:
    """Images (N, 3, H, W) uint8 of blurred patches, brighter the larger ``least`` is."""
    draw = Draws(seed).generator("patches").random((count, 3, 5, 5), np.float32)
    x = torch.nn.functional.interpolate(torch.from_numpy(draw), side, mode="bicubic").clamp(0, 1)
    return (255 * (least + (1 - least) * x)).round().to(torch.uint8)
