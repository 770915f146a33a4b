"""Batches of images for an extractor, decoded ahead of it in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from acgan.data.decoding.chunks import pillow_warnings
from acgan.data.decoding.decode import broken_images, reason_of
from acgan.data.index import Reader
from acgan.extracting import Extractor
from acgan.metrics.statistics import FeatureStatistics
from acgan.parallel import in_order, in_order_on
from acgan.types import SkippedImage

Prepare = Callable[[Image.Image], np.ndarray]


_BATCH_BYTES = 64 << 20
_WAITING = 4  # batches' worth of images whose batch is not full: with many sizes, some never fill up
_TASK, _TASK_BYTES = 16, 4 << 20  # images that a core decodes at a time
_PROBED = 16
_MERGED = 1024  # features a step: each step costs a few passes over (F, F)


def feature_statistics(
    batches: Iterable[Tensor | np.ndarray], extractor: Extractor, progress: Callable[[int], None]
) -> FeatureStatistics:
    """Compute statistics of the features of images, without keeping the features.

    Args:
        batches: Images (n, C, H, W) uint8, of one size in each batch.
        extractor: Makes the features.
        progress: Receives the number of images done so far.
    """
    statistics = FeatureStatistics(extractor.dims)
    features: list[Tensor] = []
    done = merged = 0
    for found in in_order_on(extractor.device, extractor, batches):
        features.append(found.features)
        done += len(found.features)
        progress(done)
        if done - merged >= _MERGED:
            statistics.update(torch.cat(features))
            features.clear()
            merged = done
    if features:
        statistics.update(torch.cat(features))
    return statistics


def stored_batches(
    reader: Reader,
    rows: np.ndarray,
    prepare: Prepare,
    at_once: int,
    on_skip: Callable[[SkippedImage], None] | None = None,
) -> Iterator[np.ndarray]:
    """Decode images ahead of the consumer.

    It shares the cores with an extractor that computes portions ``in_order``: a core decodes or computes.

    Args:
        reader: Opens them.
        rows: (N,) the reader's rows.
        prepare: From an opened image to (C, H, W) uint8; called in threads.
        at_once: Largest number of images in a batch; a batch of large images has fewer.
        on_skip: Receives each image that cannot be decoded, in order, which is then left out; None makes it an error.

    Yields:
        Images (n, C, H, W) uint8 of one size, in an order that depends on the images alone.

    Raises:
        DataError: Some images cannot be decoded; all are looked at first, so that it names all.
    """
    waiting: dict[tuple[int, ...], list[np.ndarray]] = {}
    count = size = 0
    broken: list[SkippedImage] = []
    with pillow_warnings():
        for pixels in _decoded(reader, rows, prepare):
            if isinstance(pixels, SkippedImage):
                if on_skip is None:
                    broken.append(pixels)
                else:
                    on_skip(pixels)
                continue
            if broken:  # the others are looked at for more such images alone
                continue
            group = waiting.setdefault(pixels.shape, [])
            group.append(pixels)
            count, size = count + 1, size + pixels.nbytes
            full = len(group) == at_once or len(group) * pixels.nbytes >= _BATCH_BYTES
            if full or count >= _WAITING * at_once or size >= _WAITING * _BATCH_BYTES:
                shape = pixels.shape if full else max(waiting, key=lambda shape: len(waiting[shape]))
                batch = np.stack(waiting.pop(shape))
                count, size = count - len(batch), size - batch.nbytes
                yield batch
        if broken:
            raise broken_images(broken, len(rows), "--on-error skip")
        for group in waiting.values():
            yield np.stack(group)


def _decoded(reader: Reader, rows: np.ndarray, prepare: Prepare) -> Iterator[np.ndarray | SkippedImage]:
    def work(part: np.ndarray) -> list[np.ndarray | SkippedImage]:
        return [_read(reader, row, prepare) for row in part.tolist()]

    task = _images_a_task(reader, rows)
    for images in in_order(work, (rows[start : start + task] for start in range(0, len(rows), task))):
        yield from images


def _read(reader: Reader, row: int, prepare: Prepare) -> np.ndarray | SkippedImage:
    try:
        with reader.read(row) as image:
            return prepare(image)
    except Exception as error:  # Pillow's plugins raise errors of nearly every kind on broken files
        return SkippedImage(reader.name(row), reason_of(error))


def _images_a_task(reader: Reader, rows: np.ndarray) -> int:
    """Number of images a task: fewer if they are large, judged by a few headers."""
    largest = 1
    for position in np.unique(np.linspace(0, len(rows) - 1, _PROBED).astype(np.int64)).tolist():
        try:
            with reader.read(int(rows[position])) as image:
                largest = max(largest, 3 * image.width * image.height)
        except Exception:  # decoding reports it
            continue
    return int(np.clip(_TASK_BYTES // largest, 1, _TASK))
