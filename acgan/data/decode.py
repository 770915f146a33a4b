"""Decoding of Pillow images to uint8 (C, R, R), of every mode, orientation and size, in threads."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from acgan.data.index import Reader
from acgan.errors import DataError
from acgan.types import RESOLUTIONS

Fit = Literal["crop", "pad"]
OnError = Literal["stop", "skip"]
Frames = Literal["first", "all"]
Range = Literal["full", "auto"] | tuple[float, float]
DecodeProgress = Callable[[int, int], None]

_CHUNK = 64  # images a task: large enough to hide the pool's overhead, small enough to stop soon
_MAX_THREADS = 16  # every thread reads the directory of a zip for itself
_MEASURED = 1024


@dataclass(frozen=True)
class Target:
    """The form that images are decoded to: (channels, resolution, resolution), fitted by ``fit``.

    ``pad_28`` says that images of 28 x 28 keep their pixels and get a border of two up to 32 x 32.
    """

    resolution: int
    channels: int
    fit: Fit
    pad_28: bool


def flatten(image: Image.Image, resolution: int) -> Image.Image:
    """Bring an image upright and to mode L or RGB, 8 bits a channel, transparency laid on white.

    A JPEG far larger than ``resolution`` is decoded at a fraction of its size, which is several times faster.
    """
    image.draft(None, (2 * resolution, 2 * resolution))
    with contextlib.suppress(SyntaxError):  # a damaged EXIF block, of a picture that may be sound
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        # 16 bits a pixel; Pillow's own conversion would cut values off at 255 instead of scaling them.
        values = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    if image.mode == "F":
        raise ValueError(
            "its pixels are floating-point, of unknown range; save it with 8 or 16 bits a channel"
        )
    if image.mode == "1":
        return image.convert("L")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def fit_image(image: Image.Image, resolution: int, fit: Fit) -> np.ndarray:
    """Make an L or RGB image square, of side ``resolution``, resampled bicubically with antialiasing.

    "crop" brings the short side to the resolution and keeps the centre. "pad" shrinks the long side to the
    resolution where it is larger, and centres the image on the median colour of its own border.

    Returns:
        (R, R) or (R, R, 3) uint8.
    """
    width, height = image.size
    if fit == "crop" and image.size != (resolution, resolution):
        # Cropping within the resampling is the same as cropping after it, and wastes no work.
        short = min(width, height)
        left, top = (width - short) / 2, (height - short) / 2
        box = (left, top, left + short, top + short)
        image = image.resize((resolution, resolution), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    elif max(width, height) > resolution:
        scale = resolution / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    if height == width == resolution:
        return pixels
    canvas = np.empty((resolution, resolution, *pixels.shape[2:]), dtype=np.uint8)
    canvas[:] = _border_colour(pixels)
    top, left = (resolution - height) // 2, (resolution - width) // 2
    canvas[top : top + height, left : left + width] = pixels
    return canvas


def _border_colour(pixels: np.ndarray) -> np.ndarray:
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    border.sort(axis=0)  # np.median takes ten times as long
    return np.asarray(border[len(border) // 2])


def decode(image: Image.Image, target: Target) -> np.ndarray:
    """Decode one opened image to uint8 (C, R, R), or to (1, R, R) where it is gray."""
    image = flatten(image, target.resolution)
    if target.channels == 1 and image.mode != "L":
        image = image.convert("L")
    fit = "pad" if target.pad_28 and image.size == (28, 28) else target.fit
    pixels = fit_image(image, target.resolution, fit)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)


def decode_rows(
    reader: Reader,
    rows: np.ndarray,
    out: np.ndarray,
    target: Target,
    *,
    on_error: OnError,
    threads: int | None,
    progress: DecodeProgress | None,
) -> tuple[dict[int, str], bool]:
    """Decode images into an array, in threads (Pillow releases the interpreter's lock).

    Args:
        reader: Opens images.
        rows: (N,) the reader's rows.
        out: (N, C, R, R) uint8, filled in.
        target: The form to decode to.
        on_error: Stop at the first broken image, or pass over it.
        threads: Number of threads; None is one a processor core.
        progress: Called with (done, total) now and then.

    Returns:
        The reason for each position in ``rows`` that was passed over, and whether all images are gray.

    Raises:
        DataError: A broken image, with ``on_error`` "stop".
    """

    def work(start: int) -> tuple[dict[int, str], bool]:
        failed = {}
        for position in range(start, min(start + _CHUNK, len(rows))):
            try:
                with reader.read(int(rows[position])) as image:
                    out[position] = decode(image, target)
            except DataError:
                raise
            except Exception as error:  # Pillow's plugins raise errors of nearly every kind on broken files
                failed[position] = reason_of(error)
                if on_error == "stop":
                    break
        done = out[start : start + _CHUNK]
        return failed, bool((done == done[:, :1]).all())

    failed: dict[int, str] = {}
    gray = True
    pool = ThreadPoolExecutor(threads or min(os.cpu_count() or 1, _MAX_THREADS))
    try:
        with pillow_warnings():
            for number, (chunk_failed, chunk_gray) in enumerate(pool.map(work, range(0, len(rows), _CHUNK))):
                if chunk_failed and on_error == "stop":
                    position, reason = next(iter(chunk_failed.items()))
                    raise broken_image(reader.name(int(rows[position])), reason)
                failed.update(chunk_failed)
                gray = gray and chunk_gray
                if progress:
                    progress(min((number + 1) * _CHUNK, len(rows)), len(rows))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return failed, gray


@contextlib.contextmanager
def pillow_warnings() -> Iterator[None]:
    """Refuse images above 89 million pixels, and silence remarks on metadata; Pillow only warns of both."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def broken_image(name: str, reason: str) -> DataError:
    """The error for an image that cannot be decoded."""
    return DataError(
        f"{name} cannot be decoded: {reason}. Replace or remove it, or pass over such images with"
        " --on-error skip (when training: --set data.on_error=skip)."
    )


def reason_of(error: Exception) -> str:
    """The reason why an image is broken, reworded if Pillow's text does not help."""
    if isinstance(error, UnidentifiedImageError):
        return "it is empty or not an image that Pillow knows"  # Pillow's own text holds a memory address
    return str(error).rstrip(".") or type(error).__name__


def measure_images(
    reader: Reader, rows: np.ndarray, resolution: int | None
) -> tuple[int, bool, tuple[str, ...]]:
    """Choose the resolution, and whether images of 28 x 28 are padded to 32 x 32 rather than resized.

    The resolution is the smallest power of two that is at least 0.85 of the median short side (so nothing is
    blown up much, and little is lost), from 16 to 256. It is judged by the headers of up to 1,024 images,
    spread evenly over the source. Broken ones are passed over: decoding reports them.

    Args:
        reader: Opens images.
        rows: (N,) the reader's rows.
        resolution: The resolution that the user asked for, or None.

    Returns:
        The resolution, whether to pad, and notes.
    """
    if resolution is not None and resolution != 32:
        return resolution, False, ()
    sides: list[tuple[int, int]] = []
    with pillow_warnings():
        for size in _sizes(reader, rows):
            sides.append(size)
            if resolution is not None and size != (28, 28):
                return resolution, False, ()
    notes = []
    if resolution is None:
        short = float(np.median([min(size) for size in sides])) if sides else RESOLUTIONS[0]
        resolution = next((side for side in RESOLUTIONS if side >= 0.85 * short), RESOLUTIONS[-1])
        notes.append(
            f"resolution {resolution} chosen for images of {short:g} pixels (median of the short sides)"
        )
    pad_28 = resolution == 32 and bool(sides) and all(size == (28, 28) for size in sides)
    if pad_28:
        notes.append("images of 28 x 28 are padded to 32 x 32, not resized")
    return resolution, pad_28, tuple(notes)


def _sizes(reader: Reader, rows: np.ndarray) -> Iterator[tuple[int, int]]:
    """The (width, height) of a sample of images, broken ones left out."""
    for position in np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MEASURED)).astype(np.int64)):
        try:
            with reader.read(int(rows[position])) as image:
                size = image.size
        except DataError:
            raise
        except Exception:  # as in decode_rows
            continue
        yield size
