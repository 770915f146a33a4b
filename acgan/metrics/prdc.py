"""Precision, recall, density and coverage, and nearest neighbours, in feature space. Shapes: N, M images, F features.

Distances are float64 and squared, in blocks of rows, by |a|² + |b|² - 2ab. What cancels there lies below the rounding
of float32 features, but at ties the last bit decides, and ties are common: copies of training images, of each other.
So equal vectors are found beforehand and have one distance, which is exactly 0 from each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from acgan.metrics._feature_pair import feature_pair

_BLOCK_BYTES = 2**27  # of distances
_PART = 2048  # vectors converted to float64 at a time


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

    Memory does not grow with N M: 10,000 images a side take less than half a GiB beside the features.

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
    for inside in _inside_balls(real, fake, k):
        precise |= inside.any(dim=0)
        inside_count += int(inside.sum())
        covered += int(inside.any(dim=1).sum())
    for inside in _inside_balls(fake, real, k):
        recalled |= inside.any(dim=0)
    return Prdc(
        precision=int(precise.sum()) / len(fake),
        recall=int(recalled.sum()) / len(real),
        density=inside_count / (k * len(fake)),
        coverage=covered / len(real),
    )


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
    blocks = _squared_distances(queries, (references,))
    indices = torch.cat([block.argmin(dim=1) for block in blocks])
    # Once more by their differences, in which nothing cancels.
    distances = [
        torch.linalg.vector_norm(query.double() - references[index].double(), dim=1)
        for query, index in zip(queries.split(_PART), indices.split(_PART), strict=True)
    ]
    return torch.cat(distances), indices


def _inside_balls(centres: Tensor, others: Tensor, k: int) -> Iterator[Tensor]:
    """Blocks of (n, M) bool: which others are inside the ball around each centre.

    A ball's radius and the distances held against it come from one row, so that an other image that equals the
    k-th neighbour is on the surface to the last bit.
    """
    for distances in _squared_distances(centres, (centres, others)):
        among_centres, to_others = distances.split([len(centres), len(others)], dim=1)
        # k + 1, as the nearest centre is the centre itself.
        radii = among_centres.topk(k + 1, dim=1, largest=False).values.amax(dim=1, keepdim=True)
        yield to_others < radii


def _squared_distances(rows: Tensor, columns: Sequence[Tensor]) -> Iterator[Tensor]:
    """Blocks of (n, C) float64, C counting all columns: 0 between equal vectors, positive between all others."""
    first = _first_equal((*columns, rows))
    count = len(first) - len(rows)
    originals, equals = first[:count], first[count:]
    copies = (originals != torch.arange(count, device=first.device)).nonzero().squeeze(1)
    size = min(_PART, max(1, _BLOCK_BYTES // (8 * count)))
    for block_rows, equal in zip(rows.split(size), equals.split(size), strict=True):
        block = _expanded_squares(block_rows, columns, count)
        has_equal = (equal < count).nonzero().squeeze(1)
        block[has_equal, equal[has_equal]] = 0
        block[:, copies] = block[:, originals[copies]]
        yield block


def _expanded_squares(rows: Tensor, columns: Sequence[Tensor], count: int) -> Tensor:
    """(n, count) squared distances, up to rounding and never 0: so far, no two vectors are known to be equal."""
    rows = rows.double()
    found = rows.new_empty(len(rows), count)
    start = 0
    for part in _parts(columns):
        block = found[:, start : start + len(part)]
        torch.addmm(part.square().sum(dim=1), rows, part.T, alpha=-2, out=block)
        start += len(part)
    found += rows.square().sum(dim=1, keepdim=True)
    return found.clamp_min_(torch.finfo(found.dtype).tiny)


def _first_equal(sides: Sequence[Tensor]) -> Tensor:
    """(all,) int64: the index of the first vector equal to each, counting through the sides."""
    seen: dict[bytes, int] = {}
    first: list[int] = []
    for part in _parts(sides):
        for vector in (part + 0.0).cpu().numpy():  # -0.0 becomes 0.0, which it equals
            digest = hashlib.blake2b(vector.tobytes(), digest_size=16).digest()
            first.append(seen.setdefault(digest, len(first)))
    return torch.tensor(first, device=sides[0].device)


def _parts(sides: Sequence[Tensor]) -> Iterator[Tensor]:
    return (part.double() for side in sides for part in side.split(_PART))
