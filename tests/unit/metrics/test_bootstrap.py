"""Bootstrapped differences: closed forms, calibration by simulation, and what a wrong bootstrap would get wrong."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm, t

from acgan.metrics.bootstrap import Difference, bootstrap_difference, paired_bootstrap

A, B = [4.0, 5.0, 6.5, 7.0], [6.0, 9.0, 9.5]


def test_the_difference_is_that_of_the_means_and_the_interval_holds_it() -> None:
    found = bootstrap_difference(A, B)
    assert found.value == pytest.approx(np.mean(B) - np.mean(A))
    assert found.low < found.value < found.high


def test_the_interval_is_near_student_s_for_many_normal_units() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 2, 60), rng.normal(3, 2, 60)
    error = np.sqrt(a.var(ddof=1) / 60 + b.var(ddof=1) / 60)
    for confidence in (0.8, 0.95):
        found = bootstrap_difference(a, b, confidence=confidence, resamples=10_000)
        half = t.ppf((1 + confidence) / 2, 118) * error
        assert_allclose([found.low, found.high], [found.value - half, found.value + half], atol=0.05 * half)


def test_few_units_are_stretched_to_student_s_interval() -> None:
    """Of -1, 0, 1 the resampled means are known: the 27 draws' 2.5th percentile, stretched, is the interval's end."""
    a, b = [0.0] * 3, [-1.0, 0.0, 1.0]
    found = bootstrap_difference(a, b, resamples=20_000)
    means = [np.mean([i, j, k]) for i in b for j in b for k in b]
    stretch = (
        np.sqrt(3 / 2) * t.ppf(0.975, 2) / norm.ppf(0.975)
    )  # one side varies: its two degrees of freedom
    # 1 of 27 draws is (-1, -1, -1): more than 2.5 %, and less than 5 %.
    assert_allclose([found.low, found.high], [min(means) * stretch, max(means) * stretch], rtol=1e-12)


def test_a_small_group_s_luck_does_not_narrow_the_interval() -> None:
    """Three units that agree by chance, against ten that do not: the pooled variance counts."""
    b = np.random.default_rng(1).normal(size=10)
    found = bootstrap_difference([0.9, 0.9, 0.9], b, resamples=10_000)
    variance = b.var(ddof=1) / 10
    pooled = 9 * b.var(ddof=1) / 11 * (1 / 3 + 1 / 10)
    assert pooled > variance
    expected = 2 * t.ppf(0.975, 9) * np.sqrt(pooled)
    assert found.high - found.low == pytest.approx(expected, rel=0.1)


def test_swapping_the_arms_swaps_the_sign() -> None:
    there, back = bootstrap_difference(A, B, resamples=20_000), bootstrap_difference(B, A, resamples=20_000)
    assert there.value == -back.value
    assert_allclose([there.low, there.high], [-back.high, -back.low], rtol=0.05)


def test_the_unit_of_measurement_does_not_matter() -> None:
    plain = bootstrap_difference(A, B)
    scaled = bootstrap_difference([1e-3 * x + 7 for x in A], [1e-3 * x + 7 for x in B])
    assert_allclose([scaled.low, scaled.high], [1e-3 * plain.low, 1e-3 * plain.high], rtol=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.25, -0.25])
def test_without_any_spread_the_difference_is_all_there_is(shift: float) -> None:
    found = bootstrap_difference(
        [0.1] * 3, [0.1 + shift] * 7
    )  # the mean of seven 0.1 is not 0.1 in floating point
    assert found == Difference(found.value, found.value, found.value)
    assert found.value == pytest.approx(shift, abs=1e-15)
    assert found.distinguishable == (shift != 0)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-1, 1, False), (0, 1, False), (-1, 0, False), (0.1, 1, True), (-1, -0.1, True)],
)
def test_distinguishable_where_nought_is_outside(low: float, high: float, expected: bool) -> None:
    assert Difference((low + high) / 2, low, high).distinguishable is expected


@pytest.mark.parametrize(
    ("a", "b"), [([1, 2], B), (A, [1, 2]), ([], B), (A, [1, 2, np.nan]), (A, [np.inf] * 3)]
)
def test_too_few_or_infinite_units_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="3 finite scores"):
        bootstrap_difference(a, b)


def test_the_seed_decides() -> None:
    assert bootstrap_difference(A, B, seed=1) == bootstrap_difference(A, B, seed=1)
    assert bootstrap_difference(A, B, seed=1) != bootstrap_difference(A, B, seed=2)


# Calibration: 5 % of 400 trials, and three standard deviations of a binomial share above.
TRIALS = 400
MOST = 0.05 + 3 * np.sqrt(0.05 * 0.95 / TRIALS)


@pytest.mark.parametrize("sizes", [(3, 3), (5, 5), (10, 10), (3, 10)])
@pytest.mark.parametrize("draw", ["normal", "lognormal"])
def test_where_nothing_differs_few_differences_are_found(draw: str, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    sample = getattr(rng, draw)
    found = [
        bootstrap_difference(*(sample(size=size) for size in sizes), resamples=300, seed=trial)
        for trial in range(TRIALS)
    ]
    share = np.mean([one.distinguishable for one in found])
    assert share < MOST
    if draw == "normal" and sizes[0] == sizes[1]:
        assert share > 0.02  # not by never finding any


def test_a_large_difference_is_found_with_three_units() -> None:
    rng = np.random.default_rng(3)
    found = [
        bootstrap_difference(rng.normal(size=3), rng.normal(6, size=3), resamples=500).distinguishable
        for _ in range(100)
    ]
    assert np.mean(found) > 0.9


# paired_bootstrap


def arms(
    rng: np.random.Generator,
    seeds: int,
    images: int,
    *,
    of_seeds: float,
    of_images: float,
    shift: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Two arms whose classifiers are alike but for luck of the seed and what each method makes of an image."""
    difficulty = rng.normal(2, 2, images)
    a, b = (
        difficulty
        + gain
        + rng.normal(0, of_images, images)
        + rng.normal(0, of_seeds, (seeds, 1))
        + rng.logistic(size=(seeds, images))
        > 0
        for gain in (0.0, shift)
    )
    return a, b


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize(("of_seeds", "of_images"), [(0.0, 0.0), (1.0, 0.0), (0.3, 1.5)])
def test_paired_where_nothing_differs_few_differences_are_found(
    seeds: int, of_seeds: float, of_images: float
) -> None:
    rng = np.random.default_rng(4)
    found = [
        paired_bootstrap(
            *arms(rng, seeds, 200, of_seeds=of_seeds, of_images=of_images), resamples=300, seed=trial
        ).distinguishable
        for trial in range(200)
    ]
    assert np.mean(found) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_paired_finds_what_the_pairing_shows() -> None:
    """A gain of 3 points on images whose difficulty alone spreads the accuracy of either arm by as much."""
    rng = np.random.default_rng(5)
    a, b = arms(rng, 5, 1000, of_seeds=0.05, of_images=0.0, shift=0.5)
    found = paired_bootstrap(a, b)
    assert found.value == pytest.approx(b.mean() - a.mean())
    assert 0 < found.low < found.value < found.high


