"""Decoding of a source's images to uint8 (C, R, R) in threads, with a record of what each one was like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from acgan.data.decoding.chunks import DecodeProgress, in_chunks, pillow_warnings
from acgan.data.decoding.frames import frames_of
from acgan.data.decoding.pixels import BlackWhite, Fit, fit_image, flatten, is_reduced
from acgan.data.index import Reader
from acgan.data.sources.endings import ending_of, remedy_for, unread_pictures
from acgan.errors import BrokenPicturesError, DataError
from acgan.marks import is_generated
from acgan.showing import shown
from acgan.types import SkippedImage

OnError = Literal["stop", "skip"]
Frames = Literal["first", "all"]
Range = Literal["full", "auto"] | tuple[float, float]

_MEASURED = 1024
_NAMED = 20  # broken images in an error
_CHOSEN = (16, 32, 64, 128, 256)  # sides that are chosen where none is given

#: Record of an image: its size in pixels (turned upright) and Pillow's mode as stored; pictures in its file; deep, and
#: the values of a deep one as in ``Values``; reduced from 16 bits a channel to 8 by Pillow, and then the highest value
#: of the result; and of the result: of one colour, gray. Last, made by a generator.
SEEN = np.dtype(
    [
        *(("width", "<i4"), ("height", "<i4"), ("mode", "S8"), ("frames", "<i4")),
        *(("deep", "?"), ("low", "<f8"), ("high", "<f8"), ("below", "<f4"), ("above", "<f4")),
        *(("reduced", "?"), ("plain", "?"), ("gray", "?"), ("generated", "?")),
    ]
)


@dataclass(frozen=True)
class Target:
    """The form that images are decoded to: (channels, resolution, resolution), fitted by ``fit``.

    ``pad_28`` says that images of 28 x 28 keep their pixels and get a border of two up to 32 x 32. ``black_white``
    are the values of images with more than 8 bits a channel that become 0 and 255; None is the full 16 bits.
    """

    resolution: int
    channels: int
    fit: Fit
    pad_28: bool
    black_white: BlackWhite | None = None


def trained_target(resolution: int, channels: int, provenance: Mapping[str, Any], *, pad_28: bool) -> Target:
    """The form of a network's training images, whose fit and range are told by the provenance in its file."""
    data = provenance.get("config", {}).get("data", {})
    fit: Fit = "pad" if data.get("fit") == "pad" else "crop"
    ends = data.get("range", "full")
    return Target(resolution, channels, fit, pad_28, None if isinstance(ends, str) else (ends[0], ends[1]))


def decode(image: Image.Image, target: Target, record: np.void | None = None) -> np.ndarray:
    """Decode one opened image to uint8 (C, R, R), or to (1, R, R) where it is gray.

    Args:
        image: The image.
        target: The form to decode to.
        record: Its record, see ``SEEN``; filled in but for the number of frames.
    """
    (width, height), mode, reduced = image.size, image.mode, is_reduced(image)
    flat, values = flatten(image, target.resolution, target.black_white)
    if (flat.width - flat.height) * (width - height) < 0:  # turned; a JPEG may also have been decoded smaller
        width, height = height, width
    if target.channels == 1 and flat.mode != "L":
        flat = flat.convert("L")
    fit = "pad" if target.pad_28 and flat.size == (28, 28) else target.fit
    pixels = fit_image(flat, target.resolution, fit)
    if record is not None:
        record["width"], record["height"], record["mode"], record["reduced"] = width, height, mode, reduced
        if values is not None:
            record["deep"] = True
            record["low"], record["high"], record["below"], record["above"] = values
        elif reduced:
            record["high"] = pixels.max()
        record["plain"] = (pixels == pixels[:1, :1]).all()
        record["gray"] = pixels.ndim == 2 or (pixels == pixels[..., :1]).all()
        record["generated"] = is_generated(image)  # text behind the pixels is known by now
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)


