"""Groups: read from paths, tied with copies, kept on one side."""

import numpy as np
import pytest
from data_helpers import noise

from acgan.data.splitting.divide import warn_of_shares
from acgan.data.splitting.groups import group_numbers, tie
from acgan.data.splitting.split import draw_held_out, duplicate_groups, image_digests, tell_blank_apart


@pytest.mark.parametrize(
    ("group", "numbers", "unmatched"),
    [
        ("folder", [0, 0, 1, 2, 3], 0),
        (r"p(\d+)_", [0, 1, 0, 2, 3], 1),  # the capture group
        (r"p\d+_", [0, 1, 0, 2, 3], 1),  # the whole match
        (r"(?:p(\d+)|x)_", [0, 1, 0, 2, 3], 1),  # x_ matches, and its capture group takes no part
        (r"^cat|dog", [0, 0, 1, 2, 3], 2),
    ],
)
def test_group_numbers(group, numbers, unmatched):
    paths = ["cat/p1_0.png", "cat/p2_0.png", "dog/p1_1.png", "fox/p30_x.png", "owl/x_0.png"]
    found, without = group_numbers(paths, group)
    assert found.tolist() == numbers
    assert found.dtype == np.int64
    assert without == unmatched


def test_a_path_without_a_match_is_no_group_of_that_name():
    numbers, unmatched = group_numbers(["a/a.png", "b", "x/b"], r"^[ax]/(.*)$")
    assert numbers.tolist() == [0, 1, 2]
    assert unmatched == 1


def test_tie_chains_copies_and_groups():
    copies = np.array([0, 1, 1, 2, 3, 4, 4])
    groups = np.array([7, 7, 5, 9, 9, 2, 1])
    tied = tie(copies, groups)
    assert tied.tolist() == [tied[0]] * 3 + [tied[3]] * 2 + [tied[5]] * 2
    assert sorted(set(tied.tolist())) == [0, 1, 2]
    assert tie(copies, None) is copies
    assert len(tie(copies[:0], groups[:0])) == 0


def test_ties_against_a_plain_search():
    rng = np.random.default_rng(0)
    for _ in range(20):
        copies = np.unique(rng.integers(0, 30, 40), return_inverse=True)[1]
        groups = rng.integers(0, 25, 40)
        number = np.arange(40)
        for _ in range(40):  # the smallest number spreads until nothing changes
            for keys in (copies, groups):
                for key in set(keys.tolist()):
                    number[keys == key] = number[keys == key].min()
        assert (np.unique(number, return_inverse=True)[1] == _in_order(tie(copies, groups))).all()


def _in_order(numbers):
    """Numbers in the order of their first places."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def test_blank_images_are_no_copies():
    images = noise((6, 3, 4, 4))
    images[[1, 3]] = 7
    images[5] = images[0]
    images[2] = np.arange(3)[:, None, None]  # one colour, not gray
    images[4] = images[2]
    rows = np.arange(6)
    copies = duplicate_groups(image_digests(images, rows))
    assert len(set(copies.tolist())) == 3
    apart = tell_blank_apart(images, rows, copies)
    assert len(set(apart.tolist())) == 5
    assert apart[5] == apart[0]


def test_a_draw_keeps_groups_together_and_near_the_share():
    rng = np.random.default_rng(0)
    for seed in range(10):
        groups = np.unique(rng.integers(0, 80, 600), return_inverse=True)[1]
        labels = rng.integers(0, 4, 600)
        held = draw_held_out(groups, labels, 0.2, seed, smallest_first=True)
        assert not set(groups[held]) & set(groups[~held])
        assert (np.bincount(labels[held]) <= np.rint(0.2 * np.bincount(labels))).all()
        assert held.sum() > 0.8 * 0.2 * 600


def test_of_large_groups_a_small_one_is_held_out():
    groups = np.repeat([0, 1, 2, 3], [40, 3, 40, 40])
    labels = np.zeros(123, dtype=np.int64)
    for seed in range(8):
        held = draw_held_out(groups, labels, 0.01, seed, smallest_first=True)
        assert set(groups[held]) == {1}


@pytest.mark.parametrize(
    ("held", "grouped", "expected"),
    [
        ([0, 0], True, ["No image of a, b could be held out: all of them belong to too few groups"]),
        ([0, 20], False, ["No image of a could be held out: all of them are copies of each other"]),
        ([70, 20], True, ["Held out are 70 of 100 of a, where 20% were asked for"]),
        ([70, 20], False, []),
        ([3, 20], True, ["Held out are 3 of 100 of a"]),
        ([15, 25], True, []),
    ],
)
def test_shares_that_groups_change_are_warned_of(held, grouped, expected):
    labels = np.repeat([0, 1], 100)
    mask = np.concatenate([np.arange(100) < number for number in held])
    found = warn_of_shares(mask, labels, ("a", "b"), 0.2, grouped)
    assert len(found) == len(expected)
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True))
