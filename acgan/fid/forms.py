"""Properties of stored images that a score does not show: counted while they are decoded, and told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import ExifTags, Image

from acgan.marks import is_generated

_UPRIGHT = 1
_SENTENCES = {
    "transparent": ("has transparent parts", "have transparent parts", "whose hidden colours count"),
    "turned": ("is stored turned", "are stored turned", "(EXIF orientation) and not brought upright"),
    "deep": ("has more than 8 bits a channel", "have more than 8 bits a channel", "and cut off at 255"),
}

Size = tuple[int, int]


class Forms:
    """Counts over images as they are stored, from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(("images", *_SENTENCES), 0)
        self._generated = 0
        self._sizes: tuple[Size, Size] | None = None

    def look(self, image: Image.Image) -> None:
        """Count in an image that is decoded already."""
        found = {
            "images": True,
            "transparent": _is_transparent(image),
            "turned": _is_turned(image),
            "deep": image.mode.startswith(("I", "F")),
        }
        with self._lock:
            for name, value in found.items():
                self._counts[name] += value
            self._generated += is_generated(image)
            low, high = self._sizes or (image.size, image.size)
            self._sizes = min(low, image.size, key=_area), max(high, image.size, key=_area)

    @property
    def num_generated(self) -> int:
        """Number of images with the mark of a generator."""
        return self._generated

    def describe(self) -> dict[str, Any]:
        """Plain values: the counts, and the smallest and largest (width, height)."""
        return {**self._counts, "sizes": [list(size) for size in self._sizes or ()]}


def warn_of_forms(
    given: Sequence[str], found: Sequence[Mapping[str, Any] | None], warn: Callable[[str], None]
) -> None:
    """Warn of stored images whose form spoils the comparison.

    Args:
        given: The user's names for the sides.
        found: ``Forms.describe`` of each; None of a side that was not read as it is stored.
        warn: Receives the warnings.
    """
    for name, forms in zip(given, found, strict=True):
        if forms is not None and (odd := _oddities(forms)):
            warn(
                f"{name} is compared as it is stored, as pytorch-fid does: {'; '.join(odd)}. --resolution prepares "
                "images as training does"
            )
    sizes = [_only_size(forms) for forms in found]
    if len(sizes) == 2 and None not in sizes and sizes[0] != sizes[1]:
        warn(
            f"the images of {given[0]} have {sizes[0]} pixels, those of {given[1]} {sizes[1]}: the score sees that "
            "too. --resolution brings both to one size"
        )


def warn_of_generated(
    given: Sequence[str], found: Sequence[Mapping[str, Any]], warn: Callable[[str], None]
) -> None:
    """Warn of sides in which only some images were made by a generator; a side of samples alone is meant.

    Args:
        given: The user's names for the sides.
        found: Origin of each, with ``num_images``, and ``num_generated`` of stored images.
        warn: Receives the warnings.
    """
    for name, origin in zip(given, found, strict=True):
        made, count = origin.get("num_generated") or 0, origin["num_images"]
        if 0 < made < count:
            were = "was" if made == 1 else "were"
            warn(
                f"{name}: {made:,} of {count:,} images {were} made by a generator, as a mark in their files tells; a"
                " score of both kinds together says little. Move them apart"
            )


def _oddities(forms: Mapping[str, Any]) -> list[str]:
    odd = []
    for name, (one, many, effect) in _SENTENCES.items():
        if count := forms[name]:
            odd.append(f"{count:,} of {forms['images']:,} images {one if count == 1 else many} {effect}")
    sizes = forms["sizes"]
    if sizes and sizes[0] != sizes[1]:
        odd.append(f"the images have sizes from {_size(sizes[0])} to {_size(sizes[1])} pixels")
    return odd


def _only_size(forms: Mapping[str, Any] | None) -> str | None:
    """The size of all images; None if they differ or it is not known."""
    sizes = forms["sizes"] if forms is not None else ()
    return _size(sizes[0]) if sizes and sizes[0] == sizes[1] else None


def _size(size: Sequence[int]) -> str:
    return f"{size[0]} x {size[1]}"


def _area(size: Size) -> tuple[int, int, int]:
    return size[0] * size[1], *size


def _is_transparent(image: Image.Image) -> bool:
    """True if a pixel lets through what lies below; an alpha channel that is full changes nothing."""
    if not image.has_transparency_data:
        return False
    lowest = image.convert("RGBA").getchannel("A").getextrema()[0]
    return bool(lowest < 255)  # type: ignore[operator]


def _is_turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT) in range(_UPRIGHT + 1, 9)
    except Exception:  # a damaged EXIF block, of a picture that may be sound
        return False
