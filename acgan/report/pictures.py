"""Pictures as data URIs: images of a class in one strip, at their own pixels; pages enlarge them by CSS."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

_SEAM = 1  # pixels between images of a strip
_LARGEST_SIDE = 96  # pixels; larger images are averaged down by a whole factor
_SHOWN_SIDE = 64  # CSS pixels to which small images are enlarged, at the least
#: Bytes that all images of samples together may have before they are compressed.
_BUDGET_BYTES = 2_600_000
_CLASSES, _LEAST = 40, 3  # classes at most; images of a class at least
_FIRST, _MORE = 8, 24  # images of a class: at once, and on demand
_LARGEST_PNG = 300_000  # bytes; a larger drawn page is written as JPEG


@dataclass(frozen=True)
class Strip:
    """Images side by side.

    Attributes:
        uri: A data URI.
        alt: Words for who cannot see it.
        count: Number of images.
        width: Width in CSS pixels.
        height: Height in CSS pixels.
        reduced: Factor by which the images were averaged down.
    """

    uri: str
    alt: str
    count: int
    width: int
    height: int
    reduced: int


@dataclass(frozen=True)
class StripCounts:
    """Numbers of classes and images that a page has room for.

    Attributes:
        classes: Classes.
        first: Images of a class that are seen at once.
        more: Images of a class on demand.
    """

    classes: int
    first: int
    more: int

    @classmethod
    def fitting(cls, num_classes: int, shape: tuple[int, int, int], rows: int = 2) -> StripCounts:
        """As many as the page's size allows.

        Args:
            num_classes: Classes that there are.
            shape: (C, H, W) of an image.
            rows: Strips of a class that are seen at once.
        """
        channels, side, _ = shape
        side = -(-side // _factor(side))
        images = max(1, _BUDGET_BYTES // (channels * side * side))
        classes = max(1, min(num_classes, _CLASSES, images // (rows * _LEAST)))
        images //= classes
        first = min(_FIRST, max(_LEAST, images // (rows + 1)))
        return cls(classes, first, max(0, min(_MORE, images // rows - first)))


def strip(images: np.ndarray, alt: str) -> Strip:
    """One picture of images (N, C, H, W) uint8, gray or RGB, N at least 1."""
    factor = _factor(images.shape[-1])
    tiles = [_reduced(image, factor) for image in images]
    height, width = tiles[0].shape[:2]
    channels = tiles[0].shape[2]
    canvas = np.zeros((height, len(tiles) * (width + _SEAM) - _SEAM, channels + 1), np.uint8)
    for number, tile in enumerate(tiles):
        left = number * (width + _SEAM)
        canvas[:, left : left + width, :channels] = tile
        canvas[:, left : left + width, channels] = 255  # seams let the page show through
    scale = max(1, round(_SHOWN_SIDE / height))
    picture = Image.fromarray(canvas)
    return Strip(_uri(picture), alt, len(tiles), canvas.shape[1] * scale, height * scale, factor)


def drawn_page(png: bytes) -> str:
    """Data URI of a PNG file that was drawn; a large one becomes a JPEG, as photographs in it need the room."""
    if len(png) <= _LARGEST_PNG:
        return _as_uri("image/png", png)
    with Image.open(io.BytesIO(png)) as picture, io.BytesIO() as file:
        picture.convert("RGB").save(file, "JPEG", quality=80)
        return _as_uri("image/jpeg", file.getvalue())


def _factor(side: int) -> int:
    return max(1, -(-side // _LARGEST_SIDE))


def _reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """(H, W, C), averaged down by a whole factor."""
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0))
    if factor == 1:
        return pixels
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    found = np.asarray(picture.reduce(factor))
    return found[..., None] if found.ndim == 2 else found


def _uri(picture: Image.Image) -> str:
    with io.BytesIO() as file:
        picture.save(file, "PNG", optimize=True)
        return _as_uri("image/png", file.getvalue())


def _as_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
