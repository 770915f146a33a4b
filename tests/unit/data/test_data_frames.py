"""Files with several pictures: the first one with a warning, or each of them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_helpers import noise, picture
from PIL import Image

from acgan.data.decoding.frames import FrameReader, each_frame, frames_of
from acgan.data.index import Index
from acgan.types import Dataset

Load = Callable[..., Dataset]
Write = Callable[..., Path]

KINDS = ["gif", "png", "webp", "tiff"]


@pytest.fixture
def read(load: Load) -> Load:
    return lambda folder, **changes: load(folder, layout="classes", **changes)


def several(grays: list[int], kind: str, **options: Any) -> bytes:
    """A file with a frame of each gray value."""
    first, *others = [picture(gray) for gray in grays]
    lossless = {"lossless": True} if kind == "webp" else {}
    buffer = BytesIO()
    first.save(buffer, kind, save_all=True, append_images=others, **lossless, **options)
    return buffer.getvalue()


def grays(data: Dataset) -> list[int]:
    return data.train.images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_frame_with_a_warning(write: Write, read: Load, kind: str) -> None:
    folder = write({f"k/a.{kind}": several([10, 200, 90], kind), "k/b.png": Image.fromarray(noise((16, 16)))})
    data = read(folder)
    assert grays(data)[0] == 10
    (warning,) = [warning for warning in data.warnings if "frames" in warning]
    assert "1 file has several frames, 3 in all, and only the first is used" in warning
    assert f"a.{kind}" in warning
    assert "b.png" not in warning
    assert "--set data.frames=all" in warning


@pytest.mark.parametrize("kind", KINDS)
def test_each_frame(write: Write, read: Load, kind: str) -> None:
    folder = write(
        {f"k/a.{kind}": several([10, 200, 90], kind), "k/b.png": 5, f"m/c.{kind}": several([20, 30], kind)}
    )
    for _ in range(2):  # decoded, then from the cache
        data = read(folder, frames="all")
        assert grays(data) == [10, 200, 90, 5, 20, 30]
        assert data.train.labels.tolist() == [0, 0, 0, 0, 1, 1]
        assert data.groups is not None
        assert data.groups.tolist() == [0, 0, 0, 1, 2, 2]
        assert any("2 files have several frames: 5 images" in note for note in data.notes)
        assert not any("frames" in warning for warning in data.warnings)


def test_names_of_frames(write: Write, read: Load) -> None:
    folder = write({"k/a.tiff": several([10, 200, 90], "tiff"), "k/b.gif": b"GIF89a", "k/c.png": 3})
    data = read(folder, frames="all", on_error="skip")
    assert [skipped.path for skipped in data.skipped] == [str(folder / "k/b.gif")]  # a file as a whole
    (plain,) = [warning for warning in data.warnings if "of one colour" in warning]
    shown = ", ".join(f"{folder / 'k/a.tiff'} frame {number}" for number in (1, 2, 3))
    assert f"({shown} and 1 more)" in plain


def test_no_file_with_several(write: Write, read: Load) -> None:
    data = read(write({"k/a.png": 5, "k/b.gif": 6}), frames="all")
    assert data.groups is None
    assert any("no file has several frames" in note for note in data.notes)


class _Files:
    """A reader of files in memory that counts how often it opens one."""

    def __init__(self, contents: list[bytes]):
        self.contents, self.opened = contents, 0

    def read(self, row: int) -> Image.Image:
        self.opened += 1
        return Image.open(BytesIO(self.contents[row]))

    def name(self, row: int) -> str:
        return str(row)


def _index(contents: list[bytes], **parts: Any) -> Index:
    number = np.arange(len(contents))
    return Index(_Files(contents), number, number % 2, ("a", "b"), **{"held_out": None, **parts})


def test_groups_and_parts_of_frames() -> None:
    contents = [several([1, 2], "gif"), several([3], "gif"), several([4, 5, 6], "gif")]
    held = np.array([True, False, True])
    index = each_frame(_index(contents, held_out=held, groups=np.array([7, 7, 8])))
    assert index.labels.tolist() == [0, 0, 1, 0, 0, 0]
    assert index.held_out is not None
    assert index.held_out.tolist() == [True, True, False, True, True, True]
    assert index.groups is not None
    assert index.groups.tolist() == [7, 7, 7, 8, 8, 8]


def test_frames_in_any_order_are_those_of_pillow() -> None:
    """Frames of an animation build on those before them; a file that stays open must not show."""
    colours = [Image.fromarray(noise((16, 16, 3), seed)).quantize(50) for seed in range(5)]
    buffer = BytesIO()
    colours[0].save(buffer, "GIF", save_all=True, append_images=colours[1:], disposal=1)
    index = each_frame(_index([buffer.getvalue(), several([9, 8], "gif")]))
    with Image.open(buffer) as animation:
        expected = []
        for frame in range(5):
            animation.seek(frame)
            expected.append(np.asarray(animation.convert("RGB")))
    for row in (3, 1, 6, 4, 0, 0, 2, 5):
        with index.reader.read(row) as image:
            found = np.asarray(image.convert("RGB"))
        assert (found == (expected[row] if row < 5 else 9 - (row - 5))).all(), row


def test_a_file_is_opened_once_for_its_frames() -> None:
    index = each_frame(_index([several(list(range(0, 200, 4)), "gif"), several([1, 2], "gif")]))
    assert isinstance(index.reader, FrameReader)
    files: Any = index.reader._reader
    files.opened = 0
    for row in range(len(index)):
        index.reader.read(row).close()
    assert files.opened == 2


def test_previews_and_masks_are_no_pictures() -> None:
    """A JPEG's previews (MPO), and pages of a TIFF that are smaller copies or masks."""
    buffer = BytesIO()
    picture(1).save(buffer, "MPO", save_all=True, append_images=[picture(2)])
    with Image.open(buffer) as image:
        assert image.format == "MPO"
        assert frames_of(image) == [0]
    pages = BytesIO()
    copy = picture(2, (8, 8))
    copy.encoderinfo = {"tiffinfo": {254: 1}}  # type: ignore[attr-defined]
    mask = picture(3)
    mask.encoderinfo = {"tiffinfo": {254: 4}}  # type: ignore[attr-defined]
    picture(1).save(pages, "TIFF", save_all=True, append_images=[copy, picture(4), mask])
    with Image.open(pages) as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]
        assert frames_of(image) == [0, 2]
        assert np.asarray(image).max() == 1


class _Damaged(Image.Image):
    """A file whose list of frames cannot be followed."""

    is_animated = True
    place = 0

    @property
    def n_frames(self) -> int:
        self.place = 1
        raise OSError("unexpected end of file")

    def seek(self, frame: int) -> None:
        self.place = frame


def test_a_damaged_list_of_frames() -> None:
    image = _Damaged()
    assert frames_of(image) == [0]
    assert image.place == 0  # the first one is at hand
