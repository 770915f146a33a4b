"""Images beside their nearest training images. N and M images; lengths in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from acgan.plots.style import INK, MARGIN, PALE, TITLE_SIZE, own_font

_COLUMNS = 12
_TILE = 96  # images are enlarged while they stay within it
_GAP = 12  # between pairs
_SEAM = 3  # between the two images of a pair, their outlines included
_NAMES_GAP = 12
_TITLE = 32  # from a band's top to its images
_DISTANCE = 24  # below a pair
_BAND_GAP = 28
_NAME_SIZE = 14


@dataclass(frozen=True)
class _Band:
    """What is drawn in one row of pairs, the nearest first."""

    title: str
    name: str
    images: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray


def pairs_picture(
    samples: np.ndarray,
    nearest: np.ndarray,
    distances: np.ndarray,
    held_out: np.ndarray,
    held_out_nearest: np.ndarray,
    held_out_distances: np.ndarray,
) -> Image.Image:
    """Draw the images that lie nearest to training images, for a person to judge whether samples are copies.

    Two bands of up to 12 pairs, the nearest first: samples above their nearest training images, and real images
    that were not trained on above theirs, which shows how near images come that cannot be copies.

    Args:
        samples: (N, C, H, W) uint8, gray or RGB.
        nearest: (N, C, H, W) uint8, each sample's nearest training image.
        distances: (N,) between both, in any order; they are written below the pairs.
        held_out: (M, C, H, W) uint8.
        held_out_nearest: (M, C, H, W) uint8, each one's nearest training image.
        held_out_distances: (M,) between both.

    Returns:
        The RGB picture. Images of up to 96 pixels a side are enlarged by the largest whole factor that keeps
        them within 96, larger ones drawn as they are.

    Raises:
        ValueError: There are no pairs in a band, or the shapes do not match.
    """
    bands = (
        _band("samples", "sample", samples, nearest, distances),
        _band("held-out images", "held out", held_out, held_out_nearest, held_out_distances),
    )
    if samples.shape[1:] != held_out.shape[1:]:
        raise ValueError(f"expected images of one size, got {samples.shape[1:]} and {held_out.shape[1:]}")
    factor = max(1, _TILE // max(samples.shape[2:]))
    height, width = (factor * side for side in samples.shape[2:])
    font, title_font = own_font(_NAME_SIZE), own_font(TITLE_SIZE)
    names = math.ceil(
        max(font.getlength(name) for name in ("distance", "training", *(b.name for b in bands)))
    )
    left = MARGIN + names + _NAMES_GAP
    pairs_width = max(len(band.images) for band in bands) * (width + _GAP) - _GAP
    titles_width = math.ceil(max(title_font.getlength(band.title) for band in bands))
    band_height = _TITLE + 2 * height + _SEAM + _DISTANCE
    size = (left + max(pairs_width, titles_width) + MARGIN, 2 * MARGIN + 2 * band_height + _BAND_GAP)
    image = Image.new("RGB", size, "white")
    for index, band in enumerate(bands):
        _draw_band(image, band, factor, left, MARGIN + index * (band_height + _BAND_GAP))
    return image


def _band(kind: str, name: str, images: np.ndarray, nearest: np.ndarray, distances: np.ndarray) -> _Band:
    fits = images.ndim == 4 and images.shape[1] in (1, 3) and len(images) > 0
    if not fits or nearest.shape != images.shape or distances.shape != images.shape[:1]:
        found = f"{images.shape}, {nearest.shape} and {distances.shape}"
        raise ValueError(
            f"{kind}: expected images (N, C, H, W), as many nearest and distances (N,), got {found}"
        )
    first = np.argsort(distances, kind="stable")[:_COLUMNS]
    return _Band(
        f"{kind}: the nearest to training images", name, images[first], nearest[first], distances[first]
    )


def _draw_band(image: Image.Image, band: _Band, factor: int, left: int, top: int) -> None:
    draw, font = ImageDraw.Draw(image), own_font(_NAME_SIZE)
    height, width = (factor * side for side in band.images.shape[2:])
    upper, lower = top + _TITLE, top + _TITLE + height + _SEAM
    written = lower + height + _DISTANCE / 2
    draw.text((left, top), band.title, INK, own_font(TITLE_SIZE), anchor="lt")
    names = {band.name: upper + height / 2, "training": lower + height / 2, "distance": written}
    for name, middle in names.items():
        draw.text((left - _NAMES_GAP, middle), name, PALE, font, anchor="rm")
    pairs = zip(band.images, band.nearest, band.distances, strict=True)
    for column, (own, nearest, distance) in enumerate(pairs):
        x = left + column * (width + _GAP)
        for pixels, y in ((own, upper), (nearest, lower)):
            image.paste(_enlarged(pixels, factor), (x, y))
            draw.rectangle((x - 1, y - 1, x + width, y + height), outline=PALE)
        text = f"{distance:#.3g}".rstrip(".")  # as many digits of each
        draw.text((x + width / 2, written), text, INK, font, anchor="mm")


def _enlarged(pixels: np.ndarray, factor: int) -> Image.Image:
    """RGB, each pixel a square."""
    rgb = np.broadcast_to(pixels.transpose(1, 2, 0), (*pixels.shape[1:], 3))
    return Image.fromarray(rgb.repeat(factor, axis=0).repeat(factor, axis=1))
