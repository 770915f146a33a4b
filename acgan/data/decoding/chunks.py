"""Work on the rows of a source in threads; Pillow releases the interpreter's lock."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from PIL import Image

#: Called with (done, total) now and then.
DecodeProgress = Callable[[int, int], None]
Result = TypeVar("Result")

IMAGES_A_TASK = 64  # images a task: large enough to hide the pool's overhead, small enough to stop soon
_MAX_THREADS = 16  # every thread reads the directory of a zip for itself


def in_chunks(
    work: Callable[[range], Result], count: int, *, threads: int | None, progress: DecodeProgress | None
) -> Generator[Result, None, None]:
    """Call ``work`` on positions 0 … count-1, a range of them at a time, in threads, under ``pillow_warnings``.

    Args:
        work: Receives consecutive positions.
        count: Number of positions.
        threads: Number of threads; None is one a processor core.
        progress: Called with (done, total) after each part that the caller has taken.

    Yields:
        The results, in the order of the positions.
    """
    parts = [range(start, min(start + IMAGES_A_TASK, count)) for start in range(0, count, IMAGES_A_TASK)]
    pool = ThreadPoolExecutor(threads or min(os.cpu_count() or 1, _MAX_THREADS))
    try:
        with pillow_warnings():
            for part, result in zip(parts, pool.map(work, parts), strict=True):
                yield result
                if progress:
                    progress(part.stop, count)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def pillow_warnings() -> Iterator[None]:
    """Refuse images above 89 million pixels, and silence remarks on metadata; Pillow only warns of both."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield
