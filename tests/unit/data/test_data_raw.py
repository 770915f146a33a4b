"""Images of a source as it stores them, whatever their class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_helpers import noise, picture, zip_folder
from PIL import Image

from acgan.data import RawImages, ReadOptions, open_raw
from acgan.errors import DataError

Write = Callable[..., Path]


def opened(source: Path | str, tmp_path: Path) -> RawImages:
    return open_raw(str(source), ReadOptions(tmp_path / "cache"))


def values(raw: RawImages, split: str = "all") -> list[int]:
    """The first pixel of each image."""
    reader = raw.images.reader
    return sorted(int(np.asarray(reader.read(row)).ravel()[0]) for row in raw.images.rows(split).tolist())


FILES = {
    "flat": ({"1.PNG": 1, "2.jpeg": 2, "notes.txt": b"x", ".hidden.png": 9}, [1, 2], [], []),
    "deep": ({"1.png": 1, "a/2.Png": 2, "a/b/3.bmp": 3, ".git/4.png": 9}, [1, 2, 3], [], []),
    "classes": ({"a/1.png": 1, "b/2.png": 2}, [1, 2], [], []),
    "split": ({"train/a/1.png": 1, "test/a/2.png": 2, "val/a/3.png": 3}, [1, 2, 3], [1], [2]),
    "val": ({"Train/1.png": 1, "val/2.png": 2}, [1, 2], [1], [2]),
    "train alone": ({"train/1.png": 1}, [1], [1], []),
    "a class called train": ({"train/1.png": 1, "test/2.png": 2, "car/3.png": 3}, [1, 2, 3], [], []),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_every_image_of_a_folder_or_zip(name: str, zipped: bool, write: Write, tmp_path: Path) -> None:
    files, everything, train, test = FILES[name]
    source = write(files, "pictures")
    raw = opened(zip_folder(source) if zipped else source, tmp_path)
    assert raw.name == "pictures"
    assert [values(raw), values(raw, "train"), values(raw, "test")] == [everything, train, test]


def test_a_zip_with_one_folder_around_its_split(write: Write, tmp_path: Path) -> None:
    folder = write({"train/a/1.png": 1, "test/a/2.png": 2})
    raw = opened(zip_folder(folder, prefix="pictures/"), tmp_path)
    assert [values(raw, "train"), values(raw, "test")] == [[1], [2]]


def test_identity_changes_with_the_images(write: Write, tmp_path: Path) -> None:
    source = write({"1.png": 1, "2.png": 2})
    before = opened(source, tmp_path).identity
    assert opened(source, tmp_path).identity == before
    picture(7, (20, 20)).save(source / "2.png")
    changed = opened(source, tmp_path).identity
    picture(3).save(source / "3.png")
    assert len({before, changed, opened(source, tmp_path).identity}) == 3
    assert opened("digits", tmp_path).identity == opened("digits", tmp_path).identity != ""


@pytest.mark.parametrize("files", [{}, {"notes.txt": b"x"}, {"a/": 0}])
@pytest.mark.parametrize("zipped", [False, True])
def test_nothing_in_it(files: dict, zipped: bool, write: Write, tmp_path: Path) -> None:
    source = write({"set/": 0, **files})
    with pytest.raises(DataError, match=r"holds no images\. Images end in \.png"):
        opened(zip_folder(source) if zipped else source, tmp_path)


def test_a_csv_list(write: Write, tmp_path: Path) -> None:
    source = write({"1.png": 1, "2.png": 2, "3.png": 3})
    rows = "1.png,a,train\n2.png,a,test\n3.png,a,val\n"
    (source / "list.csv").write_text(f"path,label,split\n{rows}")
    raw = opened(source / "list.csv", tmp_path)
    assert [values(raw), values(raw, "train"), values(raw, "test")] == [[1, 2, 3], [1], [2]]
    (source / "plain.csv").write_text("path,label\n1.png,a\n2.png,b\n")
    raw = opened(source / "plain.csv", tmp_path)
    assert [values(raw), values(raw, "train")] == [[1, 2], []]


def test_arrays_need_no_labels(tmp_path: Path) -> None:
    images = noise((4, 5, 6, 3))
    np.savez(tmp_path / "a.npz", images=images)
    raw = opened(tmp_path / "a.npz", tmp_path)
    reader = raw.images.reader
    assert all(np.array_equal(np.asarray(reader.read(row)), images[row]) for row in range(4))
    assert not len(raw.images.rows("train"))
    np.savez(tmp_path / "b.npz", train_images=images[:3], val_images=images[:1], test_images=images[3:])
    raw = opened(tmp_path / "b.npz", tmp_path)
    assert [raw.images.rows(split).tolist() for split in ("train", "test")] == [[0, 1, 2], [4]]
    assert raw.images.rows("all").tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(np.asarray(raw.images.reader.read(4)), images[3])
    np.savez(tmp_path / "c.npz", pictures=images)
    with pytest.raises(DataError, match="holds pictures; expected images"):
        opened(tmp_path / "c.npz", tmp_path)


def test_built_in_sets(tmp_path: Path, shared_data: Path) -> None:
    digits = opened("digits", tmp_path)
    assert len(digits.images.rows("all")) == 1797
    assert not len(digits.images.rows("test"))
    mnist = opened(f"mnist:{shared_data}", tmp_path)
    assert mnist.name == "mnist"
    assert [len(mnist.images.rows(split)) for split in ("all", "train", "test")] == [70000, 60000, 10000]
    assert mnist.images.reader.read(69999).size == (28, 28)


def test_images_keep_their_size_and_mode(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    Image.new("P", (7, 5)).save(tmp_path / "set" / "1.png")
    raw = opened(tmp_path / "set", tmp_path)
    with raw.images.reader.read(0) as image:
        assert (image.size, image.mode) == ((7, 5), "P")
