"""The extrapolated Fréchet distance against SciPy and closed forms, and of made samples."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.stats import linregress
from torch import Tensor

from acgan.metrics.frechet import frechet_distance
from acgan.metrics.frechet_infinity import Extrapolated, fewest_samples, frechet_infinity
from acgan.metrics.statistics import FeatureStatistics
from acgan.runtime import Draws

DIMS = 8
ZERO, ONE = torch.zeros(DIMS, dtype=torch.float64), torch.eye(DIMS, dtype=torch.float64)


def _features(seed: int, count: int = 2000) -> Tensor:
    return torch.randn(count, DIMS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _by_definition(
    features: Tensor, mean: np.ndarray, covariance: np.ndarray, seed: int
) -> tuple[float, float]:
    """Chong & Forsyth 2020: distances by SciPy's root of a product, and SciPy's regression on 1 / N."""
    count = len(features)
    sizes = np.linspace(max(count // 10, 2 * DIMS), count, 15).astype(int)
    distances = []
    for point, size in enumerate(sizes):
        x = features.numpy()[Draws(seed).generator("frechet infinity", point).permutation(count)[:size]]
        own = np.cov(x, rowvar=False)
        root = sqrtm(own @ covariance).real
        distances.append(((x.mean(0) - mean) ** 2).sum() + np.trace(own + covariance - 2 * root))
    line = linregress(1 / sizes, distances)
    return float(line.intercept), float(line.intercept_stderr)


@pytest.mark.parametrize("count", [32, 100, 700])
def test_it_is_that_of_the_definition(count: int) -> None:
    features, other = 1.2 * _features(0, count) + 0.1, _features(1, 900).numpy()
    mean, covariance = other.mean(0), np.cov(other, rowvar=False)
    found = frechet_infinity(features, torch.from_numpy(mean), torch.from_numpy(covariance), seed=3)
    assert (found.value, found.error) == pytest.approx(
        _by_definition(features, mean, covariance, 3), rel=1e-6
    )


def _plain(features: Tensor) -> float:
    statistics = FeatureStatistics(DIMS)
    statistics.update(features)
    return frechet_distance(statistics.mean, statistics.covariance, ZERO, ONE)


def _extrapolated(features: Tensor) -> Extrapolated:
    return frechet_infinity(features, ZERO, ONE)


def test_the_bias_of_few_samples_goes_away() -> None:
    """Over many sets of the reference's own distribution the plain distance is far above 0, and this is not."""
    plain = [_plain(_features(seed, 300)) for seed in range(40)]
    found = [_extrapolated(_features(seed, 300)).value for seed in range(40)]
    error = np.std(found) / 40**0.5
    assert np.mean(plain) > 0.07
    assert abs(np.mean(found)) < max(3 * error, 0.01)


def test_blur_noise_and_collapse_come_to_their_closed_forms() -> None:
    samples, noise = _features(4), _features(5)
    for fake, expected in (
        (0.5 * samples, DIMS * 0.5**2),
        (samples + noise, DIMS * (2**0.5 - 1) ** 2),
        (samples + 3, DIMS * 9),
    ):
        assert _extrapolated(fake).value == pytest.approx(expected, rel=0.05)
    collapsed = samples[:1].repeat(2000, 1)
    found = _extrapolated(collapsed)
    assert found.value == pytest.approx(DIMS + samples[0].square().sum().item(), rel=1e-9)
    assert found.error == pytest.approx(0, abs=1e-6)


def test_copies_of_the_reference_come_out_below_zero() -> None:
    """A limit: the reference's own images have no distance at N, and more with fewer of them."""
    real = _features(6, 300)
    statistics = FeatureStatistics(DIMS)
    statistics.update(real)
    found = frechet_infinity(real, statistics.mean, statistics.covariance)
    assert -0.2 < found.value < 0


def test_the_error_is_that_of_the_draws_of_subsets() -> None:
    """Of other subsets of the same samples, values spread about as it says: they overlap, and so by less."""
    samples = _features(7)
    found = [frechet_infinity(samples, ZERO, ONE, seed=seed) for seed in range(30)]
    spread = np.std([one.value for one in found])
    assert 0.3 * spread < np.mean([one.error for one in found]) < 3 * spread


def test_too_few_samples_are_refused() -> None:
    assert fewest_samples(DIMS) == 32
    with pytest.raises(ValueError, match="expected 32 samples or more of 8 features, got 31"):
        _extrapolated(_features(0, 31))
