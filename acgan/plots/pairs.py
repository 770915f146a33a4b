"""Images beside their nearest training images. N and M images; lengths in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from acgan.plots.style import PALE, TITLE_SIZE, blank_figure, own_style

_COLUMNS = 12
_TILE = 96  # images are enlarged while they stay within it
_GAP = 12  # between pairs, and from a row's name to its images
_SEAM = 3  # between the two images of a pair
_TITLE = 32  # from a band's top to its images
_DISTANCE = 24  # below a pair
_BAND_GAP = 28


@dataclass(frozen=True)
class Pairs:
    """A band of the picture.

    Attributes:
        title: Text above it.
        name: Of the upper images.
        images: (N, C, H, W) uint8, gray or RGB.
        nearest: (N, C, H, W) uint8, each one's nearest training image.
        distances: (N,) between both, in any order; they are written below the pairs.
    """

    title: str
    name: str
    images: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray


def pairs_picture(pairs: Sequence[Pairs]) -> Figure:
    """Draw the images that lie nearest to training images, for a person to judge whether samples are copies.

    Each band has up to 12 pairs, the nearest first: images above their nearest training images. Bands of real images
    that were not trained on show how near images come that cannot be copies.

    Args:
        pairs: The bands, from the top.

    Returns:
        The figure; see `acgan.plots.style.to_png`. Images of up to 96 pixels a side are enlarged by the largest
        whole factor that keeps them within 96. Larger ones are drawn as they are.

    Raises:
        ValueError: There are no pairs in a band, or the shapes do not match.
    """
    bands = [_nearest_first(band) for band in pairs]
    sizes = {band.images.shape[1:] for band in bands}
    if len(sizes) != 1:
        raise ValueError(f"expected images of one size, got {sorted(sizes)}")
    factor = max(1, _TILE // max(bands[0].images.shape[2:]))
    height, width = (factor * side for side in bands[0].images.shape[2:])
    band_height = _TITLE + 2 * height + _SEAM + _DISTANCE
    right = max(len(band.images) for band in bands) * (width + _GAP) - _GAP
    bottom = len(bands) * (band_height + _BAND_GAP) - _BAND_GAP
    with own_style():
        figure = blank_figure(right, bottom)
        axes = figure.add_axes((0, 0, 1, 1))
        for index, band in enumerate(bands):
            _draw_band(axes, band, width, height, top=index * (band_height + _BAND_GAP))
        axes.set(xlim=(0, right), ylim=(bottom, 0))
        axes.axis("off")
    return figure


def _nearest_first(band: Pairs) -> Pairs:
    images, nearest, distances = band.images, band.nearest, band.distances
    fits = images.ndim == 4 and images.shape[1] in (1, 3) and len(images) > 0
    if not fits or nearest.shape != images.shape or distances.shape != images.shape[:1]:
        found = f"{images.shape}, {nearest.shape} and {distances.shape}"
        raise ValueError(
            f"{band.title}: expected images (N, C, H, W), as many nearest and distances (N,), got {found}"
        )
    first = np.argsort(distances, kind="stable")[:_COLUMNS]
    return Pairs(band.title, band.name, images[first], nearest[first], distances[first])


def _draw_band(axes: Axes, band: Pairs, width: int, height: int, top: int) -> None:
    """Draw in data coordinates that are the figure's pixels."""
    upper = top + _TITLE
    lower = upper + height + _SEAM
    written = lower + height + _DISTANCE / 2
    axes.text(0, top, band.title, fontsize=TITLE_SIZE, va="top")
    for name, middle in (
        (band.name, upper + height / 2),
        ("training", lower + height / 2),
        ("distance", written),
    ):
        axes.text(-_GAP, middle, name, color=PALE, ha="right", va="center")
    for column, (own, nearest, distance) in enumerate(
        zip(band.images, band.nearest, band.distances, strict=True)
    ):
        left = column * (width + _GAP)
        for pixels, y in ((own, upper), (nearest, lower)):
            frame = Rectangle((left - 1, y - 1), width + 2, height + 2, color=PALE, linewidth=0, zorder=-1)
            axes.add_patch(frame).set_clip_on(False)  # it stands a pixel out of the axes
            extent = (left, left + width, y + height, y)
            rgb = np.broadcast_to(pixels.transpose(1, 2, 0), (*pixels.shape[1:], 3))
            axes.imshow(rgb, extent=extent, aspect="auto")
        text = f"{distance:#.3g}".rstrip(".")  # as many digits of each
        axes.text(left + width / 2, written, text, ha="center", va="center")
