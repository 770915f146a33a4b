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
_WORTH_A_LOOK = 0.02  # chance of d1 / d10 below which images are compared again, moved and zoomed
_LOOKED_AT, _ALIGNED = 1000, 3  # images at most, and nearest training images of each
_STEP_PIXELS = 1 << 21  # of images that are averaged at a time, which may be many gigabytes in all
_SIDE = 32  # pixels of images that are moved and zoomed
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
    0.5. The training images tell m, by their 10th and 30th neighbours (Levina & Bickel 2004, eq. 8). Where d1 / d10
    is small but not that small, the pictures are moved by up to 2 pixels of 32 and zoomed by up to 14 %, to find
    crops. Where a picture has ten near-duplicates and more, as in a video, only a distance below 0.07 is found.

    Args:
        train: (N, C, R, R) uint8.
        held_out: (M, C, R, R) uint8. Where there are many, evenly spaced ones are searched for, so that no more than
            100 million pairs are compared.
    """
    if not len(train) or not len(held_out):
        return Search(0, ())
    searched = np.arange(len(held_out))
    most = max(1, COMPARISONS // len(train))
    if len(searched) > most:
        searched = np.linspace(0, len(held_out) - 1, most).astype(np.int64)
    probes = np.linspace(0, len(train) - 1, min(len(train), _PROBES)).astype(np.int64)
    queries = np.concatenate([_cells(held_out, searched), _cells(train, probes)])
    neighbour = min(_NEIGHBOUR, len(train) // 4)
    distances, neighbours = _nearest(queries, train, min(len(train), 3 * neighbour + 1))
    own, nearest = distances[: len(searched), 0], neighbours[: len(searched), 0]
    found = own < SAME
    if neighbour >= 2:
        others = distances[len(searched) :][queries[len(searched) :].any(axis=1)]
        limit = _limit(others, neighbour, _CHANCE)
        ratio = own / np.maximum(distances[: len(searched), neighbour - 1], 1e-6)
        found |= ratio < limit
        close = np.flatnonzero(~found & (ratio < _limit(others, neighbour, _WORTH_A_LOOK)))
        close = close[np.argsort(ratio[close], kind="stable")][:_LOOKED_AT]
        choice = [*range(min(_ALIGNED, neighbour - 1)), neighbour - 1]
        again = _look_again(_fine(held_out, searched[close]), train, neighbours[close][:, choice])
        clear = again.ratio < limit
        found[close[clear]] = True
        own[close[clear]] = again.distance[clear]
        nearest[close[clear]] = again.nearest[clear]
    places = np.flatnonzero(found)
    places = places[np.argsort(own[places], kind="stable")]
    return Search(
        len(searched), tuple(Match(int(searched[i]), int(nearest[i]), float(own[i])) for i in places)
    )


@dataclass(frozen=True)
class _Again:
    """The nearest of a few training images after a closer look, its distance, and d1 / d10; (M,) each."""

    nearest: np.ndarray
    distance: np.ndarray
    ratio: np.ndarray


def _look_again(pictures: np.ndarray, train: np.ndarray, candidates: np.ndarray) -> _Again:
    """Compare (M, S, S) pictures with (M, few) training images, of which the last one is the 10th nearest."""
    aligned = np.stack([_aligned(pictures, _fine(train, one)) for one in candidates.T], axis=1)
    best = aligned[:, :-1].argmin(axis=1)
    rows = np.arange(len(pictures))
    distance = aligned[rows, best]
    return _Again(candidates[rows, best], distance, distance / np.maximum(aligned[:, -1], 1e-6))


def _limit(distances: np.ndarray, neighbour: int, chance: float) -> float:
    """The largest d1 / dk that is no chance, from (P, 3k + 1) distances of training images, first of themselves."""
    if not len(distances):
        return 0.0
    near, far = distances[:, neighbour], distances[:, 3 * neighbour]
    spread = float(np.median(np.log(np.maximum(far, 1e-6) / np.maximum(near, 1e-6))))
    dimensions = sum(1 / i for i in range(neighbour, 3 * neighbour)) / max(spread, 1e-6)
    # 1 - (1 - t^m)^(k - 1) = chance, solved for t
    limit = (1 - (1 - chance) ** (1 / (neighbour - 1))) ** (1 / dimensions)
    return float(limit if chance > _CHANCE else min(_CLEARLY_NEARER, limit))


def _nearest(queries: np.ndarray, train: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances (Q, count) from the nearest training images, in order, and their positions (Q, count)."""
    best = np.full((len(queries), count), -2.0, dtype=np.float32)  # inner products
    places = np.zeros((len(queries), count), dtype=np.int64)
    half = queries.shape[1] // 2
    for start in range(0, len(train), _TRAIN_BLOCK):
        rows = np.arange(start, min(start + _TRAIN_BLOCK, len(train)))
        cells = _cells(train, rows).T
        for first in range(0, len(queries), _QUERY_BLOCK):
            part = slice(first, first + _QUERY_BLOCK)
            # e + o for the image as it is, e - o for its mirror image
            likeness = queries[part, :half] @ cells[:half] + np.abs(queries[part, half:] @ cells[half:])
            most = min(count, len(rows))
            block = np.argpartition(likeness, -most, axis=1)[:, -most:]
            merged = np.concatenate([best[part], np.take_along_axis(likeness, block, 1)], axis=1)
            order = np.argsort(-merged, axis=1, kind="stable")[:, :count]
            best[part] = np.take_along_axis(merged, order, 1)
            places[part] = np.take_along_axis(np.concatenate([places[part], rows[block]], axis=1), order, 1)
    return np.sqrt(np.maximum(2 - 2 * best, 0)), places


