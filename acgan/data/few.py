"""Single image files without labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from acgan.data.decoding.decode import Target, broken_images, decode, reason_of
from acgan.data.decoding.pixels import BlackWhite, Fit
from acgan.data.sources.endings import ending_of, is_image, open_image, remedy_for, unread_pictures
from acgan.data.sources.hints import FILE_REMEDIES, UNPACK
from acgan.data.sources.tree import is_hidden
from acgan.data.sources.walk import Walk
from acgan.errors import DataError
from acgan.file_kinds import odd_kind
from acgan.showing import warn_shown
from acgan.types import SkippedImage

_NAMED = "give pictures, or their folder"
_WRITE = "write its pictures into a folder, and give that"
#: Files that are no pictures, by ending, each with the remedy as an order.
_NO_PICTURES = {
    **dict.fromkeys((".zip", ".tar"), UNPACK),
    **dict.fromkeys((".csv", ".tsv", ".json", ".jsonl"), _NAMED),
    **dict.fromkeys((".npz", ".parquet"), _WRITE),
    **{ending: UNPACK if remedy == UNPACK else _NAMED for ending, remedy in FILE_REMEDIES.items()},
}


def find_images(paths: Sequence[Path], warn: Callable[[str], None] = warn_shown) -> list[Path]:
    """List the files among paths, and the images in the folders among them, at any depth.

    Args:
        paths: Files and folders.
        warn: Receives a warning about pictures in folders that cannot be read here.

    Raises:
        DataError: If a path is not there, or a folder has no images.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: no such image or folder.")
        if kind := odd_kind(path):
            raise DataError(f"{path}: is {kind}; expected an image or folder. Leave it out.")
        if path.is_file():
            _check_picture(path)
            found.append(path)
            continue
        files = [
            path.joinpath(*parts) for parts in sorted(Walk(path).files) if not any(map(is_hidden, parts))
        ]
        inside = [file for file in files if is_image(file.name)]
        unread = unread_pictures(file.name for file in files)
        if not inside:
            raise DataError(
                f"{path}: holds no images. Images end in .png, .jpg and the like."
                f"{f' Not read here: {unread}.' if unread else ''}"
            )
        if unread:
            warn(f"{path}: some pictures cannot be read and are left out: {unread}.")
        found += inside
    return found


def _check_picture(path: Path) -> None:
    """Check that a file is not of a kind that holds many pictures, or none."""
    remedy = _NO_PICTURES.get(ending_of(path.name))
    if remedy and not remedy_for(path.name):
        raise DataError(
            f"{path}: it ends in {ending_of(path.name)}; expected pictures, and folders of pictures."
            f" {remedy[0].upper()}{remedy[1:]}."
        )


def read_images(
    files: Sequence[Path],
    *,
    resolution: int,
    channels: int,
    fit: Fit,
    black_white: BlackWhite | None = None,
    on_skip: Callable[[SkippedImage], None] | None = None,
) -> np.ndarray:
    """Decode image files as the images of a data source are decoded.

    Args:
        files: The files.
        resolution: Side of the images.
        channels: 1 or 3.
        fit: Way to make them square.
        black_white: Black and white of images with more than 8 bits a channel, as in ``Target``.
        on_skip: Receives an image that cannot be decoded, which is then left out; None makes it an error.

    Returns:
        (N, channels, resolution, resolution) uint8, of the images that could be decoded.

    Raises:
        DataError: If some cannot be decoded; all are looked at first.
    """
    target = Target(resolution, channels, fit, pad_28=resolution == 32, black_white=black_white)
    out = np.empty((len(files), channels, resolution, resolution), np.uint8)
    count = 0
    broken: list[SkippedImage] = []
    for file in files:
        try:
            with open_image(file) as image:
                out[count] = decode(image, target)  # a gray image fills all channels
        except Exception as error:  # Pillow raises all sorts
            broken.append(SkippedImage(str(file), reason_of(error)))
            if on_skip is not None:
                on_skip(broken[-1])
        else:
            count += 1
    if broken and on_skip is None:
        raise broken_images(broken, len(files), "--on-error skip", "leave {} out")
    return out[:count]
