"""Pipes, sockets and devices among pictures or in the place of a source, and folders that links lead to."""

import os
import time

import pytest
from data_helpers import values

from acgan.data import ReadOptions, open_raw
from acgan.data.few import find_images
from acgan.data.load import find_source
from acgan.data.sources.walk import Walk
from acgan.errors import DataError

PLAIN = {"cats/a.png": 10, "cats/b.png": 20, "dogs/a.png": 30}
LINKED = 23


@pytest.mark.parametrize("link", [False, True])
def test_a_pipe_named_like_a_picture_is_a_broken_image(write, load, link):
    folder = write(PLAIN)
    os.mkfifo(folder / ("pipe" if link else "cats/x.png"))
    if link:
        (folder / "cats" / "x.png").symlink_to(folder / "pipe")
    with pytest.raises(DataError, match=r"cats/x\.png cannot be decoded: it is a pipe, not a file"):
        load(folder)
    data = load(folder, on_error="skip")
    assert values(data.train) == [("cats", 10), ("cats", 20), ("dogs", 30)]
    (skipped,) = data.skipped
    assert skipped.path == str(folder / "cats" / "x.png")


@pytest.mark.parametrize("name", ["cats/x", "labels.csv", "dataset.json", "cats/x.001", "shard.tar", "x.npz"])
def test_pipes_of_other_names_are_left_out(write, load, name):
    folder = write(PLAIN)
    os.mkfifo(folder / name)
    data = load(folder)
    assert values(data.train) == [("cats", 10), ("cats", 20), ("dogs", 30)]
    (left,) = data.report.reading.left_out
    assert (left.reason, left.examples) == ("pipes, sockets and devices", (name,))


def test_a_list_that_names_a_device_names_no_picture(write, load):
    folder = write({"a.png": 10, "list.csv": b"path,label\na.png,cat\n/dev/zero,dog\n"})
    with pytest.raises(DataError, match="/dev/zero"):
        load(folder / "list.csv")


@pytest.mark.parametrize("name", ["x", "x.csv", "x.npz", "x.npy", "x.zip", "x.tar", "x.parquet", "x.json"])
def test_a_pipe_is_no_source(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for look in (find_source, open_raw):
        with pytest.raises(DataError, match=r"x\S* is a pipe; expected a folder or a file"):
            look(str(tmp_path / name), ReadOptions(tmp_path))


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_source(tmp_path, name):
    with pytest.raises(DataError, match=f"{name} is a device"):
        find_source(name, ReadOptions(tmp_path))


def test_a_pipe_in_the_folder_of_a_built_in_set(tmp_path):
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    os.mkfifo(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte")
    with pytest.raises(DataError, match="train-images-idx3-ubyte: is a pipe; expected a file of mnist"):
        find_source(f"mnist:{tmp_path}", ReadOptions(tmp_path)).identity()


def test_single_pictures(write):
    folder = write(PLAIN)
    elsewhere = write({"c.png": 40}, folder="elsewhere")
    (folder / "foxes").symlink_to(elsewhere)
    os.mkfifo(folder / "cats" / "pipe")
    found = find_images([folder])
    assert [path.relative_to(folder).as_posix() for path in found] == [*PLAIN, "foxes/c.png"]
    with pytest.raises(DataError, match="pipe: is a pipe; expected an image or folder"):
        find_images([folder / "cats" / "pipe"])


def test_folders_with_two_links_each_to_the_next_are_walked_once(tmp_path):
    chain = tmp_path / "chain"
    for number in range(LINKED):
        (chain / str(number)).mkdir(parents=True)
        for name in ("x", "y") if number else ():
            (chain / str(number - 1) / name).symlink_to(chain / str(number))
    (chain / str(LINKED - 1) / "a.png").write_bytes(b"")
    top = tmp_path / "top"
    top.mkdir()
    (top / "in").symlink_to(chain / "0")
    for folder in (chain, top):
        begin = time.monotonic()
        walk = Walk(folder)
        assert time.monotonic() - begin < 0.5
        assert [parts[-1] for parts in walk.files] == ["a.png"]


def test_two_classes_in_one_folder_are_refused(write, load):
    folder = write(PLAIN)
    (folder / "foxes").symlink_to(folder / "dogs")
    with pytest.raises(DataError, match=r"foxes and dogs are one folder.*could be of either class"):
        load(folder)


def test_two_links_to_one_folder_are_no_two_classes(write, load):
    folder = write(PLAIN)
    elsewhere = write({"c.png": 40}, folder="elsewhere")
    for name in ("foxes", "wolves"):
        (folder / name).symlink_to(elsewhere)
    with pytest.raises(DataError, match="wolves and foxes are one folder"):
        load(folder)


def test_two_parts_in_one_folder_are_refused(write, load):
    folder = write({"train/cats/a.png": 1, "train/dogs/b.png": 2})
    (folder / "test").symlink_to(folder / "train")
    with pytest.raises(DataError, match=r"test and train are one folder.*could be of either part"):
        load(folder)


def test_a_second_name_within_a_class_is_no_doubt(write, load):
    folder = write({"cats/new/a.png": 10, "cats/b.png": 20, "dogs/a.png": 30})
    (folder / "cats" / "best").symlink_to(folder / "cats" / "new")
    assert values(load(folder).train) == [("cats", 10), ("cats", 20), ("dogs", 30)]
