"""From an opened image to a square of uint8: upright, 8 bits a channel, opaque, of one size."""

from __future__ import annotations

import contextlib
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps

Fit = Literal["crop", "pad"]
#: Values that become 0 and 255, the first below the second.
BlackWhite = tuple[float, float]

#: Black and white of images with more than 8 bits a channel, unless others are chosen.
FULL: BlackWhite = (0, 65535)
#: Factor from a sample of few bits to Pillow's pixel, by Pillow's name of the layout.
_SAMPLE_SCALE = {"L;2": 85, "L;4": 17}


class Values(NamedTuple):
    """Values of an image with more than 8 bits a channel; transparent pixels do not count.

    Attributes:
        low: The lowest.
        high: The highest.
        below: Share of pixels that are darker than black.
        above: Share of pixels that are lighter than white.
    """

    low: float
    high: float
    below: float
    above: float


def is_deep(image: Image.Image) -> bool:
    """True for gray images with more than 8 bits a pixel, integer or floating-point."""
    return image.mode.startswith("I") or image.mode == "F"


def is_reduced(image: Image.Image) -> bool:
    """True for a colour image with 16 bits a channel, of which Pillow reads the upper 8; asked before it is read."""
    return not is_deep(image) and ";16" in _layout(image)


def _layout(image: Image.Image) -> str:
    """Pillow's name of the samples' layout in the file, such as "RGB;16B"; empty once the pixels are read."""
    tiles = getattr(image, "tile", None)
    if not tiles:
        return ""
    arguments = tiles[0][3]
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def scale_key(image: Image.Image) -> None:
    """Bring the transparent value of a PNG to the scale of Pillow's pixels; to be called before they are read.

    A PNG names one gray value or colour that is transparent, in its own bits. Pillow changes the pixels of 1, 2, 4
    and 16 bits to others, but not this value, so it would find no such pixel, or the wrong ones.
    """
    key = image.info.get("transparency")
    if isinstance(key, int):
        if image.mode == "1":
            image.info["transparency"] = 255 if key else 0
        elif image.mode == "L":
            image.info["transparency"] = key * _SAMPLE_SCALE.get(_layout(image), 1)
    elif isinstance(key, tuple) and is_reduced(image):
        image.info["transparency"] = tuple(value >> 8 for value in key)


def deep_values(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """The pixels (H, W) of a deep image, and the mask (H, W) of its transparent ones; None where it has none.

    Raises:
        ValueError: A pixel is infinite or not a number.
    """
    pixels = np.asarray(image)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ValueError("it has pixels that are infinite or not a number")
    key = image.info.get("transparency")
    return pixels, pixels == key if isinstance(key, int) else None


def flatten(
    image: Image.Image, resolution: int, black_white: BlackWhite | None = None
) -> tuple[Image.Image, Values | None]:
    """Bring an image upright and to mode L or RGB, 8 bits a channel, transparency laid on white.

    A JPEG far larger than ``resolution`` is decoded at a fraction of its size, which is several times faster.

    Args:
        image: An opened image.
        resolution: Side that it will be brought to.
        black_white: Black and white of a deep image; None is ``FULL``, which floating-point images do not have.

    Returns:
        The image, and the values of a deep one that is not wholly transparent.

    Raises:
        ValueError: A deep image cannot be brought to 8 bits.
    """
    scale_key(image)
    image.draft(None, (2 * resolution, 2 * resolution))
    with contextlib.suppress(SyntaxError):  # a damaged EXIF block, of a picture that may be sound
        ImageOps.exif_transpose(image, in_place=True)
    if is_deep(image):
        return _flatten_deep(image, black_white)
    return _flatten_shallow(image), None


def _flatten_shallow(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def _flatten_deep(image: Image.Image, black_white: BlackWhite | None) -> tuple[Image.Image, Values | None]:
    # Pillow's own conversion would cut values off at 255 instead of scaling them.
    pixels, transparent = deep_values(image)
    if black_white is None and pixels.dtype.kind == "f":
        raise ValueError(
            "its pixels are floating-point numbers, and nothing says which are black and white; say it by"
            " --set data.range=auto or, for values from 0 to 1, --set data.range=[0,1]"
        )
    black, white = black_white or FULL
    if black_white is None:
        wide = np.clip(pixels.astype(np.int64), 0, 65535)
        out = ((wide * 255 + 32767) // 65535).astype(np.uint8)
    else:
        scaled = (np.clip(pixels.astype(np.float64), black, white) - black) * (255 / (white - black))
        out = np.rint(scaled).astype(np.uint8)
    if transparent is not None:
        out[transparent] = 255
        pixels = pixels[~transparent]
    if not pixels.size:
        return Image.fromarray(out), None
    below, above = (float(np.mean(outside)) for outside in (pixels < black, pixels > white))
    return Image.fromarray(out), Values(float(pixels.min()), float(pixels.max()), below, above)


def fit_image(image: Image.Image, resolution: int, fit: Fit) -> np.ndarray:
    """Make an L or RGB image square, of side ``resolution``, resampled bicubically with antialiasing.

    "crop" brings the short side to the resolution and keeps the centre. "pad" shrinks the long side to the
    resolution where it is larger, and centres the image on the median colour of its own border.

    Returns:
        (R, R) or (R, R, 3) uint8.
    """
    width, height = image.size
    if fit == "crop" and image.size != (resolution, resolution):
        # Cropping within the resampling is the same as cropping after it, and wastes no work.
        short = min(width, height)
        left, top = (width - short) / 2, (height - short) / 2
        box = (left, top, left + short, top + short)
        image = image.resize((resolution, resolution), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    elif max(width, height) > resolution:
        scale = resolution / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    if height == width == resolution:
        return pixels
    canvas = np.empty((resolution, resolution, *pixels.shape[2:]), dtype=np.uint8)
    canvas[:] = _border_colour(pixels)
    top, left = (resolution - height) // 2, (resolution - width) // 2
    canvas[top : top + height, left : left + width] = pixels
    return canvas


def _border_colour(pixels: np.ndarray) -> np.ndarray:
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    border.sort(axis=0)  # np.median takes ten times as long
    return np.asarray(border[len(border) // 2])
