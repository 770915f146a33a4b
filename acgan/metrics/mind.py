"""The Monge inception distance, MIND. N, M images, F features, U directions."""

from __future__ import annotations

import torch
from torch import Tensor

from acgan.metrics._feature_pair import feature_pair
from acgan.parallel import in_order_on
from acgan.runtime import Draws

#: Directions that features are projected on.
DIRECTIONS = 1000
_AT_ONCE = 50  # directions: their projections of 10,000 images fill 4 MB a side
_ROWS = 1000  # images that are converted to float64 at once


def monge_distance(real: Tensor, fake: Tensor, *, directions: int = DIRECTIONS, seed: int = 0) -> float:
    """A sliced Wasserstein distance (MIND, Berthet et al. 2026): 3 F E_u[W₂²(uᵀX, uᵀY)].

    u is uniform on the unit sphere. The squared distance W₂² of two sets of N numbers is the mean of (x - y)² over both
    in order. The factor 3 F is the authors'; it brings the number near to that of FID. Where one side has more images,
    as many as the other has are drawn from it.

    Sets of finite size differ by chance, so that the distance of equal distributions is above 0, the more so the fewer
    the images.

    Args:
        real: (N, F) features of real images, of any floating-point type; computed with in float64.
        fake: (M, F) features of generated images.
        directions: U, by which the expectation is estimated.
        seed: Seed of the directions, and of the choice of images.

    Raises:
        ValueError: The shapes do not match, a side is empty, a feature is not finite, or there are no directions.
    """
    if directions < 1:
        raise ValueError(f"expected directions >= 1, got {directions}")
    real, fake = feature_pair(real, fake, at_least=1)
    count = min(len(real), len(fake))
    real, fake = (_drawn(side, count, seed) for side in (real, fake))
    dims = real.shape[1]
    lines = unit_directions(dims, directions, seed).to(real.device)

    def squared(part: Tensor) -> Tensor:
        """Sum of W₂² over some directions (u, F)."""
        a, b = (_projected(side, part).sort(dim=0).values for side in (real, fake))  # (n, u)
        return (a - b).square().mean(dim=0).sum()

    sums = torch.stack(list(in_order_on(real.device, squared, lines.split(_AT_ONCE))))
    return float(3 * dims * sums.sum() / directions)


def unit_directions(dims: int, number: int, seed: int) -> Tensor:
    """(number, dims) float64 vectors of length 1, uniform on the sphere."""
    drawn = Draws(seed).normal((number, dims), "monge directions").double()
    lengths: Tensor = drawn.norm(dim=1, keepdim=True)
    return drawn / lengths


def _drawn(features: Tensor, count: int, seed: int) -> Tensor:
    if len(features) == count:
        return features
    chosen = Draws(seed).generator("monge images").choice(len(features), count, replace=False)
    return features[torch.from_numpy(chosen).to(features.device)]


def _projected(features: Tensor, lines: Tensor) -> Tensor:
    """(n, u) float64."""
    return torch.cat([part.double() @ lines.T for part in features.split(_ROWS)])
