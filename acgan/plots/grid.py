"""Images as bytes and in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from acgan.marks import as_exif, as_png_text

_JPEG_QUALITY = 95


def to_uint8(x: Tensor) -> Tensor:
    """Images in [-1, 1] to uint8 in [0, 255], rounded; values outside are clamped."""
    return ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def write_png(image: Tensor, file: Path, mark: Mapping[str, Any] | None = None) -> None:
    """Write an image (C, H, W) uint8, of 1 or 3 channels, as PNG.

    ``mark`` tells its origin. It becomes a text entry, so that a generated picture does not pass for a real one.
    """
    _picture(image).save(file, format="PNG", pnginfo=None if mark is None else as_png_text(mark))


def write_generated(image: Tensor, file: Path, mark: Mapping[str, Any]) -> None:
    """Write an image (C, H, W) uint8 in the format of the file's ending; JPEG and WebP tell their origin as Exif does.

    WebP keeps every pixel; JPEG has quality 95 and colours at full resolution.
    """
    ending = file.suffix.lower()
    if ending == ".png":
        write_png(image, file, mark)
        return
    exif, picture = as_exif(mark), _picture(image)
    if ending == ".webp":
        picture.save(file, format="WEBP", lossless=True, exif=exif)
    else:
        picture.save(file, format="JPEG", quality=_JPEG_QUALITY, subsampling=0, exif=exif)


def _picture(image: Tensor) -> Image.Image:
    array = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    return Image.fromarray(array.cpu().numpy())


def write_animation(frames: Sequence[Tensor], milliseconds: int, mark: Mapping[str, Any], file: Path) -> None:
    """Write images (C, H, W) uint8 as an animated WebP without loss that never ends.

    Args:
        frames: The images, all of one size.
        milliseconds: Time of each.
        mark: Their origin.
        file: The file.
    """
    first, *others = map(_picture, frames)
    first.save(
        file,
        format="WEBP",
        save_all=True,
        append_images=others,
        duration=milliseconds,
        loop=0,
        lossless=True,
        exif=as_exif(mark),
    )
