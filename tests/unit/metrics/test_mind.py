"""The Monge inception distance against its definition in float64, and closed forms."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from acgan.metrics.mind import monge_distance, unit_directions


def features_of(seed: int, count: int, dims: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, dims)))


@pytest.mark.parametrize(("count", "dims", "directions"), [(1, 3, 1), (40, 5, 7), (130, 16, 120)])
def test_it_is_its_definition(count: int, dims: int, directions: int) -> None:
    """Berthet et al. 2026: alpha / (n M) times the sum of squared differences of what is sorted, alpha = 3 F."""
    x, y = features_of(0, count, dims), 0.4 + 1.5 * features_of(1, count, dims)
    total = 0.0
    for line in unit_directions(dims, directions, seed=3).numpy():
        a, b = (sorted(float(np.dot(row, line)) for row in side.numpy()) for side in (x, y))
        total += math.fsum((left - right) ** 2 for left, right in zip(a, b, strict=True))
    expected = 3 * dims * total / (count * directions)
    assert monge_distance(x, y, directions=directions, seed=3) == pytest.approx(expected, rel=1e-12)
    assert monge_distance(y, x, directions=directions, seed=3) == pytest.approx(expected, rel=1e-12)
    assert monge_distance(x.float(), y.float(), directions=directions, seed=3) == pytest.approx(
        expected, rel=1e-4
    )


def test_there_are_a_thousand_directions_unless_others_are_asked_for() -> None:
    x, y = features_of(0, 20, 4), features_of(1, 20, 4)
    assert (
        monge_distance(x, y) == monge_distance(x, y, directions=1000) != monge_distance(x, y, directions=999)
    )


def test_of_one_feature_it_is_three_times_the_squared_distance() -> None:
    x, y = torch.tensor([[3.0], [0.0], [1.0]]), torch.tensor([[2.0], [7.0], [-1.0]])
    # In order: 0, 1, 3 and -1, 2, 7.
    assert monge_distance(x, y) == pytest.approx(3 * (1 + 1 + 16) / 3, rel=1e-12)


def test_a_shift_counts_three_times_its_squared_length() -> None:
    """E (u·c)² = |c|² / F."""
    x, shift = features_of(0, 50, 12), torch.linspace(-1, 2, 12, dtype=torch.float64)
    found = monge_distance(x, x + shift, directions=20_000)
    assert found == pytest.approx(3 * shift.square().sum().item(), rel=0.03)


def test_of_normal_distributions() -> None:
    """Of N(0, 1) and N(0, s²) on any line: W₂² = (1 - s)²; here in the quantiles of one distribution."""
    x = features_of(0, 4000, 3)
    assert monge_distance(x, 1.7 * x) == pytest.approx(3 * 3 * 0.7**2, rel=0.03)


def test_what_moments_do_not_see() -> None:
    """Two points against a normal distribution, both of mean 0 and variance 1: W₂² = 2 - 2 √(2 / π)."""
    x = features_of(0, 20_000, 1)
    two = torch.where(torch.arange(len(x)) % 2 == 0, 1.0, -1.0).double()[:, None]
    assert monge_distance(x, two, directions=20) == pytest.approx(
        3 * (2 - 2 * math.sqrt(2 / math.pi)), rel=0.05
    )


def test_the_same_images_and_fewer_of_them() -> None:
    x = features_of(0, 300, 8)
    assert monge_distance(x, x[torch.randperm(300)]) == pytest.approx(0, abs=1e-20)
    few, many = (monge_distance(x[:count], features_of(1, count, 8)) for count in (30, 300))
    assert few > many > 0  # chance alone


def test_of_unequal_numbers_as_many_are_taken() -> None:
    x, y = features_of(0, 200, 6), features_of(1, 50, 6)
    found = {monge_distance(x, y, seed=seed) for seed in (0, 1)}
    assert len(found) == 2
    assert monge_distance(x, y, seed=0) == monge_distance(x, y, seed=0)
    assert monge_distance(y, x, seed=0) == pytest.approx(monge_distance(x, y, seed=0), rel=1e-12)


def test_directions_are_of_length_one_in_all_directions() -> None:
    lines = unit_directions(5, 4000, seed=0)
    assert torch.allclose(lines.norm(dim=1), torch.ones(4000, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(lines.T @ lines / 4000, torch.eye(5, dtype=torch.float64) / 5, atol=0.02)


def test_what_cannot_be_compared_is_refused() -> None:
    x = features_of(0, 4, 3)
    for a, b in ((x, x[:, :2]), (x, x[:0]), (x, x / 0)):
        with pytest.raises(ValueError, match="expected"):
            monge_distance(a, b)
    with pytest.raises(ValueError, match="directions >= 1"):
        monge_distance(x, x, directions=0)
