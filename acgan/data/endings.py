"""Endings of image files."""

from __future__ import annotations

import os

IMAGE_ENDINGS = frozenset([".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])
PICTURE_ENDINGS: dict[str, str] = {}


def is_image(name: str) -> bool:
    """True if a file has the ending of an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_ENDINGS
