"""Distances of all pairs, and nearest neighbours, in feature space. Shapes: N, M images, F features.

Distances are float64 and squared, in blocks of rows, by |a|² + |b|² - 2ab; on a CPU each core has a block. What
cancels there lies below the rounding of float32 features, but at ties the last bit decides, and ties are common: copies
of training images, of each other. So equal vectors are found beforehand and have one distance, which is exactly 0 from
each other.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from acgan.metrics._feature_pair import feature_pair
from acgan.parallel import in_order_on

_BLOCK_ROWS, _BLOCK_BYTES = 256, 2**26  # of distances, at most
_PART = 2048  # vectors converted to float64 at a time
_Found = TypeVar("_Found")


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
    nearest = of_squared_distances(queries, (references,), partial(torch.argmin, dim=1))
    indices = torch.cat(list(nearest))
    return _apart(queries, references, indices), indices


def distances_to_others(references: Tensor, rows: Tensor) -> Tensor:
    """Distances of some references to the nearest other one.

    Args:
        references: (M, F) of any floating-point type, two or more.
        rows: (N,) int64, those that are asked for.

    Returns:
        (N,) float64, exactly 0 where another reference is equal.

    Raises:
        ValueError: There are fewer than two references, or a feature is not finite.
    """
    references, _ = feature_pair(references, references, at_least=2)
    rows = rows.to(references.device)
    queries = references[rows]
    found = of_squared_distances(queries, (references,), partial(torch.topk, k=2, dim=1, largest=False))
    # Where the image itself is not the first, the first two are its equals, or one of them and itself: at distance 0.
    second = torch.cat([one.indices[:, 1] for one in found])
    return _apart(queries, references, second)


def of_squared_distances(
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


def _apart(queries: Tensor, references: Tensor, indices: Tensor) -> Tensor:
    """(N,) distances of queries to a reference each, by their differences, in which nothing cancels."""
    distances = [
        torch.linalg.vector_norm(query.double() - references[index].double(), dim=1)
        for query, index in zip(queries.split(_PART), indices.split(_PART), strict=True)
    ]
    return torch.cat(distances)


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
