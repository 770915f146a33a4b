"""Built-in sets, and what a source may be called."""

import gzip

import numpy as np
import pytest
import torchvision
from data_helpers import noise, options

from acgan.data import cache_dir, data_name, load_dataset
from acgan.data.sources.builtin import TorchvisionSource
from acgan.errors import DataError


def test_digits(load):
    from sklearn.datasets import load_digits

    data = load("digits", resolution=None, test_share=0.2)
    assert data.name == "digits"
    assert data.train.class_names == tuple("0123456789")
    assert data.train.images.shape[1:] == (1, 16, 16)
    assert len(data.train) + len(data.test) == 1797
    assert data.train.images.max() == 255
    padded = load("digits", fit="pad")
    digits = load_digits()
    expected = digits.images * 255 / 16
    assert np.abs(padded.train.images[:, 0, 4:12, 4:12] - expected).max() <= 0.5
    assert (padded.train.labels == digits.target).all()


def test_split_of_digits_is_the_same_for_every_seed(load):
    one, other = load("digits", test_share=0.2, seed=1), load("digits", test_share=0.2, seed=2)
    assert one.test.fingerprint == other.test.fingerprint
    assert len(load("digits", test_share=0.1).test) < len(one.test)


def idx(path, array, kind):
    header = bytes([0, 0, kind, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(header + array.tobytes())


@pytest.fixture
def mnist_root(tmp_path):
    """A small MNIST in the files that torchvision reads."""
    raw = tmp_path / "root" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 30), ("t10k", 10)):
        idx(raw / f"{part}-images-idx3-ubyte", noise((count, 28, 28), count), 8)
        idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 10, 8)
    return tmp_path / "root"


def test_mnist_from_disk(mnist_root, load, monkeypatch):
    for source, root in ((f"mnist:{mnist_root}", None), ("mnist", mnist_root)):
        data = load(source, root=root, resolution=None)
        assert data.name == "mnist"
        assert data.train.class_names == tuple("0123456789")
        assert (data.train.images[:, 0, 2:30, 2:30] == noise((30, 28, 28), 30)).all()
        assert (data.test.images[:, 0, 2:30, 2:30] == noise((10, 28, 28), 10)).all()
        # The second time the cache answers, without torchvision.
        monkeypatch.setattr(TorchvisionSource, "_load", lambda *_: pytest.fail("read again"))


def test_built_in_without_root_lies_in_the_cache(mnist_root):
    assert len(load_dataset("mnist", options(mnist_root)).test) == 10


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("mnist", r"train-images-idx3-ubyte\.gz.* into .*/MNIST/raw"),
        ("cifar10", r"cifar-10-python\.tar\.gz into "),
    ],
)
def test_download_that_fails(tmp_path, load, monkeypatch, capsys, name, files):
    def refuse(url, *args, **kwargs):
        raise OSError(f"no way to {url}")

    for module in (torchvision.datasets.mnist, torchvision.datasets.cifar):
        monkeypatch.setattr(module, "download_and_extract_archive", refuse)
    with pytest.raises(
        DataError, match=rf"{name} is not in .* could not be downloaded.*{files}.*{name}:FOLDER"
    ) as e:
        load(name, root=tmp_path / "none")
    assert "\n" not in str(e.value)
    assert capsys.readouterr().out == ""


def test_archives_put_there_by_hand_are_unpacked(tmp_path, mnist_root, monkeypatch, load):
    raw = mnist_root / "MNIST" / "raw"
    for path in list(raw.iterdir()):
        (raw / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", unpack_only)
    assert len(load(f"mnist:{mnist_root}").train) == 30


def unpack_only(url, download_root, filename, **_):
    from pathlib import Path

    path = Path(download_root) / filename
    path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "mnits",
            r"no path 'mnits'.*Did you mean 'mnist'.*Built-in: digits, mnist, fashion_mnist, cifar10, cifar100",
        ),
        ("mnits:data", r"Did you mean 'mnist'"),
        ("no/such/folder", r"there is no path 'no/such/folder'"),
        (r"C:\images", r"there is no path"),
        ("images", r"found 'images', which stands for images of your own; expected a folder"),
        ("digits:data", r"lie in no folder"),
    ],
)
def test_sources_that_do_not_exist(load, source, message):
    with pytest.raises(DataError, match=message):
        load(source)


def test_path_goes_before_a_name(write, load, monkeypatch, tmp_path):
    write({"k/a.png": 1, "m/a.png": 2}, "digits")
    monkeypatch.chdir(tmp_path)
    assert load("digits").train.class_names == ("k", "m")


def test_file_of_unknown_kind(tmp_path, load):
    (tmp_path / "a.rar").write_bytes(b"")
    with pytest.raises(DataError, match=r"ending '\.rar'; expected a folder or \.zip, "):
        load(tmp_path / "a.rar")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("mnist:../shared/data", "mnist"),
        ("cifar10", "cifar10"),
        ("some/where/my set.zip", "my_set"),
        ("list.csv", "list"),
        ("a/b.npz", "b"),
        ("some/photos.v2/", "photos.v2"),
        ("some/köter", "köter"),
    ],
)
def test_data_name(source, name):
    assert data_name(source) == name


def test_data_name_of_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "flowers").mkdir()
    monkeypatch.chdir(tmp_path / "flowers")
    assert data_name(".") == "flowers"


def test_cache_dir(monkeypatch, tmp_path):
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("ACGAN_CACHE")
    assert cache_dir().name == "acgan"


@pytest.mark.parametrize("option", [{"layout": "classes"}, {"columns": {"label": "x"}}, {"group": "folder"}])
def test_options_of_reading_say_nothing_of_built_in_sets(load, option):
    with pytest.raises(DataError, match="which says nothing about built-in sets"):
        load("digits", **option)