def _cells(images: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Cells (M, 256) float32 of mean 0 and length 1; all 0 where an image has next to no contrast.

    The first half is the part that mirroring left to right keeps, the second the part whose sign it changes.
    """
    gray = _gray(images, positions, _GRID)
    gray -= gray.mean(axis=(1, 2), keepdims=True)
    left, right = gray[:, :, : _GRID // 2], gray[:, :, : _GRID // 2 - 1 : -1]
    flat = (np.stack([left + right, left - right], axis=1) / np.sqrt(np.float32(2))).reshape(len(gray), -1)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(length < _CONTRAST * _GRID, 0, flat / np.maximum(length, 1e-6)).astype(np.float32)


def _gray(images: np.ndarray, positions: np.ndarray, side: int) -> np.ndarray:
    """Means over channels and squares of pixels, of which edges cut a part off: (M, side, side) float32."""
    channels, height = images.shape[1:3]
    pixels, edges = np.arange(height), np.arange(side + 1)[:, None] * (height / side)
    parts = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)  # of a pixel in a cell
    # A product is many times as fast as a mean over short axes.
    pool = (np.maximum(parts, 0) * (side / height)).astype(np.float32)
    found = np.zeros((len(positions), side, side), dtype=np.float32)
    step = max(1, _STEP_PIXELS // (height * height))
    for start in range(0, len(positions), step):
        chosen = images[positions[start : start + step]]
        gray = chosen.sum(axis=1, dtype=np.uint16) if channels > 1 else chosen[:, 0]
        found[start : start + step] = pool @ (gray.astype(np.float32) @ pool.T) / channels
    return found


def _fine(images: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Gray images (N, S, S), S at most 32, slightly blurred where they have more pixels than cells."""
    gray = _gray(images, positions, min(_SIDE, images.shape[2]))
    if gray.shape[1] <= _GRID:
        return gray
    blurred = gray + np.roll(gray, -1, axis=1)
    return np.asarray((blurred + np.roll(blurred, -1, axis=2)) / 4)


def _aligned(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distances (N,) of pairs of (N, S, S) images, where one of each is moved and zoomed, or mirrored, to fit best."""
    side = pictures.shape[1]
    margin = side // _GRID
    inner = slice(2 * margin, side - 2 * margin)
    best = np.full(len(pictures), -1.0, dtype=np.float32)
    for mirrored in (others, others[:, :, ::-1]):
        for fixed, moved in ((pictures, mirrored), (mirrored, pictures)):
            window = _unit(fixed[:, inner, inner])
            for crop in range(margin + 1):
                zoom = _zoom(side, crop)
                zoomed = zoom @ moved @ zoom.T
                for down in range(-margin, margin + 1):
                    for right in range(-margin, margin + 1):
                        rows = slice(inner.start + down, inner.stop + down)
                        columns = slice(inner.start + right, inner.stop + right)
                        likeness = (window * _unit(zoomed[:, rows, columns])).sum(axis=1)
                        np.maximum(best, likeness, out=best)
    return np.asarray(np.sqrt(np.maximum(2 - 2 * best, 0)))


def _unit(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W) as vectors (N, H * W) of mean 0 and length 1."""
    flat = images.reshape(len(images), images.shape[1] * images.shape[2])
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def _zoom(side: int, crop: int) -> np.ndarray:
    """A matrix (side, side) that cuts ``crop`` pixels off both ends and stretches the rest linearly."""
    places = crop + (np.arange(side) + 0.5) * (side - 2 * crop) / side - 0.5
    places = np.clip(places, 0, side - 1)
    weights: np.ndarray = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(side)))
    return weights.astype(np.float32)
