"""What is remembered of images that pass by once."""

import gc
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from acgan.evaluation import bank as bank_module
from acgan.evaluation.bank import IMAGES_PER_CLASS, NUM_GROUPS, REST, Bank, make_plan
from acgan.extracting import Extracted

COUNTS = [9, 0, 21]


def test_groups_are_of_equal_size_in_all_and_within_a_class() -> None:
    plan = make_plan([27, 30, 26, 25], [27, 30, 26, 25], seed=0)
    for groups in plan.groups:
        sizes = np.bincount(groups, minlength=NUM_GROUPS)
        assert len(sizes) == NUM_GROUPS  # none is left over where both sides are equal
        assert sizes.max() - sizes.min() <= 1
    total = np.bincount(np.concatenate(plan.groups))
    assert total.max() - total.min() <= 1


def test_both_sides_have_groups_of_one_size_and_the_rest_is_in_none() -> None:
    small, large = make_plan([10, 40], [25, 12], seed=0), make_plan([25, 12], [10, 40], seed=0)
    for a, b in zip(small.groups, large.groups, strict=True):
        assert np.array_equal(np.bincount(a[a < REST]), np.bincount(b[b < REST]))
    assert [int((groups == REST).sum()) for groups in small.groups] == [0, 28]
    assert [int((groups == REST).sum()) for groups in large.groups] == [15, 0]


