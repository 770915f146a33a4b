"""Resizing of images to the one size that a network takes. N images, C channels."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

#: Ways to resize, by their names in the provenance.
WAYS = {"bilinear": "bilinear", "clean": "bicubic as clean-fid's"}


def clean_resized(images: Tensor, side: int) -> Tensor:
    """Images as clean-fid resizes them (Parmar, Zhang, Zhu 2022): what is shrunk is smoothed, and nothing is rounded.

    Each channel is resized by Pillow's bicubic filter, whose support grows where an image shrinks, in float32. Values
    that the filter has beyond [0, 255] are cut off, as in clean-fid 0.1.35.

    Args:
        images: (N, C, H, W) uint8, of any size.
        side: Side of the result; the proportions of an image are not kept.

    Returns:
        (N, C, side, side) float32 in [0, 255], on the device of the images.
    """
    maps = images.cpu().numpy().astype(np.float32).reshape(-1, *images.shape[2:])  # (N * C, H, W)
    resized = [Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC) for one in maps]
    stacked = np.stack([np.asarray(one) for one in resized]).clip(0, 255)
    return torch.from_numpy(stacked).reshape(*images.shape[:2], side, side).to(images.device)
