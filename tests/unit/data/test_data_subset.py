"""Parts of stores."""

from dataclasses import replace

import numpy as np
import pytest
from data_helpers import noise

from acgan.data import extend, fingerprint, hold_out, limit_per_class, take
from acgan.types import Dataset, ImageStore

NAMES = tuple("abcd")


def make(labels, images=None):
    labels = np.asarray(labels, dtype=np.int64)
    images = noise((len(labels), 3, 4, 4)) if images is None else images
    return ImageStore(images, labels, NAMES, fingerprint(images, labels, NAMES))


@pytest.fixture
def store():
    labels = np.repeat([0, 1, 3], [40, 25, 7])  # no image of class 2
    return make(np.random.default_rng(0).permutation(labels))


def places(part, store):
    """Where a part's images lie in the store; images of ``store`` all differ."""
    where = {image.tobytes(): place for place, image in enumerate(store.images)}
    found = np.array([where[image.tobytes()] for image in part.images], dtype=np.int64)
    assert (part.labels == store.labels[found]).all()
    return found


def whole(store, **parts):
    return Dataset("set", store, take(store, np.empty(0, dtype=np.int64)), **parts)


def limit(store, count, seed):
    return limit_per_class(whole(store), count, seed=seed).train


def divided(store, share, seed):
    found = hold_out(whole(store), share, seed=seed)
    return found.train, found.validation


def check(part):
    assert part.fingerprint == fingerprint(part.images, part.labels, part.class_names)
    assert part.class_names == NAMES
    assert part.images.dtype == np.uint8
    assert part.labels.dtype == np.int64


def test_take_keeps_the_order_given(store):
    indices = np.array([5, 0, 71, 5])
    part = take(store, indices)
    check(part)
    assert (part.images == store.images[indices]).all()
    assert (part.labels == store.labels[indices]).all()
    assert part.fingerprint != take(store, indices[::-1]).fingerprint


def test_take_of_all_is_the_same_store(store):
    assert take(store, np.arange(len(store))).fingerprint == store.fingerprint


def test_take_of_none(store):
    part = take(store, np.empty(0, dtype=np.int64))
    check(part)
    assert part.images.shape == (0, 3, 4, 4)


def test_take_copies(store):
    part = take(store, np.arange(3))
    part.images[:] = 0
    part.labels[:] = 3
    assert fingerprint(store.images, store.labels, NAMES) == store.fingerprint


def test_take_reads_a_mapped_store(tmp_path, store):
    np.save(tmp_path / "i.npy", store.images)
    mapped = replace(store, images=np.load(tmp_path / "i.npy", mmap_mode="c"))
    part = take(mapped, np.arange(len(store)))
    assert type(part.images) is np.ndarray
    assert part.fingerprint == store.fingerprint


def test_limit_counts_and_keeps_the_order(store):
    for count, counts in ((1, [1, 1, 0, 1]), (10, [10, 10, 0, 7]), (1000, [40, 25, 0, 7])):
        part = limit(store, count, seed=0)
        check(part)
        assert np.bincount(part.labels, minlength=4).tolist() == counts
        assert (np.diff(places(part, store)) > 0).all()
    assert part.fingerprint == store.fingerprint


def test_limit_is_nested(store):
    larger = set(range(len(store)))
    for count in (30, 10, 3, 1):
        chosen = set(places(limit(store, count, seed=4), store).tolist())
        assert chosen < larger
        larger = chosen


def test_limit_is_seeded(store):
    first, same, other = (limit(store, 10, seed=seed).fingerprint for seed in (0, 0, 1))
    assert first == same
    assert first != other


def test_limit_of_a_class_depends_on_no_other(store):
    chosen = limit(store, 10, seed=0)
    for label in (0, 1):
        alone = limit(take(store, np.flatnonzero(store.labels == label)), 10, seed=0)
        assert (alone.images == chosen.images[chosen.labels == label]).all()


def test_limit_draws_classes_differently():
    store = make(np.repeat([0, 1], 100))
    chosen = places(limit(store, 50, seed=0), store)
    assert set((chosen[chosen < 100]).tolist()) != set((chosen[chosen >= 100] - 100).tolist())


def test_limit_draws_all_images_equally_often():
    store = make(np.zeros(10))
    times = np.zeros(10)
    for seed in range(1000):
        times[places(limit(store, 3, seed=seed), store)] += 1
    assert np.abs(times - 300).max() < 5 * np.sqrt(1000 * 0.3 * 0.7)


def test_limit_of_nothing(store):
    with pytest.raises(ValueError, match="count: found 0"):
        limit(store, 0, seed=0)


