"""Training images as picture files, for code that reads such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from acgan.types import ImageStore


def write_pictures(store: ImageStore, folder: Path, most: int) -> list[tuple[Path, int]]:
    """Write images as PNG files into a new folder: all, or so many from all over the store.

    Returns:
        Each file with its label.
    """
    folder.mkdir(parents=True)
    count = min(most, len(store))
    rows = np.linspace(0, len(store) - 1, count).round().astype(np.int64).tolist()
    written = []
    for row in rows:
        file = folder / f"{row:08}.png"
        write_picture(store.images[row], file)
        written.append((file, int(store.labels[row])))
    return written


def write_picture(image: np.ndarray, file: Path) -> None:
    """Write an image (C, H, W) uint8 of one or three channels with Pillow."""
    Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file)
