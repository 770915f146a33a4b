"""Files and folders that hold pictures in a form that is not read: the message names the remedy."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from data_helpers import picture, zip_folder

from acgan.data import ReadOptions, find_images, open_raw
from acgan.errors import DataError


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("a.tar.gz", "Unpack it, and give the folder"),
        ("a.rar", "Unpack it, and give the folder"),
        ("a.7z", "Unpack it, and give the folder"),
        ("a.mat", "Save its images and labels as .npz"),
        ("a.h5", "Save its images and labels as .npz"),
        ("a.pkl", "Load it in Python, and save"),
        ("a.xlsx", "Save it as CSV in UTF-8"),
        ("a.txt", "Save it as CSV in UTF-8"),
    ],
)
def test_files_that_are_no_source(name, remedy, write, load):
    with pytest.raises(DataError, match=rf"is a file with the ending .*expected a folder or .*\. {remedy}"):
        load(write({name: b"x"}) / name)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["state.json", "data-00000-of-00001.arrow"], r"the library datasets saved: give it as hf:{top}"),
        (["dataset_dict.json", "train/state.json"], r"datasets saved: give it as hf:{top}"),
        (["train-images-idx3-ubyte", "train-labels-idx1-ubyte"], r"files of MNIST: .*mnist:ROOT"),
        (["raw/t10k-images.idx3-ubyte.gz"], r"files of MNIST: .*mnist:ROOT"),
        (["data_batch_1", "batches.meta", "test_batch"], r"give cifar10:ROOT"),
        (["kmnist-train-imgs.npz", "sub/b.npz"], r"give one of the files, as {top}/kmnist-train-imgs\.npz"),
        (["train.zip", "labels.csv"], r"an archive, train\.zip: unpack it"),
        (["sub/a.tar.gz"], r"sub/a\.tar\.gz: unpack it"),
        (["a.mat.h5"], r"a\.mat\.h5: save its images and labels as \.npz"),
    ],
)
def test_folders_without_pictures(files, told, write, load):
    top = write(dict.fromkeys(files, b"x"))
    message = rf"holds no images, but .*{told.format(top=top)}"
    with pytest.raises(DataError, match=message):
        load(top)


def test_zips_in_a_zip(write, load):
    with pytest.raises(DataError, match=r"set\.zip holds no images, but an archive, sub/a\.zip: unpack it"):
        load(zip_folder(write({"sub/a.zip": b"x"})))


def test_pictures_that_cannot_be_read_come_first(write, load):
    with pytest.raises(DataError, match=r"holds no images; expected.*1 file ends in \.svg"):
        load(write({"a/1.svg": b"x", "a.zip": b"x"}))


def _shard(path):
    with tarfile.open(path, "w") as archive:
        for number in range(4):
            file = io.BytesIO()
            picture(number).save(file, "png")
            for name, content in (
                (f"{number}.png", file.getvalue()),
                (f"{number}.cls", b"01"[number % 2 :][:1]),
            ):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("preview", ["preview.png", "assets/banner.png"])
def test_a_preview_does_not_hide_shards(preview, write, load):
    top = write({preview: 9})
    _shard(top / "train-0.tar")
    data = load(top)
    assert len(data.train) == 4
    assert data.report.reading.layout == "webdataset"
    (left,) = data.report.reading.left_out
    assert (left.reason.startswith("pictures beside the shards"), left.count) == (True, 1)
    assert left.examples == (preview,)
    assert open_raw(str(top), ReadOptions(top)).images.left_out == (left,)


@pytest.mark.parametrize("listed", [True, False])
def test_shards_do_not_hide_pictures_of_classes(listed, write, load):
    files = {"images/1.png": 1, "images/2.png": 2, "l.csv": b"path,label\nimages/1.png,a\nimages/2.png,b\n"}
    top = write(files if listed else {"cat/1.png": 1, "dog/2.png": 2})
    _shard(top / "train-0.tar")
    data = load(top)
    assert len(data.train) == 2
    assert data.report.reading.layout == ("list" if listed else "classes")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("a.zip", "Unpack it"),
        ("a.csv", "Give pictures, or their folder"),
        ("a.npz", "Write its pictures into a folder"),
        ("a.tar.gz", "Unpack it"),
        ("a.txt", "Give pictures, or their folder"),
    ],
)
def test_where_pictures_are_wanted(name, remedy, tmp_path):
    np.zeros(1).tofile(tmp_path / name)
    with pytest.raises(DataError, match=rf"expected pictures, and folders of pictures\. {remedy}"):
        find_images([tmp_path / name])
