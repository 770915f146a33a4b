"""The Fréchet distance against closed forms, high precision and pytorch-fid's own code."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor

from acgan.metrics.frechet import frechet_distance
from acgan.metrics.statistics import FeatureStatistics
from acgan.runtime import Draws


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(Draws(seed).generator("frechet").standard_normal(shape))


def _covariance(dims: int, seed: int = 0, rank: int | None = None) -> Tensor:
    x = _normal(dims, rank or 2 * dims, seed=seed)
    return x @ x.T / x.shape[1]


def _rotation(dims: int, seed: int = 0) -> Tensor:
    return torch.linalg.qr(_normal(dims, dims, seed=seed)).Q


def _features(count: int, dims: int, seed: int, shift: float = 0.0) -> Tensor:
    """(N, F) like a network's: at least 0, correlated, of deviations that span a thousandfold."""
    mixing = _normal(dims, dims, seed=9) * torch.logspace(0, -3, dims)[:, None]
    return (_normal(count, dims, seed=seed) @ mixing + shift).relu()


def _falling(dims: int, power: int = 4) -> Tensor:
    """Eigenvalues 1, 2^-power, 3^-power, …: those of a network's features fall like a power, too."""
    return torch.arange(1, dims + 1, dtype=torch.float64) ** -power


def _turned(values: Tensor, basis: Tensor) -> Tensor:
    """The covariance with these eigenvalues and eigenvectors."""
    covariance = basis * values @ basis.T
    return (covariance + covariance.T) / 2


def _distance(a: Tensor, b: Tensor) -> float:
    """Of covariances alone."""
    mean = torch.zeros(len(a))
    return frechet_distance(mean, a, mean, b)


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    statistics = FeatureStatistics(features.shape[1])
    statistics.update(features)
    return statistics.mean, statistics.covariance


def test_of_equal_covariances_it_is_the_squared_distance_of_the_means() -> None:
    a, b, covariance = _normal(12), _normal(12, seed=1), _covariance(12)
    found = frechet_distance(a, covariance, b, covariance)
    assert found == pytest.approx((a - b).square().sum().item(), rel=1e-12)


def test_of_diagonal_covariances_it_is_that_of_the_deviations() -> None:
    mean, a, b = torch.zeros(9), _normal(9).abs(), _normal(9, seed=1).abs()
    found = frechet_distance(mean, a.square().diag(), mean, b.square().diag())
    assert found == pytest.approx((a - b).square().sum().item(), rel=1e-12)


def test_of_commuting_covariances_it_is_that_of_the_roots_of_their_eigenvalues() -> None:
    mean, a, b, basis = torch.zeros(9), _normal(9).abs(), _normal(9, seed=1).abs(), _rotation(9)
    sides = (basis @ value.square().diag() @ basis.T for value in (a, b))
    first, second = sides
    found = frechet_distance(mean, first, mean, second)
    assert found == pytest.approx((a - b).square().sum().item(), rel=1e-11)


@pytest.mark.parametrize("rank", [None, 4])
def test_of_a_covariance_and_a_multiple_it_is_the_trace(rank: int | None) -> None:
    mean, covariance = torch.zeros(9), _covariance(9, rank=rank)
    found = frechet_distance(mean, covariance, mean, 6.25 * covariance)
    assert found == pytest.approx(1.5**2 * covariance.trace().item(), rel=1e-10)


