"""Test images that are held out: their number, what they depend on, and duplicates on one side."""

import numpy as np
import pytest
from data_helpers import noise, values

from acgan.data.splitting.split import draw_held_out, duplicate_groups, image_digests


def held_per_class(labels, share, seed=0, groups=None):
    groups = np.arange(len(labels)) if groups is None else groups
    held = draw_held_out(groups, labels, share, seed)
    return np.bincount(labels[held], minlength=labels.max() + 1).tolist()


def test_split_is_stratified():
    labels = np.repeat(np.arange(5), [100, 50, 5, 4, 1])
    assert held_per_class(labels, 0.2) == [20, 10, 1, 0, 0]
    assert held_per_class(labels, 0.01) == [1, 1, 1, 0, 0]
    assert held_per_class(labels, 0.0) == [0] * 5
    assert held_per_class(labels, 0.999) == [99, 49, 4, 0, 0]


def test_split_is_a_function_of_the_seed():
    labels = np.arange(200) % 2
    draw = [draw_held_out(np.arange(200), labels, 0.2, seed) for seed in (0, 0, 1)]
    assert (draw[0] == draw[1]).all()
    assert (draw[0] != draw[2]).any()


@pytest.mark.parametrize("seed", [0, 5])
def test_what_is_held_out_of_a_class_depends_on_no_other_class_and_hardly_on_images_to_come(seed):
    digests = np.random.default_rng(2).integers(0, 2**63, 600).astype(np.uint64)
    labels, groups = np.arange(600) % 3, np.unique(digests, return_inverse=True)[1]

    def held(rows):
        numbers = np.unique(groups[rows], return_inverse=True)[1]
        mask = draw_held_out(numbers, labels[rows], 0.2, seed, digests=digests[rows])
        return set(rows[mask].tolist())

    everything = np.arange(600)
    whole = held(everything)
    assert len(whole) == 120
    for label in range(3):
        of_class = everything[labels == label]
        assert held(of_class) == whole & set(of_class.tolist())
        assert held(of_class[::-1]) == held(of_class)
    fewer = held(everything[:500])
    assert len(fewer - whole) <= 6  # of 100: what more images push out
    other = draw_held_out(groups, labels, 0.2, seed + 1, digests=digests)
    assert 10 < len(whole & set(np.flatnonzero(other))) < 45  # 24 by chance


def test_duplicates_stay_on_one_side():
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 150, 400)  # shared across classes too
    labels = np.arange(400) % 4
    for seed in range(20):
        held = draw_held_out(groups, labels, 0.2, seed)
        assert not set(groups[held]) & set(groups[~held])
        counts = np.bincount(labels[held], minlength=4)
        assert (counts > 12).all()
        assert (counts <= 20).all()


def test_duplicates_larger_than_the_share():
    labels = np.zeros(10, dtype=np.int64)
    assert held_per_class(labels, 0.1, groups=np.repeat(np.arange(5), 2)) == [2]
    assert held_per_class(labels, 0.1, groups=np.zeros(10, dtype=np.int64)) == [0]  # all the same image


def test_duplicate_groups():
    images = noise((6, 1, 16, 16))
    images[4] = images[1]
    groups = duplicate_groups(image_digests(images, np.array([0, 1, 4, 5])))
    assert groups[1] == groups[2]
    assert len(set(groups.tolist())) == 3


def test_duplicates_in_a_folder(write, load):
    files = {f"k/{number}.png": number // 2 for number in range(40)}
    files |= {f"l/{number}.png": 100 + number for number in range(10)}
    data = load(write(files), test_share=0.2)
    assert len(data.test) == 8 + 2
    assert not set(values(data.train)) & set(values(data.test))
    assert any("held out: 10 of 50 images, 20% a class (seed 0)" in note for note in data.notes)
