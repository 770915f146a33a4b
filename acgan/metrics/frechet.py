"""The Fréchet distance between two normal distributions, which FID is. F features."""

from __future__ import annotations

import torch
from torch import Tensor


def frechet_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> float:
    """Squared Fréchet distance |mu_a - mu_b|^2 + Tr(A + B - 2 (A B)^(1/2)) (Heusel et al. 2017, eq. 6).

    With A = R_A R_A^T and B = R_B R_B^T, Tr (A B)^(1/2) is the sum of the singular values of R_A^T R_B. Their squares
    are the eigenvalues of A B, but A B is never formed: float64 keeps what is above 1e-16 of the largest value, so
    squares keep the singular values above 1e-8 of the largest one, and the roots those above 1e-16. Eigenvalues of
    covariances fall like a power, so that hundreds of directions lie between, and together they count.

    Args:
        mean_a: (F,).
        covariance_a: (F, F), symmetric, positive semi-definite.
        mean_b: (F,).
        covariance_b: (F, F), symmetric, positive semi-definite.

    Returns:
        The distance, at least 0.

    Raises:
        ValueError: If shapes do not match, or a value is not finite.
    """
    dims = len(mean_a)
    shapes = [tuple(tensor.shape) for tensor in (mean_a, mean_b, covariance_a, covariance_b)]
    if shapes != [(dims,), (dims,), (dims, dims), (dims, dims)]:
        raise ValueError(f"expected means (F,) and covariances (F, F) of equal F, got {shapes}")
    mean_a, covariance_a, mean_b, covariance_b = (
        tensor.detach().cpu().double() for tensor in (mean_a, covariance_a, mean_b, covariance_b)
    )
    shift = (mean_a - mean_b).square().sum()
    traces = covariance_a.trace() + covariance_b.trace()
    if not torch.isfinite(shift + covariance_a.sum() + covariance_b.sum()):
        raise ValueError("expected finite means and covariances")
    cross = torch.linalg.svdvals(_root(covariance_a).T @ _root(covariance_b)).sum()
    return max(0.0, float(shift + traces - 2 * cross))


def _root(covariance: Tensor) -> Tensor:
    """A root R (F, r) such that R R^T is the covariance, of rank r."""
    deviations = covariance.diagonal().clamp(min=0).sqrt()
    scale = torch.where(deviations > 0, deviations, 1.0)
    # A feature that varies little is as exact as another one if all have variance 1.
    return scale[:, None] * _root_of_correlations(covariance / scale[:, None] / scale)


def _root_of_correlations(matrix: Tensor) -> Tensor:
    """A root of a matrix whose diagonal is 1.

    It is a Cholesky factor, which pivoting ends where no feature has more than rounding left, F eps of its variance
    (Higham 1990). What is left out has a trace of at most F eps Tr A, so by Cauchy and Schwarz the sum of singular
    values lacks at most (F eps Tr A Tr B)^(1/2): below 1e-6 of the traces for up to 4,500 features.

    Rounding, say to float32, can make a matrix indefinite; then there is no such factor, and what is left falls below
    zero. Then the root is made from eigenvectors. The lowest eigenvalue should be 0, so it shows the size of the
    rounding, and positive ones up to twice that size are rounding, too.
    """
    from scipy.linalg.lapack import dpstrf  # takes a moment to load

    diagonal = matrix.diagonal()
    rounding = len(matrix) * torch.finfo(matrix.dtype).eps
    factor, pivots, rank, _ = dpstrf(matrix.numpy(), lower=1, tol=rounding)
    root: Tensor = torch.empty(len(matrix), rank, dtype=torch.float64)
    root[torch.from_numpy(pivots).long() - 1] = torch.from_numpy(factor[:, :rank]).tril()
    if ((diagonal - root.square().sum(dim=1)).abs() > 10 * rounding).any():
        values, vectors = torch.linalg.eigh(matrix)
        kept = values > -2 * values[0]
        root = vectors[:, kept] * values[kept].sqrt()
    return root
