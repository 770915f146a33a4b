"""Images of a source as they are stored: not fitted to a size, without labels."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from acgan.data.index import Unlabelled
from acgan.data.load import FILE_SOURCES, data_name, find_source
from acgan.data.options import ReadOptions
from acgan.data.sources.npz import NpySource
from acgan.reading import user_path

#: Files of images without labels, by ending, which are compared and not trained on.
UNLABELLED_SOURCES = {".npy": NpySource}
#: Endings of all files that hold images to compare.
RAW_FILES = (*FILE_SOURCES, *UNLABELLED_SOURCES)


@dataclass(frozen=True)
class RawImages:
    """All images of a data source.

    Attributes:
        name: Short name, fit for a directory.
        identity: A digest that changes when the images do.
        images: The images, each with its part of the source.
    """

    name: str
    identity: str
    images: Unlabelled


def open_raw(source: str, options: ReadOptions) -> RawImages:
    """Find the images of a source, at any depth, in class folders or not, with labels or without.

    Args:
        source: As for ``load_dataset``, an .npz without labels, or a file of ``UNLABELLED_SOURCES``.
        options: Options by which they are found.

    Raises:
        DataError: The source cannot be read, or has no images.
    """
    path = user_path(source)
    unlabelled = UNLABELLED_SOURCES.get(path.suffix.lower()) if path.is_file() else None
    found = unlabelled(path) if unlabelled is not None else find_source(source, options)
    identity, images = found.identity(), found.unlabelled()
    return RawImages(data_name(source), identity or _digest(images), images)


def _digest(images: Unlabelled) -> str:
    """A digest of the pixels, for sources without one: their images are few and in memory."""
    digest = blake2b(digest_size=16)
    for row in images.rows("all").tolist():
        with images.reader.read(row) as image:
            digest.update(f"{image.mode} {image.size}".encode() + np.asarray(image).tobytes())
    return digest.hexdigest()