def decode_rows(
    reader: Reader,
    rows: np.ndarray,
    out: np.ndarray,
    seen: np.ndarray,
    target: Target,
    *,
    threads: int | None,
    progress: DecodeProgress | None,
) -> dict[int, str]:
    """Decode images into an array, in threads; broken ones are passed over.

    Args:
        reader: Opens images.
        rows: (N,) the reader's rows.
        out: (N, C, R, R) uint8, filled in.
        seen: (N,) records, filled in, see ``SEEN``.
        target: The form to decode to.
        threads: Number of threads; None is one a processor core.
        progress: Called with (done, total) now and then.

    Returns:
        The reason for each position in ``rows`` that was passed over.
    """

    def work(part: range) -> dict[int, str]:
        failed = {}
        for position in part:
            try:
                with reader.read(int(rows[position])) as image:
                    seen[position]["frames"] = len(frames_of(image))
                    out[position] = decode(image, target, seen[position])
            except DataError:
                raise
            except Exception as error:  # Pillow's plugins raise errors of nearly every kind on broken files
                failed[position] = reason_of(error)
        return failed

    failed: dict[int, str] = {}
    with closing(in_chunks(work, len(rows), threads=threads, progress=progress)) as parts:
        for part in parts:
            failed.update(part)
    return failed


def broken_images(
    broken: Sequence[SkippedImage], total: int, skip_with: str, mend: str = "replace or remove {}"
) -> BrokenPicturesError:
    """The error for images that cannot be decoded: all in number, the first ones by name, each with its reason.

    Args:
        broken: The images, one at least.
        total: Number of images that were looked at.
        skip_with: Option that passes over them; "" for none.
        mend: What to do with them, ``{}`` standing for it or them.
    """
    skip = f", or pass over such images with {skip_with}" if skip_with else ""
    if len(broken) == 1:
        (one,) = broken
        remedy = remedy_for(one.path)
        advice = (
            f"For files that end in {ending_of(one.path)}: {remedy}. Or {mend}" if remedy else _begun(mend)
        )
        return BrokenPicturesError(
            f"{shown(one.path)} cannot be decoded: {one.reason}. {advice.format('it')}{skip}."
        )
    lines = [f"  {shown(image.path)}: {image.reason}" for image in broken[:_NAMED]]
    if (more := len(broken) - _NAMED) > 0:
        lines.append(f"  and {more:,} more")
    remedies = unread_pictures(image.path for image in broken)
    advice = f"{_begun(remedies)}. Or {mend}" if remedies else _begun(mend)
    return BrokenPicturesError(
        f"{len(broken):,} of {total:,} images cannot be decoded:\n{chr(10).join(lines)}\n{advice.format('them')}{skip}."
    )


def _begun(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"


def reason_of(error: Exception) -> str:
    """The reason why an image is broken, reworded if Pillow's text does not help."""
    if isinstance(error, UnidentifiedImageError):
        return "it is empty or not an image that Pillow knows"  # Pillow's own text holds a memory address
    if isinstance(error, RuntimeError) and "password required" in str(
        error
    ):  # zipfile's own text is its listing
        return "it is encrypted, and needs a password. Unpack the zip, and give the folder"
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
        short = float(np.median([min(size) for size in sides])) if sides else _CHOSEN[0]
        resolution = next((side for side in _CHOSEN if side >= 0.85 * short), _CHOSEN[-1])
        notes.append(
            f"resolution {resolution} chosen for images of {short:g} pixels (median of the short sides)"
        )
    pad_28 = resolution == 32 and bool(sides) and all(size == (28, 28) for size in sides)
    if pad_28:
        notes.append("images of 28 x 28 are padded to 32 x 32, not resized")
    return resolution, pad_28, tuple(notes)


def common_side(reader: Reader, rows: np.ndarray) -> int | None:
    """The one side of square images, judged by up to 1,024 of them; None if they are of several sizes."""
    with pillow_warnings():
        sizes = set(_sizes(reader, rows))
    width, height = sizes.pop() if len(sizes) == 1 else (0, 1)
    return width if width == height else None


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
