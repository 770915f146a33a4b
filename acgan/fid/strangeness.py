"""A classifier that compares images of another kind than it was made for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from acgan.errors import DataError
from acgan.extracting import ClassifierExtractor, Extractor, strange_in_words
from acgan.fid.sources import Generated, Side, Stored

_LOOKED_AT = 16  # of stored images


def warn_of_strange_judge(
    sides: Sequence[Side], extractor: Extractor | None, warn: Callable[[str], None]
) -> None:
    """Warn once if the extractor is a classifier of other images; a generator tells most of its own."""
    if not isinstance(extractor, ClassifierExtractor):
        return
    for side in sorted(sides, key=lambda side: not isinstance(side, Generated)):
        unlike: list[str] = []
        if isinstance(side, Generated):
            unlike = extractor.unlike(side.sampler.class_names, *side.sampler.image_shape[:2])
        elif isinstance(side, Stored):
            unlike = extractor.unlike((), *_look(side))
        if unlike:
            warn(strange_in_words(extractor.name, unlike))
            return


def _look(side: Stored) -> tuple[int, int]:
    """Channels and shorter side of stored images, by a few of them; broken ones are passed over."""
    in_colour, sides = False, []
    places = np.unique(np.linspace(0, len(side) - 1, min(len(side), _LOOKED_AT)).astype(np.int64))
    for row in side.rows[places].tolist():
        try:
            with side.raw.images.reader.read(row) as image:
                sides.append(min(image.size))
                pixels = np.asarray(image.convert("RGB"))
        except DataError:
            raise
        except Exception:  # Pillow's plugins raise errors of nearly every kind; the comparison tells them
            continue
        in_colour |= bool((pixels != pixels[..., :1]).any())
    found = int(np.median(sides)) if sides else 0
    return (3 if in_colour else 1), (found if side.fitted is None else side.fitted.resolution)
