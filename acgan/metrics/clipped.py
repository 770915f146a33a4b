"""Clipped Density and Clipped Coverage: the counts that they are made of, and their calibration.

Salvy, Talbot, Thirion 2026, "Enhanced Generative Model Evaluation with Clipped Density and Coverage". N real images, M
generated ones, k the neighbour that a real image's ball reaches to.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class NearestBalls:
    """Distances of each image from the centres of the balls that it is inside of, the smallest alone.

    A radius is clipped to the median of all, which is known once all have been seen. An image is inside a ball that
    was clipped if the distance is at most the radius and at most the median. So the distances from the centres of
    whole balls tell, and as no more than k balls count, the k smallest are enough.

    Args:
        count: Number of images.
        kept: Number of distances of each that are kept.
        device: Where the distances are.
    """

    def __init__(self, count: int, kept: int, device: torch.device):
        self._kept = kept
        self._nearest = torch.full((kept, count), torch.inf, dtype=torch.float64, device=device)

    def add(self, found: tuple[Tensor, Tensor]) -> None:
        """Take in what ``inside_balls`` found of some centres."""
        images, distances = found
        both = torch.cat((self._nearest[:, images], distances))
        self._nearest[:, images] = both.topk(self._kept, dim=0, largest=False).values

    def clipped(self, median: Tensor) -> Tensor:
        """(count,) balls that each image is inside of, no radius above the median; at most as many as kept."""
        return (self._nearest <= median).sum(dim=0)


def inside_balls(distances: Tensor, radii: Tensor, kept: int) -> tuple[Tensor, Tensor]:
    """Images that lie inside some balls, on the surface too, and their smallest distances.

    Args:
        distances: (n, count), from n centres.
        radii: (n, 1).
        kept: See ``NearestBalls``.

    Returns:
        (m,) int64 images, and (at most kept, m) distances from centres, infinite where there are no more.
    """
    outside = distances > radii
    images = (~outside).any(dim=0).nonzero().squeeze(1)
    inside = distances[:, images].masked_fill(outside[:, images], torch.inf)
    return images, inside.topk(min(kept, len(inside)), dim=0, largest=False).values


def clipped_density(fake: Tensor, real: Tensor, k: int) -> float:
    """Share of good samples by the balls that they are inside of, in [0, 1] (the paper's Clipped Density).

    The mean of min(balls / k, 1) over samples, over that of the real images, at most 1.

    Args:
        fake: (M,) clipped balls of real images that a sample is inside of.
        real: (N,) those of other real images that a real image is inside of.
        k: The neighbour that a ball reached to before it was clipped.
    """
    own, ideal = (counts.clamp(max=k).double().mean().item() / k for counts in (fake, real))
    return min(1.0, own / ideal)  # half of the balls keep their k neighbours, so that the ideal is above 0


def clipped_coverage(filling: float, num_real: int, num_fake: int, k: int) -> float:
    """Share of good samples that would fill the balls of the real images as much (the paper's Clipped Coverage).

    It inverts ``expected_filling``, in proportion between two whole numbers of samples. The package of its authors
    takes the next whole number over M + 1, and counts fewer than k samples as none: it differs by up to 1 / M, and for
    a filling that fewer than k samples yield.

    Args:
        filling: Mean of min(samples in a real image's ball / k, 1) over the real images.
        num_real: N, more than k.
        num_fake: M.
        k: The neighbour that a ball reaches to.
    """
    low, high = 0, num_fake
    if filling >= expected_filling(num_fake, num_real, k):
        return 1.0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if expected_filling(middle, num_real, k) <= filling else (low, middle)
    below, above = (expected_filling(count, num_real, k) for count in (low, high))
    return (low + (filling - below) / (above - below)) / num_fake


def expected_filling(num_good: int, num_real: int, k: int) -> float:
    """Filling of the real images' balls that good samples, of their own distribution, are expected to yield.

    Seen from a real image, the others and the samples come in random order, and J samples come before the k-th real
    image. The mean of min(J, k) / k is the paper's sum with Beta functions, for J is beta-binomial. Here it is the
    mean of P(J >= j) over j = 1 to k: of the first k + j - 1 images, fewer than k are real. These are fractions of
    whole numbers, and exact.
    """
    return math.fsum(_reached(j, num_good, num_real - 1, k) for j in range(1, k + 1)) / k


def _reached(j: int, num_good: int, others: int, k: int) -> float:
    """P(J >= j)."""
    if num_good < j:
        return 0.0
    drawn = k + j - 1
    ways = sum(math.comb(others, real) * math.comb(num_good, drawn - real) for real in range(k))
    return ways / math.comb(others + num_good, drawn)
