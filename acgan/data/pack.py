"""Decoding of an index into one array: training images first, held-out images after them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from acgan.data.decoding.chunks import DecodeProgress
from acgan.data.decoding.decode import SEEN, Target, broken_images, decode_rows, measure_images
from acgan.data.decoding.frames import each_frame
from acgan.data.decoding.outcome import Outcome, class_pictures, in_digits, judge
from acgan.data.decoding.pixels import BlackWhite
from acgan.data.decoding.unfinished import in_folder, in_memory
from acgan.data.decoding.values import find_values
from acgan.data.index import Index, Reader, check_split, leave_out_empty, select_classes, shortened
from acgan.data.options import DataOptions
from acgan.data.splitting.divide import divide
from acgan.data.splitting.doubts import find_doubts
from acgan.data.splitting.split import duplicate_groups, image_digests, tell_blank_apart
from acgan.errors import DataError
from acgan.types import DataReport, Reading, SkippedImage

LARGE_BYTES = 2 << 30  # from here on arrays lie in files and are memory-mapped
#: After so many, images of a large source are kept for the case that the process is killed.
DECODED_BYTES = 256 << 20
_STEP_BYTES = 32 << 20  # of images that are copied or hashed at a time
#: Of sources that have one layout only.
_GIVEN = Reading("given", "There is one way to read it.", "the source's own", "the source's own")


@dataclass(frozen=True)
class Packed:
    """Decoded images, (N, C, R, R) uint8, of which the first ``num_train`` are for training; (N,) labels.

    ``groups`` are numbers of training images, see ``Dataset``; the other parts are those of ``Dataset`` too.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    num_train: int
    own_split: bool
    skipped: tuple[SkippedImage, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    groups: np.ndarray | None
    report: DataReport | None
    num_generated: int

    @property
    def can_train(self) -> bool:
        """True if there are training images of every class, and the source's own test part is not an empty one."""
        counts = np.bincount(self.labels[: self.num_train], minlength=len(self.class_names))
        return bool(counts.all()) and not (self.own_split and self.num_train == len(self.labels))


@dataclass(frozen=True)
class Decoded:
    """Decoded images in the order of their rows; those in ``failed`` are blank, and it gives the reasons.

    ``seen`` are their records, see ``SEEN``.
    """

    images: np.ndarray
    failed: dict[int, str]
    channels: int
    notes: tuple[str, ...]
    seen: np.ndarray
    target: Target


def prepare(index: Index, options: DataOptions) -> Index:
    """Apply the choice of classes, check the remaining images, and take each frame of theirs if that is wanted.

    Raises:
        DataError: A class that does not exist, no images, or a split without training images of a class.
    """
    if options.classes is not None:
        index = select_classes(index, options.classes)
    if not len(index):
        raise DataError("No images are left to train on. Check the source and data.classes.")
    index = leave_out_empty(index)
    if not options.for_scoring:
        check_split(index)
    return each_frame(index) if options.frames == "all" else index


def pack(
    index: Index, options: DataOptions, workspace: Path | None, progress: DecodeProgress | None
) -> Packed:
    """Decode, split and order a prepared index.

    Args:
        index: The images.
        options: Options of decoding and splitting.
        workspace: A folder for arrays of 2 GiB and more; None keeps them in memory.
        progress: Called with (done, total) now and then.
    """
    decoded = decode_all(
        index.reader, index.rows, options, workspace=workspace, threads=None, progress=progress
    )
    return put_in_order(index, decoded, options, workspace)


def decode_all(
    reader: Reader,
    rows: np.ndarray,
    options: DataOptions,
    *,
    workspace: Path | None,
    threads: int | None,
    progress: DecodeProgress | None,
) -> Decoded:
    """Choose resolution and channels if they are not given, and decode.

    Raises:
        DataError: Some images are broken, and ``on_error`` is "stop"; all are looked at first, so that it names all.
    """
    resolution, pad_28, notes = measure_images(reader, rows, options.resolution)
    black_white, progress, remarks = _black_white(reader, rows, options, threads, progress)
    target = Target(resolution, options.channels or 3, options.fit, pad_28, black_white)
    notes = (*notes, *remarks)
    shape = (len(rows), target.channels, resolution, resolution)
    if workspace is None or not _is_large(shape):
        work = in_memory(shape, SEEN)
    else:
        work = in_folder(workspace, shape, SEEN, asdict(target))
    step = max(1, DECODED_BYTES // math.prod(shape[1:]))
    while work.done < len(rows):
        part = slice(work.done, min(work.done + step, len(rows)))
        failed = decode_rows(
            reader,
            rows[part],
            work.images[part],
            work.seen[part],
            target,
            threads=threads,
            progress=_from(part.start, len(rows), progress),
        )
        work.add({part.start + position: reason for position, reason in failed.items()}, part.stop)
    if work.failed and options.on_error == "stop":
        raise broken_images(_skipped(reader, rows, work.failed), len(rows), options.skip_with)
    channels = target.channels
    if options.channels is None:
        gray = np.delete(work.seen["gray"], list(work.failed)).all()
        channels = 1 if gray else 3
        found = "every image is gray" if gray else "there are images in colour"
        notes = (*notes, f"channels {channels} chosen: {found}")
    return Decoded(work.images, work.failed, channels, notes, work.seen, target)


def _from(start: int, total: int, progress: DecodeProgress | None) -> DecodeProgress | None:
    """The progress of a part that begins at ``start``, as one of all images."""
    return progress and (lambda done, _: progress(start + done, total))


def _black_white(
    reader: Reader,
    rows: np.ndarray,
    options: DataOptions,
    threads: int | None,
    progress: DecodeProgress | None,
) -> tuple[BlackWhite | None, DecodeProgress | None, list[str]]:
    """Black and white of images with more than 8 bits a channel, the progress of what is left to do, and notes."""
    if options.range == "full":
        return None, progress, []
    if options.range != "auto":
        return options.range, progress, []
    show = progress or (lambda done, total: None)
    total = 2 * len(rows)  # the images are read twice
    found = find_values(reader, rows, threads=threads, progress=lambda done, _: show(done, total))
    if found is None:
        return None, lambda done, _: show(len(rows) + done, total), []
    (black, white), count = found
    note = (
        f"data.range auto: black is {in_digits(black)} and white is {in_digits(white)}, the lowest and highest value of"
        f" {count:,} {'image' if count == 1 else 'images'} with more than 8 bits a channel"
    )
    return (black, white), lambda done, _: show(len(rows) + done, total), [note]


def put_in_order(index: Index, decoded: Decoded, options: DataOptions, workspace: Path | None) -> Packed:
    """Leave out broken images, split, and put training images before held-out ones."""
    skipped = _skipped(index.reader, index.rows, decoded.failed)
    kept = np.setdiff1d(np.arange(len(index)), list(decoded.failed))
    _check_decoded(index, kept, len(skipped), options.for_scoring)
    # One gray channel counts as three: where channels are open, gray images are decoded to three, and the draw
    # depends on their bytes. The split must not depend on whether channels are given.
    pixels = np.broadcast_to(decoded.images, (len(decoded.images), 3, *decoded.images.shape[2:]))
    digests = image_digests(pixels, kept)
    parts = divide(index, kept, decoded.images, digests, generated(decoded)[kept], options)
    order = parts.order
    images = _gather(decoded.images, order, decoded.channels, workspace)
    numbers = tell_blank_apart(
        images, np.arange(len(order)), duplicate_groups(digests)[np.searchsorted(kept, order)]
    )
    doubts = find_doubts(index, parts, images, numbers, tells_generated=not options.samples)
    notes = [*index.notes, *decoded.notes, *parts.notes, *doubts.notes]
    if skipped:
        notes.append(f"{_images(len(skipped))} could not be decoded and {_were(len(skipped))} passed over")
    outcome = Outcome(
        decoded.seen[kept],
        index.labels[kept],
        index.class_names,
        lambda number: index.reader.name(int(index.rows[kept[number]])),
        decoded.target,
        options.range,
        options.frames,
        chose_colour=options.channels is None and decoded.channels == 3,
    )
    remarks, warnings = judge(outcome)
    return Packed(
        images=images,
        labels=index.labels[order],
        class_names=index.class_names,
        num_train=len(parts.train) + len(parts.generated),
        own_split=parts.own,
        skipped=skipped,
        notes=(*notes, *remarks),
        warnings=(*index.warnings, *warnings, *parts.warnings, *doubts.warnings),
        groups=None if index.groups is None else index.groups[parts.train],
        report=DataReport(
            index.reading or _GIVEN,
            class_pictures(outcome.seen, outcome.labels, len(index.class_names)),
            decoded.target.black_white,
            pairs=doubts.pairs,
            num_pairs=doubts.num_pairs,
            num_searched=doubts.num_searched,
        ),
        num_generated=len(parts.generated),
    )


def _skipped(reader: Reader, rows: np.ndarray, failed: Mapping[int, str]) -> tuple[SkippedImage, ...]:
    return tuple(
        SkippedImage(reader.name(int(rows[position])), reason) for position, reason in failed.items()
    )


def generated(decoded: Decoded) -> np.ndarray:
    """A mask (N,) of the images that a generator made, by the mark in their files."""
    return np.asarray(decoded.seen["generated"])


def _check_decoded(index: Index, kept: np.ndarray, num_skipped: int, for_scoring: bool) -> None:
    if not len(kept):
        raise DataError(f"none of its {_images(num_skipped)} could be decoded. Replace the broken files.")
    if for_scoring:
        return
    usable = kept if index.held_out is None else kept[~index.held_out[kept]]
    counts = np.bincount(index.labels[usable], minlength=len(index.class_names))
    if not counts.all():
        lost = [name for name, count in zip(index.class_names, counts, strict=True) if not count]
        raise DataError(
            f"No image of {shortened(lost)} could be decoded ({_images(num_skipped)} {_were(num_skipped)} passed over)."
            " Replace the broken files, or leave the class out with data.classes."
        )


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def steps(images: np.ndarray) -> Iterator[slice]:
    """Parts of images (N, C, R, R), each of which fits into little memory."""
    count = max(1, _STEP_BYTES // max(math.prod(images.shape[1:]), 1))
    for start in range(0, len(images), count):
        yield slice(start, start + count)


def _is_large(shape: tuple[int, ...]) -> bool:
    return math.prod(shape) >= LARGE_BYTES


def _allocate(shape: tuple[int, ...], workspace: Path | None, name: str) -> np.ndarray:
    if workspace is None or not _is_large(shape):
        return np.zeros(shape, dtype=np.uint8)
    return np.lib.format.open_memmap(workspace / name, mode="w+", dtype=np.uint8, shape=shape)


def _gather(images: np.ndarray, order: np.ndarray, channels: int, workspace: Path | None) -> np.ndarray:
    """``images[order, :channels]``, in memory or in a file, a part at a time."""
    shape = (len(order), channels, *images.shape[2:])
    if shape == images.shape and np.array_equal(order, np.arange(len(images))):
        return images
    out = _allocate(shape, workspace, "ordered.npy")
    for part in steps(out):
        out[part] = images[order[part], :channels]
    return out
