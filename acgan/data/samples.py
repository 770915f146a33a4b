"""Labelled pictures that something generated, decoded as they are."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from acgan.data.decoding.decode import OnError, common_side
from acgan.data.index import Index
from acgan.data.load import cache_dir, find_source, load_dataset
from acgan.data.options import DataOptions
from acgan.errors import DataError
from acgan.sides import MAX_SIDE, MIN_SIDE
from acgan.types import Dataset


def load_samples(source: str, *, on_error: OnError) -> Dataset:
    """Decode samples; all are in ``train``, and none is held out or resized.

    Args:
        source: As for ``load_dataset``.
        on_error: ``stop`` at a broken picture, or ``skip`` it.

    Raises:
        DataError: The source cannot be read, its pictures are not squares of one size, or it has parts.
    """
    options = DataOptions(
        root=None, classes=None, resolution=None, channels=None, fit="crop", on_error=on_error, test_share=0.0,
        seed=0, cache=cache_dir(), samples=True, skip_with="--on-error skip",
    )  # fmt: skip
    options, index = _index(source, options)
    if index.held_out is not None and index.held_out.any() and not index.held_out.all():
        raise DataError(
            f"{source}: has a part to train on and a test part, as real images have; expected samples of a generator "
            "without parts. Name the folder of one part."
        )
    side = common_side(index.reader, index.rows)
    if side is None or not MIN_SIDE <= side <= MAX_SIDE:
        raise DataError(
            f"{source}: its pictures are not all squares of one side from {MIN_SIDE} to {MAX_SIDE} px; expected "
            "samples as a generator makes them, which are scored as they are. Write them all in one size."
        )
    return load_dataset(source, replace(options, resolution=side))


def _index(source: str, options: DataOptions) -> tuple[DataOptions, Index]:
    """The content of a source, and the options by which it was read.

    A folder with a single class folder is no doubt: its name must be that of a class of the real images.
    """
    try:
        return options, find_source(source, options.reading).index()
    except DataError:
        options = replace(options, layout="classes")
        with contextlib.suppress(DataError):
            index = find_source(source, options.reading).index()
            if len(index.class_names) == 1:
                return options, index
        raise
