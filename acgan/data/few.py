"""Single image files without labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from acgan.data.decode import Target, decode, reason_of
from acgan.data.endings import is_image, open_image
from acgan.data.pixels import Fit
from acgan.data.tree import is_hidden
from acgan.errors import DataError


def find_images(paths: Sequence[Path]) -> list[Path]:
    """List the files among paths, and the images in the folders among them, at any depth.

    Raises:
        DataError: If a path is not there, or a folder has no images.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: no such image or folder.")
        if path.is_file():
            found.append(path)
            continue
        inside = [
            file
            for file in sorted(path.rglob("*"))
            if file.is_file()
            and is_image(file.name)
            and not any(map(is_hidden, file.relative_to(path).parts))
        ]
        if not inside:
            raise DataError(f"{path}: holds no images. Images end in .png, .jpg and the like.")
        found += inside
    return found


def read_images(files: Sequence[Path], *, resolution: int, channels: int, fit: Fit) -> np.ndarray:
    """Decode image files as the images of a data source are decoded.

    Returns:
        (N, channels, resolution, resolution) uint8.

    Raises:
        DataError: If one cannot be decoded.
    """
    target = Target(resolution, channels, fit, pad_28=resolution == 32)
    out = np.empty((len(files), channels, resolution, resolution), np.uint8)
    for index, file in enumerate(files):
        try:
            with open_image(file) as image:
                out[index] = decode(image, target)  # a gray image fills all channels
        except Exception as error:  # Pillow raises all sorts
            raise DataError(f"{file} cannot be decoded: {reason_of(error)}. Leave it out.") from None
    return out
