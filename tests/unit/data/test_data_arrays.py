"""Arrays: .npz files, PyTorch datasets, built-in sets; and what a source may be called."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from data_helpers import noise, options
from PIL import Image

from acgan._torchvision import torchvision
from acgan.data import cache_dir, data_name, dataset_from_torch, load_dataset
from acgan.data.builtin import TorchvisionSource
from acgan.errors import DataError


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "arrays.npz", **arrays)
        return tmp_path / "arrays.npz"

    return write


GRAY, RGB = noise((4, 16, 16)), noise((4, 16, 16, 3))
LABELS = np.array([3, 1, 3, 1])


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (GRAY, GRAY[:, None]),
        (GRAY[..., None], GRAY[:, None]),
        (GRAY[:, None], GRAY[:, None]),
        (RGB, RGB.transpose(0, 3, 1, 2)),
        (RGB.transpose(0, 3, 1, 2), RGB.transpose(0, 3, 1, 2)),
    ],
)
@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None].astype(np.uint8)])
def test_npz_layouts(npz, load, images, labels, expected):
    data = load(npz(images=images, labels=labels))
    assert data.name == "arrays"
    assert (data.train.images == expected).all()
    assert data.train.labels.tolist() == [1, 0, 1, 0]
    assert data.train.class_names == ("1", "3")


def test_npz_integer_labels_sort_by_number(npz, load):
    assert load(npz(images=GRAY, labels=np.array([10, 9, 2, 1]))).train.class_names == ("1", "2", "9", "10")


def test_npz_class_names(npz, load):
    data = load(npz(images=GRAY, labels=np.array([2, 0, 2, 0]), class_names=np.array(["z", "unused", "a"])))
    assert data.train.class_names == ("z", "a")
    assert data.train.labels.tolist() == [1, 0, 1, 0]
    assert any("without a single image: unused" in note for note in data.notes)
    assert load(npz(images=GRAY, labels=np.array(["b", "a", "b", "a"]))).train.class_names == ("a", "b")


@pytest.mark.parametrize("held", ["test", "val"])
def test_npz_of_medmnist(npz, load, held):
    parts = {"train": noise((5, 28, 28), 1), "val": noise((3, 28, 28), 2), "test": noise((2, 28, 28), 3)}
    if held == "val":
        del parts["test"]
    arrays = {f"{part}_images": images for part, images in parts.items()}
    arrays |= {f"{part}_labels": np.arange(len(images))[:, None] % 2 for part, images in parts.items()}
    data = load(npz(**arrays), resolution=None, test_share=0.5)
    assert (data.train.images[:, 0, 2:30, 2:30] == parts["train"]).all()
    assert (data.test.images[:, 0, 2:30, 2:30] == parts[held]).all()
    assert data.test.labels.tolist() == [0, 1, 0][: len(parts[held])]
    assert any("unused: val" in note for note in data.notes) == (held == "test")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": GRAY}, r"holds x; expected images and labels, or train_images"),
        (
            {"images": GRAY.astype(np.float32), "labels": LABELS},
            r"images of type float32 with values from 0 to 255; expected uint8",
        ),
        (
            {"images": noise((4, 16, 16, 16)), "labels": LABELS},
            r"shape \(4, 16, 16, 16\); expected \(N, H, W\)",
        ),
        ({"images": GRAY[0], "labels": LABELS}, r"images of shape \(16, 16\)"),
        ({"images": GRAY, "labels": LABELS[:3]}, r"labels of shape \(3,\).*each of the 4 images"),
        ({"images": GRAY, "labels": np.zeros((4, 14), int)}, r"labels of shape \(4, 14\)"),
        ({"images": GRAY, "labels": LABELS.astype(float)}, r"type float64; expected an integer"),
        (
            {"images": GRAY, "labels": LABELS, "class_names": np.array(["a", "b"])},
            r"labels from 1 to 3 and 2 class",
        ),
        (
            {"images": GRAY, "labels": LABELS, "class_names": np.array(["a"] * 4)},
            r"list of different strings",
        ),
        ({"images": GRAY, "labels": LABELS.astype(str), "class_names": np.array(["1"])}, r"give one of them"),
        ({"images": GRAY, "labels": LABELS.astype(object)}, r"cannot be read: .*plain arrays"),
        ({"images": GRAY[:0], "labels": LABELS[:0]}, r"No images are left"),
        ({"train_images": GRAY, "train_labels": LABELS, "test_images": GRAY}, r"has no test_labels"),
    ],
)
def test_npz_errors(npz, load, arrays, message):
    with pytest.raises(DataError, match=message):
        load(npz(**arrays))


def test_npz_with_flipped_bits(tmp_path, load):
    file, draws, said = tmp_path / "a.npz", np.random.default_rng(0), []
    np.savez_compressed(file, images=GRAY, labels=np.arange(4) % 2)
    content = file.read_bytes()
    for at in draws.integers(0, 8 * len(content), 150).tolist():
        flipped = bytearray(content)
        flipped[at // 8] ^= 1 << at % 8
        file.write_bytes(flipped)
        try:
            assert load(file).train.num_classes == 2
        except DataError as error:
            said.append(str(error))
    assert len(said) > 75
    assert all(str(file) in text and "\n" not in text for text in said)


def test_npz_that_is_none(tmp_path, load):
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"a\.npz cannot be read"):
        load(tmp_path / "a.npz")


class Pairs(torch.utils.data.Dataset):
    def __init__(self, images, labels, classes=None):
        self.images, self.labels = images, labels
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, row):
        return self.images[row], self.labels[row]


def from_torch(dataset, **changes):
    return dataset_from_torch(dataset, "mine", options(Path("unused"), **changes))


CHW = torch.from_numpy(RGB.transpose(0, 3, 1, 2).copy())


@pytest.mark.parametrize(
    "images",
    [
        [Image.fromarray(image) for image in RGB],
        CHW,
        CHW.float() / 255,
        CHW.double() / 255,
        RGB,
        RGB.astype(np.float32) / 255,
    ],
)
def test_torch_images(images):
    data = from_torch(Pairs(images, [0, 1, 0, 1]))
    assert data.name == "mine"
    assert (data.train.images == CHW.numpy()).all()
    assert data.train.labels.tolist() == [0, 1, 0, 1]
    assert data.train.class_names == ("0", "1")


@pytest.mark.parametrize(
    "images", [GRAY, torch.from_numpy(GRAY), torch.from_numpy(GRAY)[:, None], GRAY[..., None]]
)
def test_torch_gray_images(images):
    assert (from_torch(Pairs(images, [0] * 4)).train.images[:, 0] == GRAY).all()


def test_torch_dataset_keeps_its_own_images():
    image = Image.fromarray(RGB[0])
    image.getexif()[0x0112] = 6
    dataset = Pairs([image], [0])
    before = image.tobytes()
    from_torch(dataset)
    assert image.tobytes() == before


def test_torch_labels_and_names():
    labels = [torch.tensor(2), np.int64(0), 2, np.array(0)]
    assert from_torch(Pairs(GRAY, labels)).train.class_names == ("0", "2")
    named = from_torch(Pairs(GRAY, labels, classes=["a", "b", "c"]))
    assert named.train.class_names == ("a", "c")
    assert named.train.labels.tolist() == [1, 0, 1, 0]
    decomposed = from_torch(Pairs(GRAY, labels, classes=["e\u0301", "b", "c"]))
    assert decomposed.train.class_names == ("\u00e9", "c"), "composed, as the names of folders are"


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Pairs(CHW.float(), [0] * 4), r"mine\[0\] has values from 0 to 255; expected floats from 0 to 1"),
        (Pairs([torch.full((1, 4, 4), torch.nan)], [0]), r"values from nan"),
        (Pairs(CHW.int(), [0] * 4), r"has the type int32; expected uint8"),
        (Pairs([torch.zeros(2, 8, 8)], [0]), r"has the shape \(8, 8, 2\)"),
        (Pairs(["file.png"], [0]), r"is a str; expected a PIL image"),
        (Pairs(GRAY, ["cat"] * 4), r"has the label 'cat'; expected a whole number"),
        (Pairs(GRAY, [0.5] * 4), r"has the label 0.5"),
        (Pairs(GRAY, [-1] * 4), r"has the label -1"),
        (Pairs(GRAY, [3] * 4, classes=["a"]), r"has the label 3 but 1 class names"),
        (Pairs([], []), r"mine is an empty dataset"),
    ],
)
def test_torch_errors(dataset, message):
    with pytest.raises(DataError, match=message):
        from_torch(dataset)


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
        ("images", r"found 'images', which stands for images of your own; expected --data"),
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
