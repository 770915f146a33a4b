"""The Fréchet distance between two normal distributions, which FID is. F features."""

from __future__ import annotations

import torch
from torch import Tensor


def frechet_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> float:
    """Squared Fréchet distance |mu_a - mu_b|^2 + Tr(A + B - 2 (A B)^(1/2)) (Heusel et al. 2017, eq. 6).

    Tr (A B)^(1/2) is the sum of the roots of the eigenvalues of A B. With A = R R^T they are those of R^T B R, which is
    symmetric: a Cholesky factor and the values of one symmetric eigenproblem, and no matrix root, which is slow and,
    where a covariance is singular (fewer images than features), not accurate.

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
    root = _root(covariance_a)
    product = torch.linalg.eigvalsh(root.T @ covariance_b @ root)  # (r,)
    cross = product[_above_rounding(product)].sqrt().sum()
    return max(0.0, float(shift + traces - 2 * cross))


def _root(covariance: Tensor) -> Tensor:
    """A root R (F, r) such that R R^T is the covariance, of rank r.

    A Cholesky factor, which pivoting ends where what is left is rounding (Higham 1990). A matrix that
    rounding, say to float32, has made indefinite has none, and what is left falls below zero: then the eigenvectors.
    """
    from scipy.linalg.lapack import dpstrf  # takes a moment to load

    diagonal = covariance.diagonal()
    rounding = len(diagonal) * torch.finfo(diagonal.dtype).eps * diagonal.max()
    factor, pivots, rank, _ = dpstrf(covariance.numpy(), lower=1, tol=rounding.item())
    root: Tensor = torch.empty(len(diagonal), rank, dtype=torch.float64)
    root[torch.from_numpy(pivots).long() - 1] = torch.from_numpy(factor[:, :rank]).tril()
    if ((diagonal - root.square().sum(dim=1)).abs() > 10 * rounding).any():
        values, vectors = torch.linalg.eigh(covariance)
        kept = _above_rounding(values)
        root = vectors[:, kept] * values[kept].sqrt()
    return root


def _above_rounding(values: Tensor) -> Tensor:
    """True for eigenvalues (ascending) above rounding: a root would enlarge the others."""
    if not len(values):
        return values > 0
    return values > values[-1] * len(values) * torch.finfo(values.dtype).eps
