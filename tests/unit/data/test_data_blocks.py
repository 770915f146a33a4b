"""Blocks of stored images: each is checked, all at once or when it is first touched."""

import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from data_helpers import noise, options

from acgan.data import DeviceImages, blocks, load, pack, store
from acgan.data.blocks import Blocks, FirstTouch, MappedImages
from acgan.errors import DataError


@pytest.fixture(autouse=True)
def few_images_a_block(monkeypatch):
    monkeypatch.setattr(blocks, "_BLOCK_BYTES", 3 * 3 * 16 * 16 + 5)


@pytest.fixture
def file(tmp_path):
    """20 images on the disk, 3 a block."""
    np.save(tmp_path / "images.npy", noise((20, 3, 16, 16)))
    return tmp_path / "images.npy"


def flip(file, image):
    """Change a byte of an image."""
    content = bytearray(file.read_bytes())
    content[len(content) - (20 - image) * 768 + 99] ^= 4
    file.write_bytes(content)


def mapped(file, part=slice(None)):
    images = np.load(file, mmap_mode="c")
    found = Blocks.of(noise((20, 3, 16, 16)))
    return MappedImages.part(images, part, FirstTouch(file, images, found))


def test_each_block_has_a_check():
    images = noise((20, 3, 16, 16))
    found = Blocks.of(images)
    assert (found.size, len(found.checks), len(set(found.checks))) == (3, 7, 7)
    assert found.damaged(images) == []
    images[19, 2, 15, 15] ^= 1
    images[4, 0, 0, 0] ^= 128
    assert found.damaged(images) == [1, 6]
    assert found.told([1, 6], 20).startswith(
        "the pixels of images 3 to 5, 18 to 19 of 20, counted from 0, changed"
    )
    assert "and of 3 more blocks of 20" in found.told([0, 1, 2, 3, 4, 6], 20)
    assert Blocks.of(images[:0]) == Blocks(3, [])


TOUCH = {
    "a number": (7, 4),
    "a negative number": (-13, -16),
    "numbers": (np.array([0, 7]), np.array([0, 5])),
    "a list": ([0, 7], [0, 5]),
    "a slice": (slice(5, 9), slice(0, 6)),
    "a slice backwards": (slice(None, 5, -1), slice(5, None, -1)),
    "a mask": (np.arange(20) == 8, np.arange(20) < 6),
    "several axes": ((np.array([8]), 0), (np.array([5]), 0)),
}


@pytest.mark.parametrize("how", TOUCH)
def test_what_is_taken_is_checked_and_nothing_else(file, how):
    touching, beside = TOUCH[how]
    flip(file, 6)
    plain, images = np.load(file), mapped(file)
    assert type(images[beside]) is np.ndarray
    assert (images[beside] == plain[beside]).all()
    with pytest.raises(
        DataError, match=r"images\.npy is damaged: the pixels of images 6 to 8 of 20.*Delete the folder"
    ):
        images[touching]


@pytest.mark.parametrize(
    "read",
    [
        lambda images: images.transpose(0, 2, 3, 1),
        lambda images: images.copy(),
        lambda images: images.reshape(20, -1),
        lambda images: images[:],
        lambda images: images[..., 0],
        lambda images: images[:, 0],
        lambda images: images[images > 200],
        lambda images: images[np.zeros((2, 2), int)],
        lambda images: images == 3,
    ],
)
def test_other_ways_to_read_check_all(file, read):
    assert (np.asarray(read(mapped(file))) == np.asarray(read(np.load(file)))).all()
    flip(file, 6)
    with pytest.raises(DataError, match="images 6 to 8"):
        read(mapped(file))


def test_a_part_knows_where_it_begins(file):
    flip(file, 12)
    train, test = mapped(file, slice(None, 12)), mapped(file, slice(12, None))
    assert train[:].shape == (12, 3, 16, 16)
    assert (test[3:] == np.load(file)[15:]).all()
    for rows in (0, np.array([2]), -8):
        with pytest.raises(DataError, match="images 12 to 14"):
            test[rows]
    assert len(mapped(file, slice(20, None))[:]) == 0


def test_a_block_is_checked_once(file, monkeypatch):
    images, checked = mapped(file), []
    original = blocks._check_of
    monkeypatch.setattr(blocks, "_check_of", lambda part: checked.append(1) or original(part))
    for rows in (np.array([0, 1, 19]), np.array([2, 18, 0]), 1, slice(0, 3)):
        images[rows]
    assert len(checked) == 2
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda row: images[row], range(20)))
    seen = len(checked)
    assert seen >= 7
    images[:]
    assert len(checked) == seen


def test_batches_check_what_they_touch(file):
    flip(file, 19)
    images = SimpleNamespace(images=mapped(file), labels=np.zeros(20, np.int64))
    source = DeviceImages(images, device=torch.device("cpu"), max_bytes_on_device=1 << 30)
    source.batch(np.arange(18), None)
    with pytest.raises(DataError, match="images 18 to 19"):
        source.batch(np.array([3, 18]), None)


@pytest.mark.parametrize("large", [False, True])
def test_a_cache_of_a_version_without_blocks_is_made_anew(tmp_path, write, monkeypatch, large):
    if large:
        monkeypatch.setattr(pack, "LARGE_BYTES", 1000)
    folder = write({f"{label}/{number}.png": number for number in range(5) for label in "ab"})
    first = load.load_dataset(str(folder), options(tmp_path / "cache"))
    (entry,) = store.Cache(tmp_path / "cache" / "datasets").entries()
    meta = store._read_meta(entry / "meta.json")
    del meta["blocks"]
    (entry / "meta.json").write_text(json.dumps({"digest": store._digest(meta), "meta": meta}))
    assert store.damage_of(entry) is None, "no training of this version reads it"
    again = load.load_dataset(str(folder), options(tmp_path / "cache"))
    assert again.train.fingerprint == first.train.fingerprint
    assert "blocks" in store._read_meta(entry / "meta.json")