@pytest.mark.parametrize("dims", [64, 512])
def test_small_eigenvalues_of_commuting_covariances_count(dims: int) -> None:
    values, basis = _falling(dims), _rotation(dims)
    a = _turned(values, basis)
    # Of a multiple, which every direction adds to by its share; and of the same values in another order.
    expected = (0.2**2 * values.sum()).item()
    assert _distance(a, _turned(1.44 * values, basis)) == pytest.approx(expected, rel=1e-10)
    other = values[torch.randperm(dims, generator=torch.Generator().manual_seed(1))]
    expected = (values.sqrt() - other.sqrt()).square().sum().item()
    assert _distance(a, _turned(other, basis)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dims", [64, 512])
def test_small_eigenvalues_count_in_pairs_of_directions(dims: int) -> None:
    """Covariances that do not commute, yet with a closed form: that of 2 x 2 blocks, all turned alike."""
    roots = _falling(dims, 2).view(-1, 2)
    angles = torch.linspace(0.1, 3, dims // 2).double()
    turn = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], dim=1).view(-1, 2, 2)
    a, b = roots.square().diag_embed(), turn * roots.square()[:, None] @ turn.mT
    # Tr (A B)^(1/2) of 2 x 2 matrices; both have the same determinant.
    cross = ((a @ b).diagonal(dim1=1, dim2=2).sum(1) + 2 * roots.prod(dim=1).square()).sqrt().sum()
    expected = (2 * roots.square().sum() - 2 * cross).item()
    basis = _rotation(dims)
    sides = (basis @ torch.block_diag(*blocks) @ basis.T for blocks in (a, b))
    assert _distance(*((side + side.T) / 2 for side in sides)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dims", [64, 512])
@pytest.mark.parametrize("near", [True, False])
def test_small_eigenvalues_count_in_all_directions(near: bool, dims: int) -> None:
    """Against singular values from the known roots, of covariances that hardly differ, and of unlike ones."""
    values, basis = _falling(dims), _rotation(dims)
    turned = torch.linalg.qr(torch.eye(dims) + 0.02 * _normal(dims, dims, seed=3) / dims**0.5).Q
    other = basis @ turned if near else _rotation(dims, 1)
    cross = torch.linalg.svdvals(values.sqrt()[:, None] * (basis.T @ other) * values.sqrt()).sum()
    expected = (2 * values.sum() - 2 * cross).item()
    assert near == (expected < 1e-3)
    assert _distance(_turned(values, basis), _turned(values, other)) == pytest.approx(expected, rel=1e-9)


def test_it_is_that_of_high_precision() -> None:
    """Independent of LAPACK: Tr (A B)^(1/2) from the eigenvalues of A B with 60 digits."""
    values = _falling(24)
    a, b = _turned(values, _rotation(24)), _turned(values, _rotation(24, 1))
    with mpmath.workdps(60):
        product = mpmath.matrix(a.tolist()) * mpmath.matrix(b.tolist())
        found = mpmath.eig(product, left=False, right=False)
        cross = mpmath.fsum(mpmath.sqrt(mpmath.re(value)) for value in found)
        expected = float(mpmath.fsum((a + b).diagonal().tolist()) - 2 * cross)
    assert _distance(a, b) == pytest.approx(expected, rel=1e-12)


def test_features_that_hardly_vary_on_one_side_count() -> None:
    """Their share of Tr (A B)^(1/2) is the root of their variance: 1e-9 each of 1e-18."""
    scale, roots = torch.ones(30).double(), [torch.linalg.cholesky(_covariance(30, seed)) for seed in (0, 1)]
    scale[10:] = 1e-9
    first, second = scale[:, None] * roots[0], roots[1]
    a, b = first @ first.T, second @ second.T
    expected = (a.trace() + b.trace() - 2 * torch.linalg.svdvals(first.T @ second).sum()).item()
    assert _distance(a, b) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(("rank_a", "rank_b"), [(30, 30), (30, 1024), (1024, 30), (300, 200)])
def test_rounding_is_not_taken_for_variance(rank_a: int, rank_b: int, single: bool) -> None:
    """Singular covariances have eigenvalues of 1e-16, or 1e-8 after float32, that should be zero."""
    dims, roots = 512, []
    for seed, rank in enumerate((rank_a, rank_b)):
        roots.append(_normal(dims, rank, seed=seed) * torch.logspace(0, -2, rank) / rank**0.5)
    a, b = (root @ root.T for root in roots)
    expected = (a.trace() + b.trace() - 2 * torch.linalg.svdvals(roots[0].T @ roots[1]).sum()).item()
    if single:
        a, b = (side.float().double() for side in (a, b))
    traces = (a.trace() + b.trace()).item()
    assert _distance(a, b) == pytest.approx(expected, abs=1e-6 * traces)


def test_it_grows_with_the_square_of_the_features() -> None:
    sides = _gaussian(_features(60, 12, 1)), _gaussian(_features(60, 12, 2, 0.1))
    scaled = [value for mean, covariance in sides for value in (1000 * mean, 1e6 * covariance)]
    plain = [value for side in sides for value in side]
    assert frechet_distance(*scaled) == pytest.approx(1e6 * frechet_distance(*plain), rel=1e-10)


def test_a_direction_without_variance_adds_the_others_variance() -> None:
    mean, flat = torch.zeros(3), torch.diag(torch.tensor([4.0, 0.0, 1.0]))
    found = frechet_distance(mean, flat, mean, torch.diag(torch.tensor([9.0, 5.0, 0.0])))
    assert found == pytest.approx((3 - 2) ** 2 + 5 + 1, rel=1e-12)


def test_of_one_that_does_not_vary_it_is_the_others_trace() -> None:
    mean, none, covariance = torch.zeros(7), torch.zeros(7, 7), _covariance(7)
    trace = covariance.trace().item()
    assert frechet_distance(mean, none, mean, covariance) == pytest.approx(trace, rel=1e-12)
    assert frechet_distance(mean, covariance, mean, none) == pytest.approx(trace, rel=1e-12)
    assert frechet_distance(mean, none, mean, none) == 0


@pytest.mark.parametrize(("n_a", "n_b"), [(200, 150), (20, 150), (150, 20), (20, 15)])
def test_it_is_symmetric_and_right_with_fewer_images_than_features(n_a: int, n_b: int) -> None:
    """Against singular values: with centred features X, Y, Tr (A B)^(1/2) is the nuclear norm of X Y^T, scaled."""
    x, y = _features(n_a, 40, 1), _features(n_b, 40, 2, 0.2)
    (mean_a, a), (mean_b, b) = _gaussian(x), _gaussian(y)
    cross = torch.linalg.svdvals((x - x.mean(0)) @ (y - y.mean(0)).T).sum() / ((n_a - 1) * (n_b - 1)) ** 0.5
    expected = ((mean_a - mean_b).square().sum() + a.trace() + b.trace() - 2 * cross).item()
    assert expected > 0.1
    assert frechet_distance(mean_a, a, mean_b, b) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(mean_b, b, mean_a, a) == pytest.approx(expected, rel=1e-6)


@pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")
@pytest.mark.parametrize(("count", "dims"), [(400, 128), (100, 128)])
def test_from_the_same_features_it_is_that_of_pytorch_fid(
    count: int, dims: int, pytorch_fids_distance: Callable[..., float]
) -> None:
    x, y = _features(count, dims, 1), _features(count, dims, 2, 0.2)
    theirs = [
        value for side in (x, y) for value in (side.numpy().mean(0), np.cov(side.numpy(), rowvar=False))
    ]
    expected = pytorch_fids_distance(*theirs)
    assert expected > 1
    ours = [value for side in (x, y) for value in _gaussian(side)]
    assert frechet_distance(*ours) == pytest.approx(expected, rel=1e-6)


def test_of_a_set_and_itself_it_is_nought_though_rounding_may_fall_below() -> None:
    for count in (20, 200):
        side = _gaussian(_features(count, 40, 1))
        assert 0 <= frechet_distance(*side, *side) < 1e-6 * side[1].trace().item()


@pytest.mark.parametrize("seed", range(4))
def test_singular_covariances_that_were_rounded_to_float32_will_do(seed: int) -> None:
    """Rounding makes them indefinite, and what a Cholesky factor makes of that is further off."""
    exact = [value for shift in (0, 0.2) for value in _gaussian(_features(20, 40, seed, shift))]
    rounded = [value.float().double() for value in exact]
    assert torch.linalg.eigvalsh(rounded[1])[0] < 0
    assert frechet_distance(*rounded) == pytest.approx(frechet_distance(*exact), rel=1e-6)


def test_it_takes_float32_and_computes_in_float64() -> None:
    plain = [_normal(6), _covariance(6), _normal(6, seed=1), _covariance(6, seed=2)]
    single = [value.float() for value in plain]
    assert frechet_distance(*single) == frechet_distance(*(value.double() for value in single))


def test_shapes_must_match_and_values_be_finite() -> None:
    mean, covariance = torch.zeros(3), torch.eye(3)
    with pytest.raises(ValueError, match="equal F"):
        frechet_distance(mean, covariance, torch.zeros(2), torch.eye(2))
    with pytest.raises(ValueError, match="equal F"):
        frechet_distance(mean, covariance, mean, torch.ones(3))
    with pytest.raises(ValueError, match="finite"):
        frechet_distance(mean, covariance, mean, covariance * torch.nan)
    with pytest.raises(ValueError, match="finite"):
        frechet_distance(mean, covariance * torch.inf, mean, covariance)
