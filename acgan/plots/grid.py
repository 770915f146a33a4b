"""Images as bytes and in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from acgan.types import GENERATED_MARK


def to_uint8(x: Tensor) -> Tensor:
    """Images in [-1, 1] to uint8 in [0, 255], rounded; values outside are clamped."""
    return ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def write_png(image: Tensor, file: Path, mark: Mapping[str, Any] | None = None) -> None:
    """Write an image (C, H, W) uint8, of 1 or 3 channels, as PNG.

    ``mark`` tells its origin. It becomes a text entry, so that a generated picture does not pass for a real one.
    """
    array = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    info = PngInfo()
    if mark is not None:
        info.add_text(GENERATED_MARK, json.dumps(mark))
    Image.fromarray(array.cpu().numpy()).save(file, format="PNG", pnginfo=info)
