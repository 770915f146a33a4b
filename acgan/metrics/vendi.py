"""The Vendi score: number of different images that a set is worth. N images, F features."""

from __future__ import annotations

import torch
from torch import Tensor

from acgan.metrics._feature_pair import feature_pair

_PART = 2048  # vectors converted to float64 at a time


def vendi_score(features: Tensor) -> float:
    """Exponential of the entropy of the eigenvalues of K / N, K the cosines of the features (Friedman & Dieng 2023).

    1 says that all images have one direction; N, that all are at right angles. Where N is above F, the eigenvalues are
    those of the F x F matrix of the normalised features, as the others are 0. Features that are all zero have no
    direction: they are like each other, and unlike all others.

    Args:
        features: (N, F) of any floating-point type; computed with in float64.

    Returns:
        The score, in [1, min(N, F + 1)].

    Raises:
        ValueError: There are no images, or a feature is not finite.
    """
    features, _ = feature_pair(features, features, at_least=1)
    count, dims = features.shape
    lengths = torch.cat([part.double().norm(dim=1) for part in features.split(_PART)])
    features = features[lengths > 0]
    if count > dims:
        products = features.new_zeros(dims, dims, dtype=torch.float64)
        for part in features.split(_PART):
            directions = _directions(part)
            products += directions.T @ directions
    else:
        directions = _directions(features)
        products = directions @ directions.T
    shares = torch.linalg.eigvalsh(products / count).clamp_min(0)
    without = (count - len(features)) / count
    entropy: Tensor = torch.special.entr(torch.cat((shares, shares.new_tensor([without])))).sum()
    return float(entropy.exp())


def _directions(features: Tensor) -> Tensor:
    return torch.nn.functional.normalize(features.double(), dim=1, eps=0)
