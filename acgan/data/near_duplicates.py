"""Held-out images that are nearly the same picture as a training image, found by small gray versions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COMPARISONS = 100_000_000  # of an image with another: some seconds on a core
SAME = 0.07  # distance below which two images are one picture, whatever the others look like
_GRID = 16  # cells a side
_CONTRAST = 4.0  # gray levels; the cells of flatter images say nothing
_NEIGHBOUR = 10
_CLEARLY_NEARER = 0.5
_CHANCE = 1e-5  # of a false alarm an image
_PROBES = 256
_TRAIN_BLOCK, _QUERY_BLOCK = 4096, 1024


@dataclass(frozen=True)
class Match:
    """A held-out image and its nearest training image: their positions, and their distance from 0 to 1.42."""

    held_out: int
    train: int
    distance: float


@dataclass(frozen=True)
class Search:
    """The number of held-out images that were searched for, and those with a near-duplicate, nearest first."""

    searched: int
    matches: tuple[Match, ...]


def find_near_duplicates(train: np.ndarray, held_out: np.ndarray) -> Search:
    """Find the held-out images that have a near-duplicate among the training images, perhaps mirrored.

    Images are compared as 16 x 16 gray cells of mean 0 and length 1, so neither brightness nor contrast counts. In
    some sets all images of a class look alike (the ones of MNIST), so a small distance d1 alone says little. An image
    has a near-duplicate where d1 is far below d10, its distance from the 10th nearest. Of points that lie evenly in
    m dimensions, d1 / d10 is below t with the chance 1 - (1 - t^m)^9; t is chosen for a chance of 1e-5, and at most
    0.5. The training images tell m, by their 10th and 30th neighbours (Levina & Bickel 2004, eq. 8). Where a picture
    has ten near-duplicates and more, as in a video, only a distance below 0.07 is found.

    Args:
        train: (N, C, R, R) uint8, R a multiple of 16 or at most 16.
        held_out: (M, C, R, R) uint8. Where there are many, evenly spaced ones are searched for, so that no more than
            100 million pairs are compared.
    """
    searched = np.arange(len(held_out))
    most = max(1, COMPARISONS // max(1, len(train)))
    if len(searched) > most:
        searched = np.linspace(0, len(held_out) - 1, most).astype(np.int64)
    neighbour = min(_NEIGHBOUR, len(train) // 4)
    probes = np.linspace(0, len(train) - 1, min(len(train), _PROBES)).astype(np.int64)
    queries = np.concatenate([_cells(held_out, searched), _cells(train, probes)])
    distances, nearest = _nearest(queries, train, min(len(train), 3 * neighbour + 1))
    own = distances[: len(searched)]
    found = np.zeros(len(own), dtype=bool)
    if len(train):
        found |= own[:, 0] < SAME
    if neighbour >= 2:
        # The first neighbour of a training image is the image itself.
        contrast = queries[len(searched) :].any(axis=1)
        limit = _limit(distances[len(searched) :][contrast], neighbour)
        found |= own[:, 0] < limit * own[:, neighbour - 1]
    places = np.flatnonzero(found)
    places = places[np.argsort(own[places, 0], kind="stable")]
    return Search(
        len(searched),
        tuple(Match(int(searched[i]), int(nearest[i]), float(own[i, 0])) for i in places),
    )


def _limit(distances: np.ndarray, neighbour: int) -> float:
    """The largest d1 / dk that is no chance, from (P, 3k + 1) distances of training images, first of themselves."""
    if not len(distances):
        return 0.0
    near, far = distances[:, neighbour], distances[:, 3 * neighbour]
    spread = float(np.median(np.log(np.maximum(far, 1e-6) / np.maximum(near, 1e-6))))
    dimensions = sum(1 / i for i in range(neighbour, 3 * neighbour)) / max(spread, 1e-6)
    chance = 1 - (1 - _CHANCE) ** (1 / (neighbour - 1))
    return min(_CLEARLY_NEARER, float(chance ** (1 / dimensions)))


def _nearest(queries: np.ndarray, train: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances (Q, count) from the nearest training images, in order, and which is the nearest (Q,)."""
    best = np.full((len(queries), count), -2.0, dtype=np.float32)  # inner products
    nearest = np.zeros(len(queries), dtype=np.int64)
    mirrored = queries.reshape(-1, _GRID, _GRID)[:, :, ::-1].reshape(queries.shape)
    for start in range(0, len(train), _TRAIN_BLOCK):
        cells = _cells(train, np.arange(start, min(start + _TRAIN_BLOCK, len(train)))).T
        for first in range(0, len(queries), _QUERY_BLOCK):
            part = slice(first, first + _QUERY_BLOCK)
            likeness = np.maximum(queries[part] @ cells, mirrored[part] @ cells)
            place = likeness.argmax(axis=1)
            nearer = likeness[np.arange(len(place)), place] > best[part, 0]
            nearest[part][nearer] = start + place[nearer]
            merged = np.concatenate([best[part], likeness], axis=1)
            largest = np.partition(merged, -count, axis=1)[:, -count:]
            best[part] = -np.sort(-largest, axis=1)
    return np.sqrt(np.maximum(2 - 2 * best, 0)), nearest


def _cells(images: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Gray cells (M, 256) float32 of mean 0 and length 1; all 0 where an image has next to no contrast."""
    side = images.shape[2]
    width = max(1, side // _GRID)
    cells = np.zeros((len(positions), _GRID, _GRID), dtype=np.float32)
    for start in range(0, len(positions), _QUERY_BLOCK):
        part = images[positions[start : start + _QUERY_BLOCK]]
        shape = (len(part), images.shape[1], side // width, width, side // width, width)
        gray = part.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32)
        cells[start : start + _QUERY_BLOCK, : gray.shape[1], : gray.shape[2]] = gray - gray.mean(
            axis=(1, 2), keepdims=True
        )
    flat = cells.reshape(len(cells), -1)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(length < _CONTRAST * _GRID, 0, flat / np.maximum(length, 1e-6)).astype(np.float32)
