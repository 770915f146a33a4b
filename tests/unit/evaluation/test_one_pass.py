"""One pass over samples and real images: every metric of the registry, and the floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from eyes import Projection, Replay, make_store
from torch.testing import assert_close

from acgan.data import take
from acgan.evaluation import (
    METRICS,
    Context,
    Judge,
    Pass,
    Reference,
    class_counts,
    look_at_reference,
    look_at_samples,
    share_out,
)
from acgan.extracting import Extracted
from acgan.metrics.catalogue import CATALOGUE
from acgan.metrics.frechet import frechet_distance
from acgan.types import ImageStore

COUNTS = [40, 60, 22]
NEEDS_JUDGE = {key for key, entry in CATALOGUE.items() if "classifier" in entry.needs}


def looked_at(
    real: ImageStore,
    fake: ImageStore,
    training: ImageStore | None = None,
    metrics: Sequence[str] = tuple(METRICS),
    extractor: Projection | None = None,
) -> tuple[Reference, Pass]:
    eyes = extractor or Projection()
    judge = Judge(eyes, None, real.class_names, lambda count: None)
    context = Context(eyes, None, 0)
    reference = look_at_reference(judge, context, metrics, real, training, class_counts(fake))
    sampler = Replay(fake)
    return reference, look_at_samples(
        judge, context, metrics, sampler, class_counts(fake), reference, seed=0, truncation=1.0
    )  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def stores() -> tuple[ImageStore, ImageStore, ImageStore]:
    """Real, other real and training images of one distribution."""
    return make_store(COUNTS, 1), make_store(COUNTS, 2), make_store([80, 80, 80], 3)


@pytest.mark.parametrize("metric", [name for name in METRICS if name not in NEEDS_JUDGE])
def test_every_metric_gives_numbers_overall_and_for_each_class(
    metric: str, stores: tuple[ImageStore, ImageStore, ImageStore]
) -> None:
    reference, found = looked_at(*stores, metrics=[metric])
    for one in (found.found, *found.at_floor_count, *reference.floor):
        assert one.overall
        assert one.overall.keys() == found.found.overall.keys()
        assert one.per_class.keys() == found.found.per_class.keys()
        for values in one.per_class.values():
            assert len(values) == len(COUNTS)
    assert all(value is not None and math.isfinite(value) for value in found.found.overall.values())
    for values in found.found.per_class.values():
        assert all(value is not None and math.isfinite(value) for value in values)


@pytest.mark.parametrize("metric", [name for name in METRICS if name not in NEEDS_JUDGE])
def test_another_distribution_scores_worse_than_the_floor(
    metric: str, stores: tuple[ImageStore, ImageStore, ImageStore]
) -> None:
    real, _, training = stores
    constant = ImageStore(np.full_like(real.images, 255), real.labels, real.class_names, "x")
    reference, found = looked_at(real, constant, training, [metric])
    worse = {
        "fcd": 1, "kid": 1, "intra_fcd_mean": 1, "intra_fcd_worst": 1, "ms_ssim": 1,
        "precision": -1, "recall": -1, "coverage": -1, "density": -1, "diverse_classes": -1, "classifier_score": -1,
    }  # fmt: skip
    for name, direction in worse.items():
        for of, score in found.at_floor_count[0].overall.items():
            floor = reference.floor[0].overall[of]
            if of.split("[")[0] == name and score is not None and floor is not None:
                assert (score - floor) * direction > 0, name


def test_the_same_images_are_at_no_distance(stores: tuple[ImageStore, ImageStore, ImageStore]) -> None:
    real = stores[0]
    _, found = looked_at(real, real, stores[2])
    overall = found.found.overall
    assert overall["fcd[projection@0]"] == pytest.approx(0, abs=1e-6)
    assert overall["intra_fcd_worst[projection@0]"] == pytest.approx(0, abs=1e-6)
    assert overall["precision[projection@0]"] == overall["coverage[projection@0]"] == 1
    each = found.found.per_class  # of other pairs
    assert each["ms_ssim"] == pytest.approx(each["ms_ssim_real"], abs=0.03)
    assert overall["memorisation_nearer[projection@0]"] == 0.5


def test_the_frechet_distance_is_that_of_the_features(
    stores: tuple[ImageStore, ImageStore, ImageStore],
) -> None:
    real, fake, _ = stores
    _, found = looked_at(real, fake, metrics=["frechet"])
    eyes, name = Projection(), "fcd[projection@0]"

    def by_hand(a: ImageStore, b: ImageStore) -> float:
        moments = []
        for store in (a, b):
            x = eyes(store.images).features.double().numpy()
            moments += [torch.from_numpy(x.mean(0)), torch.from_numpy(np.cov(x.T))]
        return frechet_distance(*moments)

    assert found.found.overall[name] == pytest.approx(by_hand(fake, real), rel=1e-9)
    each = [
        by_hand(*(take(store, np.flatnonzero(store.labels == label)) for store in (fake, real)))
        for label in range(3)
    ]
    assert found.found.per_class[name] == pytest.approx(each, rel=1e-6)
    assert found.found.overall["intra_fcd_mean[projection@0]"] == pytest.approx(np.mean(each))
    assert found.found.overall["intra_fcd_worst[projection@0]"] == pytest.approx(max(each))


def test_a_class_below_twice_as_many_images_as_features_has_no_frechet_distance() -> None:
    counts = [40, 39, 41]
    _, found = looked_at(
        make_store(counts, 1), make_store(counts, 2), metrics=["frechet"], extractor=Projection(20)
    )
    first, second, third = found.found.per_class["fcd[projection@0]"]
    assert second is None
    assert first is not None
    assert third is not None
    assert found.found.overall["intra_fcd_worst[projection@0]"] == max(first, third)
    # Halves have too few in every class.
    assert set(found.at_floor_count[0].per_class["fcd[projection@0]"]) == {None}
    assert found.at_floor_count[0].overall["intra_fcd_mean[projection@0]"] is None


def test_classes_without_images_have_no_values() -> None:
    counts = [30, 0, 2]
    _, found = looked_at(make_store(counts, 1), make_store(counts, 2), make_store([9, 9, 9], 3))
    for values in found.found.per_class.values():
        assert values[1] is None
    assert found.found.per_class["ms_ssim"][2] is not None  # one pair
    assert found.found.per_class["kid[projection@0]"][2] is None


def test_more_samples_than_real_images_and_fewer(stores: tuple[ImageStore, ImageStore, ImageStore]) -> None:
    real, _, training = stores
    for counts in ([80, 100, 60], [10, 12, 9]):
        reference, found = looked_at(real, make_store(counts, 5), training)
        real_half, fake_half = reference.bank.view((0, 1)), found.bank.view((0, 1))
        assert [real_half.count(c) for c in range(3)] == [fake_half.count(c) for c in range(3)]
        assert found.found.overall["fcd[projection@0]"] is not None


def test_copies_of_training_images_are_found(stores: tuple[ImageStore, ImageStore, ImageStore]) -> None:
    real, _, training = stores
    copies = take(training, np.arange(len(training)))
    _, found = looked_at(real, copies, training, ["memorisation"])
    assert found.found.overall["memorisation_copies[projection@0]"] == 1
    assert found.found.overall["memorisation_nearer[projection@0]"] > 0.99
    assert found.bank.nearest_rows is not None
    # Each copy's nearest training image is its original.
    rows = np.concatenate([np.flatnonzero(training.labels == label) for label in range(3)])
    assert_close(found.bank.nearest_rows, torch.from_numpy(rows))
    assert found.bank.nearest.max() == 0


def test_copies_are_not_authentic_and_lie_below_zero_of_c_t(
    stores: tuple[ImageStore, ImageStore, ImageStore],
) -> None:
    """Scores of made images (copied, noised, blurred and unseen ones), overall and by class, beside the floor."""
    real, unseen, training = stores
    chosen = ["data_copying", "authenticity"]
    rows = np.concatenate([np.flatnonzero(training.labels == c)[: COUNTS[c]] for c in range(3)])
    noise = np.random.default_rng(0).normal(0, 3, (len(rows), *training.images.shape[1:]))
    copied = take(training, rows)
    noised = replace(copied, images=(copied.images + noise).clip(0, 255).astype(np.uint8))
    scores = {}
    for name, store in (("copied", copied), ("noised", noised), ("unseen", unseen)):
        reference, found = looked_at(real, store, training, chosen, Projection(dims=16))
        scores[name] = [found.found.overall[f"{score}[projection@0]"] for score in ("c_t", "authenticity")]
        floor = [reference.floor[0].overall[f"{score}[projection@0]"] for score in ("c_t", "authenticity")]
        if name == "copied":
            assert found.found.per_class["authenticity[projection@0]"] == [0.0, 0.0, 0.0]
            assert max(found.found.per_class["c_t[projection@0]"]) < -3
    assert scores["copied"][0] < -5
    assert scores["noised"][0] < -5
    assert scores["copied"][1] == 0
    assert scores["noised"][1] < 0.1
    assert abs(scores["unseen"][0]) < 2.5
    assert abs(floor[0]) < 2.5
    assert scores["unseen"][1] == pytest.approx(floor[1], abs=0.2)


def test_without_training_images_copies_are_not_judged(
    stores: tuple[ImageStore, ImageStore, ImageStore],
) -> None:
    _, found = looked_at(stores[0], stores[1], None, ["memorisation"])
    assert found.found.overall == {}


def test_the_floor_never_sets_an_image_against_itself() -> None:
    """With features that tell every image apart, halves of a store have none in common."""
    store = make_store([40, 40, 40], 1)
    reference, _ = looked_at(store, store, metrics=["prdc"])
    assert len(reference.floor) == 3
    for first, second in (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))):
        a, b = (reference.bank.view(groups).features() for groups in (first, second))
        assert len(a) + len(b) == 120
        assert torch.cdist(a.double(), b.double()).min() > 0
    values = [found.overall["coverage[projection@0]"] for found in reference.floor]
    assert len(set(values)) > 1


def test_files_in_a_row_that_are_alike_do_not_stand_for_their_class() -> None:
    """Of many images some are kept; in a folder of a film's frames the first ones are all the same."""
    store = make_store([400], 1)
    store.images[:200] = store.images[0]
    _, found = looked_at(store, make_store([400], 2), metrics=["diversity"])
    assert 0.2 < found.found.per_class["ms_ssim_real"][0] < 0.5  # a quarter of the pairs


