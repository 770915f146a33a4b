"""Precision, recall, density and coverage, and nearest neighbours, in feature space. Shapes: N, M images, F features.

Distances are float64 and squared, in blocks of rows, by |a|² + |b|² - 2ab; on a CPU each core has a block. What
cancels there lies below the rounding of float32 features, but at ties the last bit decides, and ties are common: copies
of training images, of each other. So equal vectors are found beforehand and have one distance, which is exactly 0 from
each other.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from acgan.metrics._feature_pair import feature_pair
from acgan.parallel import in_order_on

_BLOCK_ROWS, _BLOCK_BYTES = 256, 2**26  # of distances, at most
_PART = 2048  # vectors converted to float64 at a time
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Prdc:
    """Overlap of two sets of images, by balls around images that reach to the k-th nearest other image of their set.

    An image on a ball's surface is outside, as in Naeem et al.'s package.

    Attributes:
        precision: Share of fakes inside any real image's ball, in [0, 1] (Kynkäänniemi et al. 2019, eq. 2).
        recall: Share of real images inside any fake's ball, in [0, 1] (the same, with the sets swapped).
        density: Real balls that a fake is inside of, on average, divided by k; about 1 where the distributions are
            the same, and not bounded by it (Naeem et al. 2020, eq. 3).
        coverage: Share of real images whose ball has a fake inside, in [0, 1] (Naeem et al. 2020, eq. 4).
    """

    precision: float
    recall: float
    density: float
    coverage: float


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
    inside_count = covered = 0
    for block in _balls(real, fake, k):
        precise |= block.others_inside
        inside_count += block.inside
        covered += block.filled
    for block in _balls(fake, real, k):
        recalled |= block.others_inside
    return Prdc(
        precision=int(precise.sum()) / len(fake),
        recall=int(recalled.sum()) / len(real),
        density=inside_count / (k * len(fake)),
        coverage=covered / len(real),
    )


def expected_coverage(num_fake: int, num_real: int, k: int) -> float:
    """Coverage that fakes of the real images' own distribution are expected to have, at any counts.

    Seen from a real image, the others and the fakes come in random order; it is not covered if the first k are real.
    """
    if num_real <= k:  # some of the first k are fakes, if there are any
        return float(num_fake > 0)
    return 1 - math.prod((num_real - 1 - i) / (num_fake + num_real - 1 - i) for i in range(k))


def nearest_neighbours(queries: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """The reference nearest to each query, by Euclidean distance.

    Args:
        queries: (N, F) of any floating-point type.
        references: (M, F) of any floating-point type.

    Returns:
        Distances (N,) float64, exactly 0 where the reference equals the query, and indices of the references (N,)
        int64, the first of equally near ones; both on the features' device, or the CPU where that has no float64.

    Raises:
        ValueError: The shapes do not match, a side is empty, or a feature is not finite.
    """
    queries, references = feature_pair(queries, references, at_least=1)
    nearest = _of_squared_distances(queries, (references,), partial(torch.argmin, dim=1))
    indices = torch.cat(list(nearest))
    # Once more by their differences, in which nothing cancels.
    distances = [
        torch.linalg.vector_norm(query.double() - references[index].double(), dim=1)
        for query, index in zip(queries.split(_PART), indices.split(_PART), strict=True)
    ]
    return torch.cat(distances), indices


@dataclass(frozen=True)
class _Balls:
    """Balls around some images, and M other images.

    Attributes:
        others_inside: (M,) bool, True for those inside any ball.
        inside: Number of pairs of a ball and an other image inside.
        filled: Number of balls with one inside.
    """

    others_inside: Tensor
    inside: int
    filled: int


def _balls(centres: Tensor, others: Tensor, k: int) -> Iterator[_Balls]:
    """The balls around the centres, block by block.

    A ball's radius and the distances held against it come from one row, so that an other image that equals the
    k-th neighbour is on the surface to the last bit.
    """

    def balls(distances: Tensor) -> _Balls:
        among_centres, to_others = distances.split([len(centres), len(others)], dim=1)
        # k + 1, as the nearest centre is the centre itself.
        radii = among_centres.topk(k + 1, dim=1, largest=False).values.amax(dim=1, keepdim=True)
        inside = to_others < radii
        return _Balls(inside.any(dim=0), int(inside.sum()), int(inside.any(dim=1).sum()))

    return _of_squared_distances(centres, (centres, others), balls)


def _of_squared_distances(
    rows: Tensor, columns: Sequence[Tensor], function: Callable[[Tensor], _Found]
) -> Iterator[_Found]:
    """Results of a function for blocks of squared distances.

    A block is (n, C) float64, C counting all columns: 0 between equal vectors, positive between all others.
    """
    first = _first_equal((*columns, rows))
    count = len(first) - len(rows)
    originals, equals = first[:count], first[count:]
    copies = (originals != torch.arange(count, device=first.device)).nonzero().squeeze(1)
    squares = torch.cat([part.square().sum(dim=1) for part in _parts(columns)])

    def of_block(block: tuple[Tensor, Tensor]) -> _Found:
        block_rows, equal = block
        distances = _expanded_squares(block_rows, columns, squares)
        has_equal = (equal < count).nonzero().squeeze(1)
        distances[has_equal, equal[has_equal]] = 0
        distances[:, copies] = distances[:, originals[copies]]
        return function(distances)

    size = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // (8 * count)))
    return in_order_on(rows.device, of_block, zip(rows.split(size), equals.split(size), strict=True))


def _expanded_squares(rows: Tensor, columns: Sequence[Tensor], squares: Tensor) -> Tensor:
    """(n, C) squared distances, up to rounding and never 0: so far, no two vectors are known to be equal.

    ``squares`` (C,) are the columns' squared norms.
    """
    rows = rows.double()
    found = rows.new_empty(len(rows), len(squares))
    start = 0
    for part in _parts(columns):
        here = slice(start, start + len(part))
        torch.addmm(squares[here], rows, part.T, alpha=-2, out=found[:, here])
        start = here.stop
    found += rows.square().sum(dim=1, keepdim=True)
    return found.clamp_min_(torch.finfo(found.dtype).tiny)


def _first_equal(sides: Sequence[Tensor]) -> Tensor:
    """(all,) int64: the index of the first vector equal to each, counting through the sides."""
    seen: dict[bytes, int] = {}
    digests = itertools.chain.from_iterable(in_order_on(sides[0].device, _digests, _parts(sides)))
    first = [seen.setdefault(digest, index) for index, digest in enumerate(digests)]
    return torch.tensor(first, device=sides[0].device)


def _digests(part: Tensor) -> list[bytes]:
    """A digest of each vector, the same for equal ones."""
    vectors = (part + 0.0).cpu().numpy()  # -0.0 becomes 0.0, which it equals
    return [hashlib.blake2b(vector.tobytes(), digest_size=16).digest() for vector in vectors]


def _parts(sides: Sequence[Tensor]) -> Iterator[Tensor]:
    return (part.double() for side in sides for part in side.split(_PART))
