"""Tests of differences: closed forms, scipy's own, and what few units cannot show."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from acgan.metrics import significance
from acgan.metrics.bootstrap import bootstrap_difference
from acgan.metrics.significance import (
    holm,
    least_probability,
    mean_interval,
    permutation_test,
    smallest_seen,
    unseen_share,
)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 3), (3, 5), (5, 5), (7, 4)])
@pytest.mark.parametrize("rounded", [False, True])
def test_permutation_agrees_with_scipy(sizes: tuple[int, int], rounded: bool) -> None:
    rng = np.random.default_rng(sum(sizes))
    for _ in range(5):
        a, b = rng.normal(size=sizes[0]), rng.normal(0.7, size=sizes[1])
        if rounded:  # ties
            a, b = a.round(), b.round()
        # Its own two-sided probability doubles the smaller tail; ours counts differences as large, either way.
        expected = stats.permutation_test(
            (a, b),
            lambda x, y, axis: abs(x.mean(axis) - y.mean(axis)),
            alternative="greater",
            n_resamples=np.inf,
            vectorized=True,
        )
        assert permutation_test(a, b) == pytest.approx(expected.pvalue, abs=1e-9)


def test_permutation_of_groups_that_lie_apart_is_the_least_there_is() -> None:
    for size_a, size_b in ((3, 3), (3, 10), (5, 5), (10, 10)):
        found = permutation_test(range(size_a), range(100, 100 + size_b))
        assert found == pytest.approx(least_probability(size_a, size_b), abs=1e-12)
    assert least_probability(3, 3) == pytest.approx(0.1)
    assert least_probability(5, 5) == pytest.approx(2 / 252)
    assert least_probability(3, 10) == pytest.approx(1 / 286)


def test_permutation_of_equal_values_finds_nothing() -> None:
    assert permutation_test([0.1 + 0.2] * 3, [0.3] * 4) == pytest.approx(1.0)
    assert permutation_test([1.0] * 5, [1.0] * 5) == 1.0


def test_permutation_does_not_depend_on_scale_or_side() -> None:
    a, b = [1.0, 1.2, 0.9, 1.4], [1.3, 1.5, 1.1, 1.6, 1.45]
    expected = permutation_test(a, b)
    assert permutation_test(b, a) == expected
    assert permutation_test([1e-6 * x + 3 for x in a], [1e-6 * x + 3 for x in b]) == expected


def test_of_many_divisions_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=6), rng.normal(0.8, size=6)
    exact = permutation_test(a, b)
    monkeypatch.setattr(significance, "MAX_DIVISIONS", 900)
    drawn = permutation_test(a, b)
    assert drawn == permutation_test(a, b)
    assert drawn == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 900) ** 0.5 + 1 / 901)
    assert permutation_test([0.0] * 6, np.arange(6) + 9.0) >= least_probability(6, 6) == 1 / 901


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_never_orders_probabilities_anew() -> None:
    found = np.random.default_rng(1).uniform(size=20)
    corrected = np.array(holm(list(found)))
    assert (corrected >= found).all()
    assert (np.diff(corrected[found.argsort()]) >= 0).all()


def test_smallest_seen_by_student_s_formula_and_the_bias_of_deviations() -> None:
    size, sigma = 8, 1.5
    units = sigma * (np.arange(size) - 3.5) / np.std(np.arange(size), ddof=1)  # of this very deviation
    freedom, error = 2 * size - 2, sigma * (2 / size) ** 0.5
    by_hand = (stats.t.ppf(0.975, freedom) + stats.t.ppf(0.8, freedom)) * error
    c4 = np.sqrt(2 / (size - 1)) * special.gamma(size / 2) / special.gamma((size - 1) / 2)
    assert smallest_seen(units, units) == pytest.approx(by_hand / c4, abs=1e-9)


@pytest.mark.parametrize(("size_a", "size_b"), [(3, 3), (5, 5), (3, 10)])
def test_smallest_seen_is_seen_four_times_in_five(size_a: int, size_b: int) -> None:
    rng = np.random.default_rng(2)
    draws = [(rng.normal(size=size_a), rng.normal(size=size_b)) for _ in range(400)]
    shift = np.mean([smallest_seen(a, b) for a, b in draws])
    seen = [bootstrap_difference(a, b + shift, resamples=2_000).distinguishable for a, b in draws]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.06)


def test_without_spread_nobody_knows_what_could_be_seen() -> None:
    assert smallest_seen([1.0] * 3, [2.0] * 3) is None


def test_interval_of_a_mean_agrees_with_scipy() -> None:
    units = [1.0, 1.5, 0.7, 2.2]
    expected = stats.t.interval(0.95, 3, loc=np.mean(units), scale=stats.sem(units))
    assert mean_interval(units) == pytest.approx(expected, abs=1e-9)
    assert mean_interval([1.0]) is None


def test_failures_that_need_not_have_shown() -> None:
    assert unseen_share(3) == pytest.approx(0.6316, abs=1e-4)
    assert (1 - unseen_share(10)) ** 10 == pytest.approx(0.05)
