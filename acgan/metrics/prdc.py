"""Precision, recall, density and coverage, plain and clipped, in feature space. Shapes: N, M images, F features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from acgan.metrics._feature_pair import feature_pair
from acgan.metrics.clipped import NearestBalls, clipped_coverage, clipped_density, inside_balls
from acgan.metrics.distances import of_squared_distances

#: Of squared distances, at most, where vectors are up to 1,000 times as long as their distances.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Prdc:
    """Overlap of two sets of images, by balls around images that reach to the k-th nearest other image of their set.

    An image on a ball's surface is outside, as in Naeem et al.'s package; for clipped density inside, as in Salvy et
    al.'s.

    Attributes:
        precision: Share of fakes inside any real image's ball, in [0, 1] (Kynkäänniemi et al. 2019, eq. 2).
        recall: Share of real images inside any fake's ball, in [0, 1] (the same, with the sets swapped).
        density: Real balls that a fake is inside of, on average, divided by k; about 1 where the distributions are
            the same, and not bounded by it (Naeem et al. 2020, eq. 3).
        coverage: Share of real images whose ball has a fake inside, in [0, 1] (Naeem et al. 2020, eq. 4).
        clipped_density: Density with radii of at most their median, where a fake counts at most 1, over the same of
            the real images: the share of good fakes, in [0, 1] (Salvy et al. 2026).
        clipped_coverage: Share of fakes of the real images' own distribution that would fill the real balls as much,
            in [0, 1]; a ball is full with k fakes inside (Salvy et al. 2026).
    """

    precision: float
    recall: float
    density: float
    coverage: float
    clipped_density: float
    clipped_coverage: float


def prdc(real: Tensor, fake: Tensor, k: int = 5) -> Prdc:
    """Compare generated images with real ones by their nearest neighbours.

    Memory does not grow with N M: 10,000 images a side take less than 128 MiB a core beside the features.

    Args:
        real: (N, F) features of real images, of any floating-point type.
        fake: (M, F) features of generated images.
        k: The neighbour that a ball reaches to; 1 is the nearest other image.

    Raises:
        ValueError: The shapes do not match, a side has fewer than k + 1 images, a feature is not finite, or k < 1.
    """
    if k < 1:
        raise ValueError(f"expected k >= 1, got {k}")
    real, fake = feature_pair(real, fake, at_least=k + 1)
    precise = torch.zeros(len(fake), dtype=torch.bool, device=real.device)
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    inside = covered = filled = 0
    radii = []
    # A real image is inside its own ball, and that is one more.
    of_fakes, of_reals = (
        NearestBalls(len(side), kept, real.device) for side, kept in ((fake, k), (real, k + 1))
    )
    for block in of_squared_distances(real, (real, fake), partial(_around_real, len(real), k)):
        precise |= block.others_inside
        inside += block.inside
        covered += block.covered
        filled += block.filled
        radii.append(block.radii)
        of_fakes.add(block.fakes)
        of_reals.add(block.reals)
    for inside_any in of_squared_distances(fake, (fake, real), partial(_inside_any, len(fake), k)):
        recalled |= inside_any
    median = _median(torch.cat(radii))
    return Prdc(
        precision=int(precise.sum()) / len(fake),
        recall=int(recalled.sum()) / len(real),
        density=inside / (k * len(fake)),
        coverage=covered / len(real),
        clipped_density=clipped_density(of_fakes.clipped(median), of_reals.clipped(median) - 1, k),
        clipped_coverage=clipped_coverage(filled / (k * len(real)), len(real), len(fake), k),
    )


def expected_coverage(num_fake: int, num_real: int, k: int) -> float:
    """Coverage that fakes of the real images' own distribution are expected to have, at any counts.

    Seen from a real image, the others and the fakes come in random order; it is not covered if the first k are real.
    """
    if num_real <= k:  # some of the first k are fakes, if there are any
        return float(num_fake > 0)
    return 1 - math.prod((num_real - 1 - i) / (num_fake + num_real - 1 - i) for i in range(k))


@dataclass(frozen=True)
class _RealBalls:
    """Balls around some real images, and the M fakes. Distances and radii are squared.

    Attributes:
        others_inside: (M,) bool, True for fakes inside any ball.
        inside: Number of pairs of a ball and a fake inside.
        covered: Number of balls with one inside.
        filled: Fakes inside each ball, at most k, in all.
        radii: (n,).
        fakes: Fakes inside a ball, with their distances, see ``inside_balls``.
        reals: Real images inside a ball, with theirs.
    """

    others_inside: Tensor
    inside: int
    covered: int
    filled: int
    radii: Tensor
    fakes: tuple[Tensor, Tensor]
    reals: tuple[Tensor, Tensor]


def _around_real(num_real: int, k: int, distances: Tensor) -> _RealBalls:
    among_real, to_fakes = distances.split([num_real, distances.shape[1] - num_real], dim=1)
    radii = _radii(among_real, k)
    inside = to_fakes < radii
    counts = inside.sum(dim=1)
    return _RealBalls(
        inside.any(dim=0),
        int(counts.sum()),
        int((counts > 0).sum()),
        int(counts.clamp(max=k).sum()),
        radii.squeeze(1),
        inside_balls(to_fakes, radii, k),
        inside_balls(among_real, radii, k + 1),
    )


def _inside_any(num_centres: int, k: int, distances: Tensor) -> Tensor:
    """(M,) bool, True for the other images that are inside any ball of a block of centres."""
    among_centres, to_others = distances.split([num_centres, distances.shape[1] - num_centres], dim=1)
    inside: Tensor = to_others < _radii(among_centres, k)
    return inside.any(dim=0)


def _radii(among_centres: Tensor, k: int) -> Tensor:
    """(n, 1) squared radii of balls around some centres.

    A ball's radius and the distances held against it come from one row, so that an other image that equals the
    k-th neighbour is on the surface to the last bit.
    """
    # k + 1, as the nearest centre is the centre itself.
    nearest: Tensor = among_centres.topk(k + 1, dim=1, largest=False).values
    radii: Tensor = nearest.amax(dim=1, keepdim=True)
    return radii


def _median(squares: Tensor) -> Tensor:
    """The square of the median distance, and a little more.

    Two images that are each other's k-th neighbour have one radius. From either end it is computed with another
    rounding, and each of the two has to be inside the other's ball where that is the median.
    """
    return squares.sqrt().quantile(0.5).square() * (1 + _ROUNDING)
