"""Zips as StyleGAN reads them."""

import io
import json
import zipfile

import numpy as np
import pytest
from data_helpers import noise
from PIL import Image

from acgan.data import write_stylegan_zip
from acgan.types import ImageStore


def _store(count, channels=3, seed=0):
    images = noise((count, channels, 16, 16), seed)
    return ImageStore(images, np.arange(count) % 2, ("cat", "Hünde"), "0" * 32)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_labels_and_parts(channels, tmp_path):
    train, test = _store(1001, channels), _store(3, channels, seed=1)
    seen = []
    file = tmp_path / "a.zip"
    write_stylegan_zip(file, {"train": train, "test": test}, lambda *done: seen.append(done))
    with zipfile.ZipFile(file) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        content = json.loads(archive.read("dataset.json"))
        names = [name for name, _ in content["labels"]]
        assert archive.namelist() == [*names, "dataset.json"]
        assert names[0] == "00000/img00000000.png"
        assert names[1000] == "00001/img00001000.png"
        assert content["class_names"] == ["cat", "Hünde"]
        assert content["test"] == names[1001:]
        assert content.keys() == {"labels", "class_names", "test"}
        images = np.concatenate([train.images, test.images])
        labels = [*train.labels.tolist(), *test.labels.tolist()]
        assert [label for _, label in content["labels"]] == labels
        for number in (0, 999, 1000, 1003):
            with Image.open(io.BytesIO(archive.read(names[number]))) as image:
                assert image.mode == ("L" if channels == 1 else "RGB")
                pixels = np.asarray(image).reshape(16, 16, channels).transpose(2, 0, 1)
            assert (pixels == images[number]).all()
    assert seen[-1] == (1004, 1004)


def test_the_same_images_give_the_same_bytes(tmp_path):
    files = [tmp_path / name for name in ("a.zip", "b.zip")]
    for file in files:
        write_stylegan_zip(file, {"train": _store(4)})
    assert files[0].read_bytes() == files[1].read_bytes()
