"""Files of arrays at random: each is read, or refused plainly."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from data_helpers import decode, options
from fuzzing import answers, counted, damaged, refused
from hypothesis import strategies as st

from acgan.data import DataOptions
from acgan.data.raw import open_raw

NAMES = [
    *(
        "images",
        "labels",
        "class_names",
        "generated_by",
        "train_images",
        "train_labels",
        "val_images",
        "test_labels",
    ),
    *("x_train", "y_train", "X_TRAIN", "arr_0", "arr_1", "x", "../images"),
]
IMAGE_SHAPES = [
    (6, 4, 4),
    (6, 4, 4, 3),
    (6, 3, 4, 4),
    (6, 4, 4, 1),
    (6, 4, 4, 2),
    (6, 0, 4),
    (0, 4, 4),
    (6,),
    (),
]
LABEL_SHAPES = [(6,), (6,), (6, 1), (6, 3), (5,), (0,), (), (6, 0), (2, 3)]
TYPES = [
    "u1",
    "u1",
    "i8",
    "u2",
    ">u2",
    "u8",
    "f4",
    "f2",
    "f8",
    "c8",
    "?",
    "U3",
    "U0",
    "S3",
    "V2",
    "M8[s]",
    "O",
]
#: What a header says of an array that is not there, or that is far larger than the file.
HEADERS = [
    *(
        b"(6, 4, 4)",
        b"(6000000, 60000, 60000)",
        b"(-6, 4, 4)",
        b"(6, 4, 4, 4, 4)",
        b"()",
        b"(6.0, 4, 4)",
        b"(True,)",
    ),
    *(
        b"'<f8'",
        b"'|O'",
        b"'|u1'",
        b"'<U99999999'",
        b"[('a', '|u1')]",
        b"'descr'",
        b"True",
        b"{",
        b"__import__('os')",
    ),
    *(
        b"(" * 200,
        b"9" * 5000,
        b"\0",
        b"\xff",
        b"\x93NUMPY\x02\x00",
        b"\x93NUMPY\x09\x09",
        b"PK\x05\x06",
        b"PK\x01\x02",
    ),
]


@st.composite
def arrays(draw: st.DrawFn, shapes: list[tuple[int, ...]]) -> np.ndarray:
    shape, kind = draw(st.sampled_from(shapes)), draw(st.sampled_from(TYPES))
    size = int(np.prod(shape))
    values = np.resize(np.array(draw(st.lists(st.integers(0, 255), min_size=1, max_size=6))), size)
    with np.errstate(invalid="ignore", over="ignore"):
        array = values.astype("u1").view("V1").astype(kind) if kind == "V2" else values.astype(kind)
    if array.dtype.kind in "f" and size and draw(st.booleans()):
        array[0] = draw(st.sampled_from([np.nan, np.inf, -1.0, 0.5]))
    order = draw(st.sampled_from("CF"))
    return array.reshape(shape, order=order)


def _npy(array: np.ndarray) -> bytes:
    with io.BytesIO() as file:
        np.save(file, array)
        return file.getvalue()


@st.composite
def npy_files(draw: st.DrawFn, shapes: list[tuple[int, ...]] = IMAGE_SHAPES) -> bytes:
    content = _npy(draw(arrays(shapes)))
    return (
        draw(damaged(content, [*HEADERS, *(content[start:80] for start in (6, 10))]))
        if draw(st.booleans())
        else content
    )


@st.composite
def npz_files(draw: st.DrawFn) -> bytes:
    names = draw(
        st.sampled_from([["images", "labels"], ["train_images", "train_labels"], ["arr_0", "arr_1"]])
    )
    sane = draw(st.booleans())
    images = np.arange(96, dtype=np.uint8).reshape(6, 4, 4)
    members = [(names[0], _npy(images))] if sane else [(names[0], draw(npy_files()))]
    labels = _npy(np.arange(6) % 2)
    members.append((names[1], draw(npy_files(LABEL_SHAPES)) if draw(st.booleans()) else labels))
    others = st.tuples(st.sampled_from(NAMES), npy_files([*LABEL_SHAPES, *IMAGE_SHAPES]))
    members += draw(st.lists(others, max_size=2))
    method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in dict(members).items():
                archive.writestr(
                    f"{name}{draw(st.sampled_from(['.npy', '.npy', '.npy', '', '.NPY']))}", content
                )
        content = file.getvalue()
    return draw(damaged(content, HEADERS)) if draw(st.booleans()) else content


def _read_raw(file: Path, read: DataOptions) -> None:
    images = open_raw(str(file), read.reading).images
    for row in images.rows("all").tolist()[:3]:
        with images.reader.read(row) as image:
            image.load()


@counted
def test_odd_npz_files_are_answered(count: int, tmp_path: Path) -> None:
    read = options(tmp_path, resolution=4)

    def check(content: bytes) -> None:
        file = tmp_path / "set.npz"
        file.write_bytes(content)
        refused(lambda: decode(file, read))
        refused(lambda: _read_raw(file, read))

    answers(npz_files(), check, count)


@counted
def test_odd_npy_files_are_answered(count: int, tmp_path: Path) -> None:
    read = options(tmp_path)

    def check(content: bytes) -> None:
        file = tmp_path / "images.npy"
        file.write_bytes(content)
        refused(lambda: _read_raw(file, read))

    answers(npy_files(), check, count)
