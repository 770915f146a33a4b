"""Measures of two banks: the functions of ``acgan.metrics``, of these features, with this seed, in these classes."""

from __future__ import annotations

import pytest
from eyes import Projection, Replay, make_store
from torch import Tensor

from acgan.evaluation import Context, Judge, class_counts, look_at_reference, look_at_samples
from acgan.evaluation.bank import View
from acgan.evaluation.measures import Found, measure_all
from acgan.metrics.catalogue import plain_name
from acgan.metrics.frechet_infinity import fewest_samples, frechet_infinity
from acgan.metrics.kid import kernel_distance
from acgan.metrics.mind import monge_distance
from acgan.metrics.prdc import prdc
from acgan.metrics.statistics import FeatureStatistics
from acgan.metrics.vendi import vendi_score

METRICS = ["frechet_infinity", "kid", "mind", "prdc", "vendi"]
SEED, K = 7, 3
Views = tuple[View, View]


def looked_at(real_counts: list[int], fake_counts: list[int]) -> Views:
    """Views of samples and of real images."""
    real, fake, eyes = make_store(real_counts, 1), make_store(fake_counts, 2), Projection()
    judge, context = Judge(eyes, None, real.class_names, lambda count: None), Context(eyes, None, SEED)
    reference = look_at_reference(judge, context, METRICS, real, None, class_counts(fake))
    found = look_at_samples(
        judge, context, METRICS, Replay(fake), class_counts(fake), reference, seed=0, truncation=1.0
    )  # type: ignore[arg-type]
    return found.bank.view(), reference.bank.view()


def measured(views: Views, nearest_k: int = K) -> Found:
    return measure_all(*views, Context(Projection(), None, SEED, nearest_k=nearest_k), METRICS)


@pytest.fixture(scope="module")
def views() -> Views:
    return looked_at([40, 60, 22], [44, 50, 25])


def _infinity(fake: Tensor, real: Tensor) -> tuple[float, float]:
    statistics = FeatureStatistics(real.shape[1])
    statistics.update(real)
    found = frechet_infinity(fake, statistics.mean, statistics.covariance, seed=SEED)
    return found.value, found.error


def test_values_are_those_of_the_functions(views: Views) -> None:
    fake, real = views
    found = measured(views)
    overall = {plain_name(name): value for name, value in found.overall.items()}
    each = {plain_name(name): values for name, values in found.per_class.items()}
    labels = real.labels(), fake.labels()
    for label in (None, 0, 1, 2):
        a, b = real.features(label), fake.features(label)
        kid = kernel_distance(a, b, strata=labels if label is None else None, seed=SEED)
        infinity, error = _infinity(b, a)
        neighbours = prdc(a, b, K)
        expected = {
            "kid": kid.value,
            "kid_published": kid.published,
            "mind": monge_distance(a, b, seed=SEED),
            "vendi": vendi_score(b),
            "fcd_infinity": infinity,
            "fcd_infinity_error": error,
            **vars(neighbours),
        }
        shown = overall if label is None else {name: values[label] for name, values in each.items()}
        assert shown == pytest.approx({name: expected[name] for name in shown}, rel=1e-9, abs=1e-12), label
        assert expected.keys() - shown.keys() == (
            set() if label is None else {"kid_published", "fcd_infinity_error"}
        )
    assert overall["kid"] != overall["kid_published"]


def test_a_class_needs_twenty_images_on_each_side_that_a_measure_looks_at() -> None:
    found = measured(looked_at([60, 19, 60], [60, 60, 19]))
    by_class = {plain_name(name): [v is not None for v in values] for name, values in found.per_class.items()}
    # With 4 features, 16 samples are enough for the extrapolation, and the Vendi score looks at samples alone.
    assert by_class.pop("fcd_infinity") == [True, True, True]
    assert by_class.pop("vendi") == [True, True, False]
    assert set(map(tuple, by_class.values())) == {(True, False, False)}


def test_an_extrapolation_by_class_needs_as_many_real_images() -> None:
    least = fewest_samples(Projection().dims)
    found = measured(looked_at([least, least - 1, least], [least, least, least - 1]))
    (values,) = (values for name, values in found.per_class.items() if "infinity" in name)
    assert [value is not None for value in values] == [True, False, False]


def test_balls_by_class_need_more_images_than_the_neighbour_they_reach_to(views: Views) -> None:
    found = measured(views, nearest_k=24)
    (precision,) = (values for name, values in found.per_class.items() if name.startswith("precision"))
    assert [value is not None for value in precision] == [True, True, False]
    assert {value for name, value in measured(views, 500).overall.items() if "clipped" in name} == {None}


def test_kid_of_many_images_is_of_a_hundred_subsets_of_this_seed() -> None:
    fake, real = looked_at([600, 401], [500, 502])
    found = measure_all(fake, real, Context(Projection(), None, SEED), ["kid"]).overall
    strata = real.labels(), fake.labels()
    expected = kernel_distance(real.features(), fake.features(), strata=strata, subsets=100, seed=SEED)
    shown = {plain_name(name): value for name, value in found.items()}
    assert shown == pytest.approx(
        {
            "kid": expected.value,
            "kid_published": expected.published,
            "kid_published_std": expected.published_std,
        },
        rel=1e-9,
    )
