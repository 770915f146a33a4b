"""Authenticity: the share of samples that are no copies of the training images next to them."""

from __future__ import annotations

from torch import Tensor


def authenticity(nearest: Tensor, own: Tensor) -> float:
    """Share of samples that are further from a training image than that is from the others (Alaa et al. 2022).

    A sample that lies nearer to its nearest training image than any other training image does is called a copy of it,
    with noise. Images never seen are called so too, now and then: compare with held-out images.

    Args:
        nearest: (N,) distances of samples to their nearest training images.
        own: (N,) distances of those training images to their own nearest other training images.

    Returns:
        The share, in [0, 1]: AuthPct over 100. 0 where all samples are training images.

    Raises:
        ValueError: There are no distances, or not as many of both.
    """
    if nearest.ndim != 1 or nearest.shape != own.shape or not len(nearest):
        raise ValueError(f"expected distances (N,) twice, got {tuple(nearest.shape)}, {tuple(own.shape)}")
    return (nearest > own).double().mean().item()