def test_hold_out_divides_each_class(store):
    kept, held = divided(store, 0.2, seed=0)
    check(kept)
    check(held)
    assert np.bincount(held.labels, minlength=4).tolist() == [8, 5, 0, 1]
    sides = places(kept, store), places(held, store)
    assert all((np.diff(side) > 0).all() for side in sides)
    assert sorted(np.concatenate(sides).tolist()) == list(range(len(store)))


def test_hold_out_is_seeded(store):
    first, same, other = (divided(store, 0.2, seed=seed)[1].fingerprint for seed in (0, 0, 1))
    assert first == same
    assert first != other


def test_hold_out_keeps_duplicates_together():
    images = np.repeat(noise((50, 1, 4, 4)), 2, axis=0)
    kept, held = divided(make(np.arange(100) // 2 % 4, images), 0.3, seed=0)
    assert len(held) > 20
    assert not {image.tobytes() for image in kept.images} & {image.tobytes() for image in held.images}


def test_hold_out_keeps_groups_together_and_generated_images_in_training(store):
    groups = np.arange(60) // 3
    dataset = whole(store, num_generated=12, groups=groups)
    found = hold_out(dataset, 0.3, seed=0)
    held = places(found.validation, store)
    kept = places(found.train, store)
    assert len(held) > 8
    assert held.max() < 60
    assert not set(groups[held]) & set(groups[kept[kept < 60]])
    assert kept[-12:].tolist() == list(range(60, 72))
    assert found.num_generated == 12
    assert found.groups.tolist() == groups[kept[:-12]].tolist()


def test_hold_out_without_groups_is_the_draw_of_before(store):
    """Runs are gone on with by the fingerprint of their training images."""
    _, held = divided(store, 0.2, seed=0)
    assert places(held, store).tolist() == [3, 9, 11, 15, 16, 22, 24, 38, 42, 50, 54, 64, 69, 70]
    assert held.fingerprint == "a773c10a6f3c0ef5e4d8a5abc155e89c"


def test_hold_out_warns_of_a_class_in_one_group(store):
    groups = np.where(store.labels == 1, 0, 1 + np.arange(len(store)))
    found = hold_out(whole(store, groups=groups), 0.2, seed=0)
    assert np.bincount(found.validation.labels, minlength=4).tolist() == [8, 0, 0, 1]
    (warning,) = found.warnings
    assert warning.startswith("Validation: No image of b could be held out")


def test_hold_out_of_generated_images_alone(store):
    found = hold_out(whole(store, num_generated=len(store)), 0.2, seed=0)
    assert len(found.validation) == 0
    assert found.train.fingerprint == store.fingerprint


def test_limit_takes_generated_images_last(store):
    found = limit_per_class(whole(store, num_generated=30, groups=np.arange(42)), 15, seed=0)
    real = np.bincount(store.labels[:42], minlength=4)
    chosen = places(found.train, store)
    taken = np.bincount(store.labels[chosen[chosen < 42]], minlength=4)
    assert taken.tolist() == np.minimum(real, 15).tolist()
    assert found.num_generated == (chosen >= 42).sum() > 0
    assert found.groups.tolist() == chosen[chosen < 42].tolist()


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_hold_out_of_no_share(store, share):
    with pytest.raises(ValueError, match="share: found"):
        divided(store, share, seed=0)


def test_extend_appends(store):
    images, labels = noise((3, 3, 4, 4), seed=1), np.array([2, 0, 3], dtype=np.uint64)
    larger = extend(store, images, labels)
    check(larger)
    assert take(larger, np.arange(len(store))).fingerprint == store.fingerprint
    assert (larger.images[len(store) :] == images).all()
    assert larger.labels[len(store) :].tolist() == [2, 0, 3]
    assert extend(store, images[:0], labels[:0]).fingerprint == store.fingerprint


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (noise((2, 3, 8, 8)), [0, 1], "images"),
        (noise((2, 1, 4, 4)), [0, 1], "images"),
        (noise((2, 3, 4)), [0, 1], "images"),
        (np.zeros((2, 3, 4, 4), np.float32), [0, 1], "images"),
        (noise((2, 3, 4, 4)), [0], "labels"),
        (noise((2, 3, 4, 4)), [[0], [1]], "labels"),
        (noise((2, 3, 4, 4)), [0.5, 1], "labels"),
        (noise((2, 3, 4, 4)), [0, 4], "labels"),
        (noise((2, 3, 4, 4)), [-1, 0], "labels"),
    ],
)
def test_extend_with_what_does_not_fit(store, images, labels, message):
    with pytest.raises(ValueError, match=f"{message}: "):
        extend(store, images, np.asarray(labels))
