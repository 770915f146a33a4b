"""Black and white of images with more than 8 bits a channel, found in the images of a whole source."""

from __future__ import annotations

import numpy as np

from acgan.data.decoding.chunks import DecodeProgress, in_chunks
from acgan.data.decoding.pixels import BlackWhite, deep_values, is_deep
from acgan.data.index import Reader
from acgan.errors import DataError


def find_values(
    reader: Reader, rows: np.ndarray, *, threads: int | None, progress: DecodeProgress | None
) -> tuple[BlackWhite, int] | None:
    """The lowest and highest value of all images with more than 8 bits a channel, and the number of these images.

    Broken images are passed over: decoding reports them. None if there are no such images.
    """

    def work(part: range) -> list[tuple[float, float]]:
        found = []
        for position in part:
            try:
                with reader.read(int(rows[position])) as image:
                    if is_deep(image):
                        pixels, transparent = deep_values(image)
                        pixels = pixels if transparent is None else pixels[~transparent]
                        found += [(float(pixels.min()), float(pixels.max()))] if pixels.size else []
            except DataError:
                raise
            except Exception:  # as in decode_rows
                continue
        return found

    parts = in_chunks(work, len(rows), threads=threads, progress=progress)
    found = [pair for part in parts for pair in part]
    if not found:
        return None
    low, high = min(low for low, _ in found), max(high for _, high in found)
    return (low, high if high > low else low + 1), len(found)
