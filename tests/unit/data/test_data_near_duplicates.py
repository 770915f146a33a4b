"""Near-duplicates: altered copies are found, images that only look alike are not."""

import io

import numpy as np
import pytest
from data_helpers import noise
from PIL import Image
from sklearn.datasets import load_digits

from acgan.data.splitting import near_duplicates
from acgan.data.splitting.near_duplicates import find_near_duplicates


def pictures(number, side=32, seed=0):
    """Random pictures with large and small structures, (N, 3, side, side) uint8."""
    out = np.zeros((number, 3, side, side))
    for cells, weight in ((3, 0.5), (7, 0.3), (15, 0.2)):
        coarse = np.moveaxis(noise((number, 3, cells, cells), seed + cells), 1, 3)
        for place, one in enumerate(coarse):
            resized = Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)
            out[place] += weight * np.moveaxis(np.asarray(resized), 2, 0)
    return out.astype(np.uint8)


def each(images, alter):
    return np.stack(
        [np.moveaxis(np.asarray(alter(Image.fromarray(np.moveaxis(one, 0, 2)))), 2, 0) for one in images]
    )


def jpeg(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=60)
    return Image.open(file)


def cropped(image, pixels):
    side = image.width
    return image.resize(
        (side, side), Image.Resampling.BICUBIC, box=(pixels, pixels, side - pixels, side - pixels)
    )


@pytest.fixture(scope="module")
def train():
    return pictures(300)


@pytest.mark.parametrize(
    "alter",
    [
        jpeg,
        lambda image: image.point(lambda value: value + 5),
        lambda image: image.point(lambda value: value - 5),
        lambda image: image.point(lambda value: 40 + value // 2),
        lambda image: cropped(image, 1),
        lambda image: cropped(image, 2),
        lambda image: image.resize((24, 24)).resize((32, 32)),
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: jpeg(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    ],
    ids=["jpeg", "brighter", "darker", "contrast", "crop 1", "crop 2", "resize", "mirror", "mirror jpeg"],
)
@pytest.mark.parametrize("turned", [False, True], ids=["copy held out", "copy trained on"])
def test_altered_copies_are_found(train, alter, turned):
    copies = each(train[::10], alter)
    if turned:
        mixed = train.copy()
        mixed[::10] = copies
        search = find_near_duplicates(mixed, train[::10])
    else:
        search = find_near_duplicates(train, copies)
    right = [match for match in search.matches if match.train == 10 * match.held_out]
    assert len(right) == len(search.matches) >= 27
    assert search.searched == 30
    distances = [match.distance for match in search.matches]
    assert distances == sorted(distances)


def test_other_images_are_not(train):
    assert find_near_duplicates(train, pictures(100, seed=100)).matches == ()


def test_copies_that_lie_in_training_several_times_are_found(train):
    """As in a folder that was augmented before it was split."""
    mixed = np.concatenate([train, *(each(train[:50], lambda image: cropped(image, 1)) for _ in range(3))])
    search = find_near_duplicates(mixed, each(train[:50], jpeg))
    assert len(search.matches) == 50
    assert {match.train for match in search.matches} == set(range(50))


@pytest.mark.parametrize("size", [3, 20, 200, 1400])
def test_digits_that_look_alike_are_not(size):
    digits = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)
    large = np.stack(
        [np.asarray(Image.fromarray(one).resize((16, 16), Image.Resampling.BICUBIC)) for one in digits]
    )
    order = np.random.default_rng(size).permutation(len(large))
    images = large[order][:, None]
    assert find_near_duplicates(images[:size], images[size : size + 390]).matches == ()
    assert len(find_near_duplicates(images[:size], images[:3]).matches) == 3


def test_flat_images_say_nothing(train):
    flat = np.full((40, 3, 32, 32), 90, dtype=np.uint8)
    flat[:, :, 8:] += 2  # all alike, with next to no contrast
    assert find_near_duplicates(flat, flat).matches == ()
    mixed = np.concatenate([train, flat])
    search = find_near_duplicates(mixed, np.concatenate([train[:2], flat]))
    assert sorted((match.held_out, match.train) for match in search.matches) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("side", [8, 16, 20, 28, 30, 48, 64, 75])
def test_sides(side):
    images = pictures(60, side)
    copies = each(images[:10], lambda image: cropped(image, side / 64))
    assert len(find_near_duplicates(images, copies).matches) == 10


def test_blocks_change_nothing(train, monkeypatch):
    held_out = np.concatenate([each(train[:20], lambda image: cropped(image, 1)), pictures(30, seed=50)])
    whole = find_near_duplicates(train, held_out)
    monkeypatch.setattr(near_duplicates, "_TRAIN_BLOCK", 17)
    monkeypatch.setattr(near_duplicates, "_QUERY_BLOCK", 13)
    parts = find_near_duplicates(train, held_out)
    assert [(one.held_out, one.train) for one in parts.matches] == [
        (one.held_out, one.train) for one in whole.matches
    ]
    assert len(whole.matches) == 20


def test_of_many_images_evenly_spaced_ones_are_searched_for(train, monkeypatch):
    monkeypatch.setattr(near_duplicates, "COMPARISONS", 300 * 30)
    search = find_near_duplicates(train, train)
    assert search.searched == len(search.matches) == 30
    assert {match.held_out for match in search.matches} == set(np.linspace(0, 299, 30).astype(int).tolist())


def test_of_no_images_there_are_none(train):
    assert find_near_duplicates(train, train[:0]).matches == ()
    assert find_near_duplicates(train[:0], train).matches == ()


@pytest.mark.parametrize("side", [16, 28, 48])
def test_cells_are_means_of_the_area_that_they_cover(side):
    images = noise((2, 3, side, side), 1)
    fine = images.mean(axis=1).repeat(16, axis=1).repeat(16, axis=2)  # 16 cells divide it
    expected = fine.reshape(2, 16, side, 16, side).mean(axis=(2, 4))
    np.testing.assert_allclose(near_duplicates._gray(images, np.arange(len(images)), 16), expected, rtol=1e-5)
