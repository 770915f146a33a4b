"""The real sets, where they are at hand."""

import zipfile

import numpy as np
import pytest


@pytest.fixture
def cifar(shared_data):
    path = shared_data / "cifar10_jpg.zip"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


@pytest.mark.slow
def test_mnist(shared_data, load):
    if not (shared_data / "MNIST" / "raw").is_dir():
        pytest.skip(f"no MNIST in {shared_data}")
    data = load(f"mnist:{shared_data}", resolution=None)
    assert data.train.images.shape == (60_000, 1, 32, 32)
    assert data.test.images.shape == (10_000, 1, 32, 32)
    assert data.train.class_names == tuple("0123456789")
    counts = np.bincount(data.train.labels)
    assert counts.min() > 5_000
    border = data.train.images.copy()
    border[..., 2:30, 2:30] = 0
    assert border.max() == 0  # black, as MNIST's own border
    assert data.warnings == ()


@pytest.mark.slow
def test_whole_of_cifar(cifar, load):
    from PIL import Image

    data = load(cifar, resolution=None)
    assert data.train.images.shape == (50_000, 3, 32, 32)
    assert np.bincount(data.train.labels).tolist() == [5_000] * 10
    assert np.bincount(data.test.labels).tolist() == [1_000] * 10
    with zipfile.ZipFile(cifar) as archive, archive.open("train/cat/0000.jpg") as file:
        expected = np.asarray(Image.open(file)).transpose(2, 0, 1)
    assert (data.train.images[data.train.labels == 3][0] == expected).all()
    (warning,) = data.warnings  # it is known for them
    assert "nearly the same as a training image" in warning
