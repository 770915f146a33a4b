"""Streaming means and covariances against NumPy's on all features at once."""

import numpy as np
import pytest
import torch
from torch import Tensor

from acgan.metrics.statistics import FeatureStatistics, merged
from acgan.runtime import Draws


def _features(count: int, dims: int = 7, seed: int = 0) -> Tensor:
    draws = Draws(seed).generator("features").standard_normal((count, dims))
    return torch.from_numpy(draws * np.arange(1, dims + 1) + 3)


def _of(features: Tensor, batch: int = 1_000) -> FeatureStatistics:
    statistics = FeatureStatistics(features.shape[1])
    for part in features.split(batch):
        statistics.update(part)
    return statistics


def _check(found: FeatureStatistics, features: Tensor, rtol: float = 1e-12) -> None:
    x = features.double().numpy()
    assert found.count == len(x)
    torch.testing.assert_close(found.mean, torch.from_numpy(x.mean(0)), rtol=rtol, atol=rtol)
    torch.testing.assert_close(
        found.covariance, torch.from_numpy(np.cov(x, rowvar=False)), rtol=rtol, atol=10 * rtol
    )


@pytest.mark.parametrize("batch", [1, 3, 64, 1_000])
def test_streaming_is_numpys_cov(batch: int) -> None:
    features = _features(101)
    _check(_of(features, batch), features)


def test_an_empty_batch_changes_nothing() -> None:
    features, statistics = _features(5), FeatureStatistics(7)
    for part in (features[:0], features, features[:0]):
        statistics.update(part)
    _check(statistics, features)


def test_parts_merge_in_any_order_and_grouping() -> None:
    features = _features(60)
    parts = [features[:1], features[1:25], features[25:25], features[25:60]]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        _check(merged([_of(parts[index]) for index in order], 7), features)
    pair = _of(parts[1])
    pair.merge(_of(parts[0]))
    total = _of(parts[3])
    total.merge(pair)
    _check(total, features)


def test_merging_leaves_the_part_as_it_was() -> None:
    part, total = _of(_features(9)), _of(_features(8, seed=1))
    total.merge(part)
    total.update(_features(3, seed=2))
    _check(part, _features(9))


def test_of_no_parts_there_are_no_images() -> None:
    nothing = merged([], 3)
    assert nothing.count == 0
    assert torch.equal(nothing.mean, torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("batch", [1, 16])
def test_a_mean_large_against_the_deviation_does_not_cancel(batch: int) -> None:
    small = _features(200) * 1e-3
    large = small + 1e6
    exact = (large - 1e6).numpy()  # what rounding left of the deviations
    expected = torch.from_numpy(np.cov(exact, rowvar=False))
    torch.testing.assert_close(_of(large, batch).covariance, expected, rtol=1e-6, atol=1e-12)


def test_float32_features_are_summed_in_float64() -> None:
    features = _features(2_000).float()
    statistics = _of(features, 50)
    assert statistics.mean.dtype == statistics.covariance.dtype == torch.float64
    _check(statistics, features, rtol=1e-11)


def test_what_a_bug_can_break() -> None:
    statistics = FeatureStatistics(3)
    with pytest.raises(ValueError, match="3"):
        statistics.update(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="3"):
        statistics.update(torch.zeros(3))
    with pytest.raises(ValueError, match="4"):
        statistics.merge(FeatureStatistics(4))
    statistics.update(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="at least 2 images, got 1"):
        _ = statistics.covariance
