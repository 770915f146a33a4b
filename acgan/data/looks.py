"""A few pictures of each class, as they are stored and as the networks see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from acgan.data.decoding.chunks import pillow_warnings
from acgan.data.decoding.decode import SEEN, Target, decode_rows, measure_images
from acgan.data.decoding.pixels import BlackWhite, flatten
from acgan.data.load import find_source
from acgan.data.options import DataOptions
from acgan.data.pack import prepare
from acgan.types import ImageStore

_SHOWN = 256  # longest side of an original, in pixels


@dataclass(frozen=True)
class Look:
    """Pictures of a class.

    Attributes:
        name: Name of the class.
        original: (h, w, 3) uint8: the first picture before it is made square, upright, at most 256 pixels a side.
        size: Its (width, height) as it is stored, upright.
        frame: (left, top, side) of the square that the networks see of it, in its own pixels; a part of the square
            may lie beside the picture.
        images: (M, C, R, R) uint8: the first picture and others of the class, as the networks see them.
    """

    name: str
    original: np.ndarray
    size: tuple[int, int]
    frame: tuple[float, float, float]
    images: np.ndarray


def look_at_classes(
    source: str,
    options: DataOptions,
    store: ImageStore,
    *,
    black_white: BlackWhite | None,
    max_classes: int,
    per_class: int,
) -> list[Look]:
    """Read a few pictures of each of the first classes again, evenly spaced over the class.

    Args:
        source: As for ``load_dataset``, which has read it before with these options.
        options: Options by which it was decoded.
        store: Images that this gave, for their resolution, channels and classes.
        black_white: Black and white that it was decoded with, as in ``DataReport``.
        max_classes: Largest number of classes.
        per_class: Largest number of pictures of a class.
    """
    index = prepare(find_source(source, options.reading).index(), options)
    resolution, pad_28, _ = measure_images(index.reader, index.rows, store.resolution)
    target = Target(resolution, store.channels, options.fit, pad_28, black_white)
    looks = []
    for label, name in enumerate(store.class_names[:max_classes]):
        members = index.rows[index.labels == label]
        # Twice as many as are wanted: broken ones are passed over.
        rows = members[_spaced(len(members), 2 * per_class)]
        images = np.zeros((len(rows), store.channels, resolution, resolution), dtype=np.uint8)
        seen = np.zeros(len(rows), dtype=SEEN)
        failed = decode_rows(index.reader, rows, images, seen, target, threads=None, progress=None)
        whole = np.setdiff1d(np.arange(len(rows)), list(failed))
        if not len(whole):
            continue
        whole = whole[_spaced(len(whole), per_class)]
        with pillow_warnings(), index.reader.read(int(rows[whole[0]])) as picture:
            looks.append(_look(name, picture, target, images[whole]))
    return looks


def _look(name: str, picture: Image.Image, target: Target, images: np.ndarray) -> Look:
    width, height = picture.size
    flat, _ = flatten(picture, _SHOWN, target.black_white)
    upright = flat.convert("RGB")
    if (upright.width > upright.height) != (width > height) and width != height:  # it was stored lying down
        width, height = height, width
    upright.thumbnail((_SHOWN, _SHOWN))
    fit = "pad" if target.pad_28 and (width, height) == (28, 28) else target.fit
    side = min(width, height) if fit == "crop" else max(width, height, target.resolution)
    frame = ((width - side) / 2, (height - side) / 2, float(side))
    return Look(name, np.asarray(upright), (width, height), frame, images)


def _spaced(number: int, wanted: int) -> np.ndarray:
    """At most ``wanted`` positions, evenly spaced, the first one included."""
    return np.unique(np.linspace(0, number - 1, min(number, wanted)).astype(np.int64))