@pytest.mark.parametrize(
    ("num", "reference", "prior", "expected"),
    [
        (10, [5, 3, 2], "reference", [5, 3, 2]),
        (5, [5, 3, 2], "reference", [3, 1, 1]),  # 2.5, 1.5, 1: the first of equal remainders
        (7, [1, 1, 1], "uniform", [3, 2, 2]),
        (6, [100, 0, 1], "uniform", [3, 0, 3]),  # nothing to compare samples of the second with
        (6, [100, 0, 1], "reference", [6, 0, 0]),
        (0, [1, 2], "reference", [0, 0]),
    ],
)
def test_samples_are_shared_out_by_the_prior(
    num: int, reference: list[int], prior: str, expected: list[int]
) -> None:
    assert share_out(num, reference, prior) == expected


def test_the_classifier_s_classes_are_matched_by_name() -> None:
    """Its order is another, one of the generator's classes it does not know, and one of its own is foreign."""
    store = make_store([12, 12, 12])  # a, b, c

    class Knower(Projection):
        """Sees c, a, foreign, by the level of the pixels."""

        classifier = SimpleNamespace(class_names=("c", "a", "foreign"))

        def __call__(self, images: torch.Tensor | np.ndarray) -> Extracted:
            level = torch.as_tensor(images).float().mean((1, 2, 3))
            seen = torch.where(level < 90, 1, torch.where(level < 150, 2, 0))
            return Extracted(super().__call__(images).features, torch.eye(3)[seen])

    eyes = Knower()
    judge = Judge(eyes, eyes.classifier, store.class_names, lambda count: None)  # type: ignore[arg-type]
    reference = look_at_reference(
        judge, Context(eyes, "knower@1", 0), ["accuracy"], store, None, [12, 12, 12]
    )
    counts = reference.bank.view().confusion()
    assert counts is not None
    assert counts.tolist() == [[12, 0, 0], [0, 0, 0], [0, 0, 12]]


def test_classes_below_twenty_images_have_no_c_t_and_below_twenty_samples_no_authenticity() -> None:
    real, training = make_store([60, 60, 19], 1), make_store([60, 60, 60], 3)
    chosen = ["data_copying", "authenticity"]
    _, found = looked_at(real, make_store([60, 19, 60], 2), training, chosen, Projection(dims=16))
    known = {name: [value is not None for value in values] for name, values in found.found.per_class.items()}
    assert known["c_t[projection@0]"] == [True, False, False]
    assert known["authenticity[projection@0]"] == [True, False, True]
