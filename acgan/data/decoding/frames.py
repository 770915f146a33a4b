"""Files with several pictures: animations and pages."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace

import numpy as np
from PIL import Image

from acgan.data.decoding.chunks import in_chunks
from acgan.data.decoding.pixels import scale_key
from acgan.data.index import Index, Reader

#: Formats whose further pictures are previews of the first, or its layers.
_ONE_PICTURE = frozenset({"MPO", "PSD"})
_SUBFILE_TYPE, _REDUCED, _MASK = (
    254,
    1,
    4,
)  # a TIFF's tag and its bits: a smaller copy, a mask of transparency


def frames_of(image: Image.Image) -> list[int]:
    """Numbers of the frames or pages of an opened file that are pictures of their own; the first one is at hand then.

    Previews, layers, smaller copies and masks do not count. An image in memory, or a file with a damaged list of
    frames, has one.
    """
    if image.format in _ONE_PICTURE:
        return [0]
    try:
        if not getattr(image, "is_animated", False):
            return [0]
        found = [frame for frame in range(image.n_frames) if _is_picture(image, frame)]  # type: ignore[attr-defined]
        image.seek(0)
    except Exception:  # Pillow's plugins raise errors of nearly every kind on broken files
        with contextlib.suppress(Exception):
            image.seek(0)
        return [0]
    return found or [0]


def _is_picture(image: Image.Image, frame: int) -> bool:
    if image.format != "TIFF":
        return True
    image.seek(frame)
    return not image.tag_v2.get(_SUBFILE_TYPE, 0) & (_REDUCED | _MASK)  # type: ignore[attr-defined]


class FrameReader:
    """Reader of single frames of another reader's files.

    Args:
        reader: Opens the files.
        rows: (M,) its row for each frame.
        frames: (M,) the number of the frame in that file; -1 is the only picture of a file.
    """

    def __init__(self, reader: Reader, rows: np.ndarray, frames: np.ndarray):
        self._reader, self._rows, self._frames = reader, rows, frames
        self._thread = threading.local()

    def read(self, row: int) -> Image.Image:
        file, frame = int(self._rows[row]), int(self._frames[row])
        if frame < 0:
            return self._reader.read(file)
        # An animation is decoded from its start up to a frame, so each thread keeps its last file open: frames are
        # mostly read one after another.
        opened = getattr(self._thread, "image", None)
        if opened is None or self._thread.file != file:
            if opened is not None:
                opened.close()
            opened = self._reader.read(file)
            self._thread.image, self._thread.file = opened, file
        opened.seek(frame)
        scale_key(opened)
        return opened.copy()

    def name(self, row: int) -> str:
        name, frame = self._reader.name(int(self._rows[row])), int(self._frames[row])
        return name if frame < 0 else f"{name} frame {frame + 1}"


def each_frame(index: Index) -> Index:
    """The index with an image for each frame; those of one file are in one group.

    Args:
        index: Its images are files, each of which is opened to count its frames.
    """

    def work(part: range) -> list[list[int]]:
        return [_frames_at(index, position) for position in part]

    parts = in_chunks(work, len(index), threads=None, progress=None)
    frames = [found for part in parts for found in part]
    counts = np.array([len(found) for found in frames])
    if (counts == 1).all():
        return replace(index, notes=(*index.notes, "data.frames is all, and no file has several frames"))
    several = counts > 1
    # position of each frame's file in the index
    files = np.repeat(np.arange(len(index)), counts)
    numbers = np.concatenate([found if len(found) > 1 else [-1] for found in frames]).astype(np.int64)
    groups = index.groups if index.groups is not None else np.arange(len(index), dtype=np.int64)
    expanded = replace(index, groups=groups).subset(files)
    note = (
        f"{several.sum():,} {'file has' if several.sum() == 1 else 'files have'} several frames:"
        f" {counts[several].sum():,} images of their own, and those of one file stay on one side of a split"
    )
    return replace(
        expanded,
        reader=FrameReader(index.reader, expanded.rows, numbers),
        rows=np.arange(len(files), dtype=np.int64),
        notes=(*index.notes, note),
    )


def _frames_at(index: Index, position: int) -> list[int]:
    try:
        with index.reader.read(int(index.rows[position])) as image:
            return frames_of(image)
    except Exception:  # decoding reports it
        return [0]