@pytest.mark.parametrize("fakes", [[40, 12, 30], [200, 150, 170], [33, 33, 33]])
def test_halves_of_both_sides_remember_equally_much(
    fakes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However unequal the sides are, and whatever share of each is kept."""
    monkeypatch.setattr(bank_module, "MAX_KEPT", 60)
    monkeypatch.setattr(bank_module, "IMAGES_PER_CLASS", 20)
    reals = [50, 30, 40]
    sides = []
    for counts, other in ((reals, fakes), (fakes, reals)):
        bank = Bank(make_plan(counts, other, seed=0), 2, 2, [False] * 3)
        for label, count in enumerate(counts):
            nothing = torch.zeros(count, 2)
            bank.add(label, torch.zeros(count, 1, 2, 2, dtype=torch.uint8), Extracted(nothing, nothing), None)
        sides.append(bank.view((0, 1)))
    for label in range(3):
        first, second = (
            (side.count(label), len(side.features(label)), len(side.images(label))) for side in sides
        )
        assert first == second
        assert min(first) > 0
    assert len(sides[0].features()) == len(sides[1].features())


def test_the_plan_depends_on_the_seed_alone() -> None:
    plans = [make_plan(COUNTS, COUNTS, seed=seed) for seed in (0, 0, 1)]
    assert all(np.array_equal(a, b) for a, b in zip(plans[0].groups, plans[1].groups, strict=True))
    assert not np.array_equal(plans[0].groups[2], plans[2].groups[2])
    assert not np.array_equal(plans[0].splits[2], plans[2].splits[2])


def test_each_split_of_the_inception_score_gets_its_share_of_each_class() -> None:
    plan = make_plan([100, 50], [100, 50], seed=0)
    assert np.bincount(plan.splits[0]).tolist() == [10] * 10
    assert np.bincount(plan.splits[1]).tolist() == [5] * 10


def filled(features: list[torch.Tensor], plan: bank_module.Plan, portion: int) -> Bank:
    bank = Bank(plan, dims=3, num_outputs=5, classwise=(True, False, False))
    # Classes take turns, to show that their order does not matter.
    for start in range(0, max(COUNTS), portion):
        for label, rows in enumerate(features):
            part = rows[start : start + portion]
            images = torch.full((len(part), 1, 2, 2), label, dtype=torch.uint8)
            predicted = (
                torch.full((len(part),), 2) if label == 2 else torch.tensor([0, -1, 1, 0] * 6)[: len(part)]
            )
            if len(part):
                bank.add(label, images, Extracted(part, torch.zeros(len(part), 5)), predicted)
    return bank


@pytest.fixture
def features() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(count, 3, generator=generator) + 100 for count in COUNTS]


@pytest.mark.parametrize("portion", [1, 4, 100])
def test_statistics_are_those_of_the_images(features: list[torch.Tensor], portion: int) -> None:
    plan = make_plan(COUNTS, COUNTS, seed=0)
    bank = filled(features, plan, portion)
    everything = torch.cat(features).double().numpy()
    found = bank.view().statistics()
    assert found.count == 30
    assert_close(found.mean.numpy(), everything.mean(0))
    assert_close(found.covariance.numpy(), np.cov(everything.T))
    inside = np.isin(np.concatenate(plan.groups), (1, 3))
    assert_close(bank.view((1, 3)).statistics().mean.numpy(), everything[inside].mean(0))
    assert bank.view((1, 3)).count() == inside.sum()


def test_a_class_has_statistics_of_its_own_where_they_are_wanted(features: list[torch.Tensor]) -> None:
    bank = filled(features, make_plan(COUNTS, COUNTS, seed=0), 4)
    assert_close(bank.view().statistics(0).mean, features[0].double().mean(0))
    assert bank.view().statistics(2).count == 0
    assert bank.view().count(2) == 21


def test_features_are_kept_in_the_order_of_classes_and_images(features: list[torch.Tensor]) -> None:
    plan = make_plan(COUNTS, COUNTS, seed=0)
    bank = filled(features, plan, 4)
    assert_close(bank.view().features(), torch.cat(features))
    assert_close(bank.view().features(2), features[2])
    assert_close(bank.view((0, 2)).features(2), features[2][np.isin(plan.groups[2], (0, 2))])
    assert bank.place(0) == (0, 0)
    assert bank.place(8) == (0, 8)
    assert bank.place(9) == (2, 0)  # the class in between has none
    assert bank.place(29) == (2, 20)


def test_of_many_images_a_share_is_kept(
    features: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_module, "MAX_KEPT", 10)
    plan = make_plan(COUNTS, COUNTS, seed=0)
    assert plan.kept == (3, 0, 7)
    bank = filled(features, plan, 4)
    assert_close(bank.view().features(), torch.cat([features[0][:3], features[2][:7]]))
    assert bank.view().statistics().count == 30


def test_the_nearest_distances_are_taken_along(features: list[torch.Tensor]) -> None:
    plan = make_plan(COUNTS, COUNTS, seed=0)
    bank = filled(features, plan, 4)
    assert bank.view().nearest() is None
    bank.nearest = torch.arange(30.0)
    found = bank.view((0, 1)).nearest(2)
    assert found is not None
    assert_close(found, torch.arange(9.0, 30.0)[np.isin(plan.groups[2], (0, 1))])


def test_confusion_counts_by_class_and_leaves_unknown_classes_out(features: list[torch.Tensor]) -> None:
    bank = filled(features, make_plan(COUNTS, COUNTS, seed=0), 4)
    # Class a: portions of 4, 4 and 1 images, seen as a, none of ours, b, a and so on.
    assert bank.view().confusion().tolist() == [[5, 2, 0], [0, 0, 0], [0, 0, 21]]


def test_at_most_so_many_images_of_a_class_are_kept() -> None:
    count = IMAGES_PER_CLASS + 20
    plan = make_plan([count], [count], seed=0)
    bank = Bank(plan, 2, 2, [False])
    images = torch.arange(count, dtype=torch.uint8).reshape(-1, 1, 1, 1)
    for part in images.split(50):
        bank.add(0, part, Extracted(torch.zeros(len(part), 2), torch.zeros(len(part), 2)), None)
    assert_close(bank.view().images(0), images[:IMAGES_PER_CLASS])
    first = plan.groups[0][:IMAGES_PER_CLASS] == 0
    assert_close(bank.view((0,)).images(0), images[:IMAGES_PER_CLASS][first])
    assert bank.view().confusion() is None


def held(bank: Bank) -> int:
    """Bytes of the storages of all tensors and arrays that a bank holds on to, its plan left out."""
    storages: dict[int, int] = {}
    seen: set[int] = set()
    ahead: list[Any] = [vars(bank)]
    for thing in ahead:  # it grows meanwhile
        if id(thing) in seen or isinstance(thing, (type, bank_module.Plan)):
            continue
        seen.add(id(thing))
        if isinstance(thing, torch.Tensor):
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
        elif isinstance(thing, np.ndarray):
            storages[thing.__array_interface__["data"][0]] = thing.nbytes
        else:
            ahead.extend(gc.get_referents(thing))
    return sum(storages.values())


def test_memory_does_not_grow_with_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_module, "MAX_KEPT", 200)
    sizes = []
    for count in (300, 3000):
        counts = [count, count]
        bank = Bank(make_plan(counts, counts, seed=0), 8, 4, [True, False])
        for label in (0, 1):
            for start in range(0, count, 50):
                images = torch.full((50, 3, 8, 8), (label + start) % 256, dtype=torch.uint8)
                bank.add(
                    label, images, Extracted(torch.randn(50, 8), torch.randn(50, 4)), torch.zeros(50).long()
                )
        sizes.append(held(bank))
        assert bank.view().count() == bank.view().statistics().count == 2 * count
    assert sizes[0] == sizes[1]
    # Features and images that are kept, and no more than as much again of sums.
    kept = 4 * 200 * 8 + 2 * IMAGES_PER_CLASS * 3 * 8 * 8
    assert kept < sizes[1] < 2 * kept