def test_paired_over_seeds_alone_is_student_s_interval() -> None:
    """Every image alike: of seeds right on 40 to 60 % of them, the images' part is zero beside the seeds'."""
    gains = np.linspace(-0.2, 0.3, 60)
    images = 1000
    a = np.zeros((60, images), bool)
    rng = np.random.default_rng(6)
    b = np.stack([rng.random(images) < 0.4 + gain for gain in gains])
    found = paired_bootstrap(a, b, resamples=10_000)
    half = t.ppf(0.975, 59) * b.mean(axis=1).std(ddof=1) / np.sqrt(60)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.05)


def test_paired_over_images_alone_is_student_s_interval() -> None:
    """All seeds name the same images rightly: they are as good as one, and do not make the interval narrower."""
    rng = np.random.default_rng(7)
    a, b = (np.repeat(rng.random((1, 400)) < 0.5, 5, axis=0) for _ in range(2))
    found = paired_bootstrap(a, b, resamples=10_000)
    d = b[0].astype(float) - a[0]
    half = t.ppf(0.975, 399) * d.std(ddof=1) / np.sqrt(400)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.05)


def test_paired_does_not_count_independent_errors_twice() -> None:
    """Every answer a coin of its own: the interval is that of 60,000 of them, not sqrt(2) as wide."""
    rng = np.random.default_rng(11)
    a, b = (rng.random((60, 1000)) < 0.5 for _ in range(2))
    found = paired_bootstrap(a, b)
    half = t.ppf(0.975, 59) * np.sqrt(0.5 / 60_000)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.2)


def test_paired_seeds_that_agree_by_chance_leave_the_images_part() -> None:
    """Each of three seeds gains another image: equal accuracies, and yet no proof."""
    a = np.zeros((3, 50), bool)
    b = a.copy()
    b[[0, 1, 2], [10, 20, 30]] = True
    found = paired_bootstrap(a, b)
    assert found.value == pytest.approx(1 / 50)
    assert not found.distinguishable


def test_paired_equal_arms_have_no_difference() -> None:
    a = np.random.default_rng(8).random((5, 100)) < 0.7
    assert paired_bootstrap(a, a.copy()) == Difference(0.0, 0.0, 0.0)


def test_paired_the_seed_decides() -> None:
    a, b = arms(np.random.default_rng(9), 5, 100, of_seeds=0.3, of_images=0.0)
    assert paired_bootstrap(a, b, seed=1) == paired_bootstrap(a, b, seed=1)
    assert paired_bootstrap(a, b, seed=1) != paired_bootstrap(a, b, seed=2)


@pytest.mark.parametrize("shapes", [((3, 9), (3, 8)), ((2, 9), (2, 9)), ((3, 1), (3, 1)), ((9,), (9,))])
def test_paired_shapes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="S >= 3"):
        paired_bootstrap(*(np.zeros(shape, bool) for shape in shapes))


def test_paired_needs_little_memory() -> None:
    a, b = arms(np.random.default_rng(10), 5, 10_000, of_seeds=0.1, of_images=0.0)
    tracemalloc.start()
    paired_bootstrap(a, b)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6  # resamples times images of float64 would be 160e6
