"""Clipped density and coverage: what good, bad, few, copied and blurred samples get, and the calibration."""

import pytest
import torch
from torch import Tensor

from acgan.metrics.clipped import clipped_coverage, clipped_density, expected_filling
from acgan.metrics.prdc import prdc

REAL, OTHERS = torch.randn(2, 400, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
FAR = 100 + REAL


def _scores(fake: Tensor, real: Tensor = REAL) -> tuple[float, float]:
    found = prdc(real, fake, 5)
    return found.clipped_density, found.clipped_coverage


@pytest.mark.parametrize("good", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_both_are_the_share_of_good_samples(good: float) -> None:
    """The paper's promise: they fall linearly as good samples make room for bad ones."""
    count = round(good * 400)
    fidelity, coverage = _scores(torch.cat((OTHERS[:count], FAR[count:])))
    assert fidelity == pytest.approx(good, abs=0.07)
    assert coverage == pytest.approx(good, abs=0.07)


def test_what_is_in_more_than_k_balls_counts_once_on_either_side() -> None:
    """Means of min(balls / 4, 1): 1/2 of samples, 3/4 of real images; and no more than 1."""
    fake, real = torch.tensor([9, 0]), torch.tensor([2, 8])
    assert clipped_density(fake, real, 4) == pytest.approx((1 / 2) / (3 / 4), rel=1e-12)
    assert clipped_density(real, fake, 4) == 1.0


def test_plain_coverage_hides_bad_samples_and_the_clipped_one_does_not() -> None:
    fake = torch.cat((OTHERS[:200], FAR[:200]))
    assert prdc(REAL, fake, 5).coverage > 0.75
    assert _scores(fake)[1] < 0.6


def test_a_collapsed_generator_covers_nothing() -> None:
    assert _scores(OTHERS[:1].repeat(400, 1))[1] < 0.05
    assert _scores(REAL[:1].repeat(400, 1))[1] < 0.05


def test_missing_modes_lower_coverage_alone() -> None:
    real, fake = (
        torch.cat((REAL, FAR)),
        torch.randn(800, 8, generator=torch.Generator().manual_seed(3)).double(),
    )
    fidelity, coverage = _scores(fake, real)
    assert fidelity > 0.95
    # Half of the balls are full, and what is more than full counts no more.
    assert coverage == pytest.approx(0.45, abs=0.1)
    assert prdc(real, fake, 5).coverage == pytest.approx(0.5, abs=0.02)


def test_frequent_samples_make_up_for_bad_ones_in_part() -> None:
    """A limit: a sample counts at most 1, but real images count 1/2 on average, so typical samples count double."""
    found = prdc(REAL, torch.cat((0.2 * OTHERS[:200], FAR[:200])), 5)
    assert found.density > 1
    assert 0.5 < found.clipped_density < 1


def test_real_outliers_do_not_make_bad_samples_good() -> None:
    draws = torch.Generator().manual_seed(1)
    outliers, bad = (10 * torch.randn(n, 8, generator=draws, dtype=torch.float64) for n in (20, 400))
    real = torch.cat((REAL, outliers))
    found = prdc(real, bad, 5)
    assert found.precision > 0.7
    assert found.density > 0.2
    assert found.clipped_density < 0.05


def test_copies_and_typical_samples_score_as_good_ones() -> None:
    """A limit of both: they see no copying, and no blur that pulls samples to the middle."""
    assert _scores(REAL) == (1.0, 1.0)
    assert _scores(0.6 * OTHERS) == (1.0, 1.0)


def test_of_many_features_the_middle_is_in_all_balls() -> None:
    """A limit of measures with balls around real images: the mean image alone has the best score; recall sees it."""
    real = torch.randn(300, 200, generator=torch.Generator().manual_seed(4))
    found = prdc(real, real.mean(dim=0, keepdim=True).repeat(300, 1), 5)
    assert (found.clipped_density, found.clipped_coverage, found.precision, found.coverage) == (1.0,) * 4
    assert found.recall == 0


def test_noise_lowers_fidelity() -> None:
    generator = torch.Generator().manual_seed(2)
    noised = OTHERS + 1.5 * torch.randn(400, 8, generator=generator, dtype=torch.float64)
    assert _scores(noised)[0] < 0.5


@pytest.mark.parametrize(
    ("num_real", "num_fake", "k"), [(6, 6, 5), (50, 20, 3), (400, 400, 5), (10_000, 10_000, 5)]
)
def test_the_calibration_inverts_what_good_samples_yield(num_real: int, num_fake: int, k: int) -> None:
    for good in {0, 1, num_fake // 3, num_fake // 2, num_fake}:
        filling = expected_filling(good, num_real, k)
        assert clipped_coverage(filling, num_real, num_fake, k) == pytest.approx(good / num_fake, rel=1e-9)
    assert clipped_coverage(1.0, num_real, num_fake, k) == 1.0


@pytest.mark.parametrize(("num_good", "num_real", "k"), [(30, 30, 5), (12, 40, 5), (2, 20, 5), (25, 15, 1)])
def test_the_expected_filling_is_the_mean_over_many_draws(num_good: int, num_real: int, k: int) -> None:
    draws = torch.Generator().manual_seed(0)
    found = []
    for _ in range(400):
        order = torch.rand(num_good + num_real - 1, generator=draws).argsort()
        reals = (order >= num_good).cumsum(0)
        found.append(min(k, int((reals < k).sum()) - int((order[reals < k] >= num_good).sum())) / k)
    assert sum(found) / len(found) == pytest.approx(expected_filling(num_good, num_real, k), abs=0.04)
