"""The order of batches, and batches on the device."""

import numpy as np
import pytest
import torch
from data_helpers import noise

from acgan.data.batches import BLOCK, WINDOW, BatchOrder, BlockShuffle, DeviceImages
from acgan.runtime import Draws
from acgan.types import ImageStore

SIZES = [1, 7, 255, 256, 257, 1000, 2048]
LARGE = BLOCK * WINDOW + 300


def stream(size, seed=0, purpose="order"):
    return BlockShuffle(size, Draws(seed), purpose)


@pytest.mark.parametrize("size", [*SIZES, LARGE, BLOCK * WINDOW + 100, 2 * BLOCK * WINDOW])
def test_each_epoch_visits_each_image_once(size):
    shuffle = stream(size)
    for epoch in range(3):
        ids = shuffle.indices(epoch * size, size)
        assert ids.dtype == np.int64
        assert (np.bincount(ids, minlength=size) == 1).all()


def test_epochs_seeds_and_streams_differ():
    first = stream(1000).indices(0, 1000)
    assert (stream(1000).indices(0, 1000) == first).all()
    others = [
        stream(1000).indices(1000, 1000),
        stream(1000, 1).indices(0, 1000),
        stream(1000, 0, "x").indices(0, 1000),
    ]
    for other in others:
        assert (other != first).mean() > 0.9


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_any_part_can_be_had(size, balance):
    labels = np.sort(np.random.default_rng(0).integers(0, 5, size))

    def order():
        return BatchOrder(labels, seed=3, balance=balance)

    whole = order().indices(0, 3 * size + 20)
    assert len(whole) == 3 * size + 20
    one_by_one = order()
    few = range(0, 3 * size + 20, 1 + size // 50)
    assert [int(one_by_one.indices(p, 1)[0]) for p in few] == whole[list(few)].tolist()
    backwards = order()
    for start in (2 * size, size - 1, 0):
        assert (backwards.indices(start, size + 3) == whole[start : start + size + 3]).all()
    assert len(order().indices(5, 0)) == 0


def test_part_across_windows():
    whole = stream(LARGE).indices(0, 2 * LARGE)
    for start in (BLOCK * WINDOW - 5, LARGE - 5, LARGE + BLOCK * WINDOW - 1):
        assert (stream(LARGE).indices(start, 300) == whole[start : start + 300]).all()


def test_no_image_always_comes_last():
    size = BLOCK * WINDOW + 100  # the last 100 of an epoch are the block that is cut short
    last = [set(stream(size).indices((epoch + 1) * size - 100, 100).tolist()) for epoch in range(2)]
    assert len(last[0] & last[1]) < 50


def test_sorted_data_mixes():
    labels = np.repeat(np.arange(10), 30_000)  # more than a window
    order = BatchOrder(labels, seed=0, balance=False)
    for position in (0, 100_000, 262_000):
        counts = np.bincount(labels[order.indices(position, 1000)], minlength=10)
        assert counts.min() > 50
        assert counts.max() < 250


def test_small_sets_are_shuffled_fully():
    # Where an image goes does not depend on where it came from, nor on where its neighbour goes.
    ids = np.stack([stream(1000, seed).indices(0, 1000) for seed in range(200)])
    assert np.abs(ids.mean(0) - 499.5).max() < 5 * 288.7 / np.sqrt(200)
    neighbours = (np.abs(np.diff(ids, axis=1)) == 1).mean()
    assert neighbours == pytest.approx(2 / 1000, rel=0.15)


def test_a_billion_images():
    labels = np.broadcast_to(np.int64(0), (10**9,))
    order = BatchOrder(labels, seed=0, balance=False)
    ids = order.indices(7 * 10**9 + 123_456_789, 1000)  # holds no more than a window of ids
    assert len(set(ids.tolist())) == 1000
    assert 0 <= ids.min() < ids.max() < 10**9
    # A window comes from no more than 1,024 places of the store.
    window = stream(10**9).indices(0, BLOCK * WINDOW)
    assert len(set(window.tolist())) == BLOCK * WINDOW
    runs = 1 + (np.diff(np.sort(window)) > 1).sum()
    assert runs <= WINDOW + 1


def test_balance_is_exact():
    labels = np.repeat([0, 2, 3], [3, 500, 40])  # no image of class 1
    order = BatchOrder(labels, seed=0, balance=True)
    ids = order.indices(0, 3 * 600)
    rounds = labels[ids].reshape(600, 3)
    assert (np.sort(rounds, axis=1) == [0, 2, 3]).all()
    assert len({tuple(visit) for visit in rounds.tolist()}) == 6  # in random order
    for label, count in ((0, 3), (2, 500), (3, 40)):
        visits = ids[labels[ids] == label]
        for epoch in range(600 // count):
            assert len(set(visits[epoch * count : (epoch + 1) * count])) == count


def test_classes_are_shuffled_independently():
    order = BatchOrder(np.repeat([0, 1], 100), seed=0, balance=True)
    ids = order.indices(0, 200)
    assert (ids[ids < 100] != ids[ids >= 100] - 100).mean() > 0.9


@pytest.fixture
def store():
    return ImageStore(noise((20, 3, 16, 16)), np.arange(20, dtype=np.int64) % 4, tuple("abcd"), "")


@pytest.mark.parametrize("room", [0, 1 << 20])
def test_batches_are_normalised_and_mirrored(store, room):
    source = DeviceImages(store, device=torch.device("cpu"), max_bytes_on_device=room)
    indices = np.array([5, 0, 19, 5])
    flip = np.array([True, False, True, False])
    before = store.images.copy()
    for mirrored in (None, flip):
        batch = source.batch(indices, mirrored)
        expected = store.images[indices].astype(np.float64)
        if mirrored is not None:
            expected[flip] = expected[flip][..., ::-1]
        assert batch.images.dtype == torch.float32
        assert np.abs(batch.images.numpy() - (expected / 127.5 - 1)).max() < 1e-6
        assert batch.images.is_contiguous()
        assert batch.labels.tolist() == [1, 0, 3, 1]
        assert batch.labels.dtype == torch.int64
    assert (store.images == before).all()


def test_extremes_are_exact():
    images = np.stack([np.zeros((1, 16, 16), np.uint8), np.full((1, 16, 16), 255, np.uint8)])
    store = ImageStore(images, np.zeros(2, np.int64), ("a",), "")
    batch = DeviceImages(store, device=torch.device("cpu"), max_bytes_on_device=1 << 20).batch(
        np.arange(2), None
    )
    assert batch.images[0].unique().tolist() == [-1]
    assert batch.images[1].unique().tolist() == [1]


def test_mapped_store_is_read_by_batch(tmp_path):
    images = noise((50, 1, 16, 16))
    np.save(tmp_path / "i.npy", images)
    mapped = np.load(tmp_path / "i.npy", mmap_mode="c")
    store = ImageStore(mapped, np.zeros(50, np.int64), ("a",), "")
    source = DeviceImages(store, device=torch.device("cpu"), max_bytes_on_device=0)
    batch = source.batch(np.array([49, 3]), None)
    assert np.abs((batch.images.numpy() + 1) * 127.5 - images[[49, 3]]).max() < 1e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("room", [0, 1 << 20])
def test_batches_on_a_gpu(store, room):
    indices, flip = np.arange(20), np.arange(20) % 2 == 0
    one, other = (
        DeviceImages(store, device=torch.device(kind), max_bytes_on_device=room).batch(indices, flip)
        for kind in ("cpu", "cuda")
    )
    assert other.images.is_cuda
    assert other.images.is_contiguous(memory_format=torch.channels_last)
    assert other.labels.is_cuda
    assert torch.allclose(one.images, other.images.cpu(), atol=1e-6)
    assert one.labels.tolist() == other.labels.tolist()
