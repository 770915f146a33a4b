"""Images as bytes, side by side, and in files."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

_BORDER = 2  # pixels between the images of a grid


def to_uint8(x: Tensor) -> Tensor:
    """Images in [-1, 1] to uint8 in [0, 255], rounded; values outside are clamped."""
    return ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def tile(images: Tensor, columns: int) -> Tensor:
    """Put images (N, C, H, W) uint8 side by side into one (C, H', W'), white between and around them."""
    num, channels, height, width = images.shape
    rows, columns = math.ceil(num / columns), min(columns, num)
    down, right = height + _BORDER, width + _BORDER
    canvas = torch.full((channels, rows * down + _BORDER, columns * right + _BORDER), 255, dtype=torch.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * down + _BORDER, index % columns * right + _BORDER
        canvas[:, top : top + height, left : left + width] = image
    return canvas


def write_png(image: Tensor, file: Path) -> None:
    """Write an image (C, H, W) uint8, of 1 or 3 channels, as PNG."""
    array = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    Image.fromarray(array.cpu().numpy()).save(file, format="PNG")
