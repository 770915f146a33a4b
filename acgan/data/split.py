"""The held-out share of a source without a test split."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from acgan.runtime import Draws

_SMALLEST_SPLIT_CLASS = 5


def duplicate_groups(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Number images so that exact duplicates share a number.

    Args:
        images: (N, C, H, W) uint8.
        rows: (M,) which images.

    Returns:
        (M,) int64 in [0, groups).
    """
    # 64 bits are enough: two different images that meet only end up on the same side.
    digests = [blake2b(images[row].tobytes(), digest_size=8).digest() for row in rows]
    return np.unique(np.frombuffer(b"".join(digests), np.uint64), return_inverse=True)[1].astype(np.int64)


def draw_held_out(groups: np.ndarray, labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Hold out a share of each class, at random, with duplicates on one side.

    A class with fewer than 5 images gives none; any other gives at least one, unless all its images are
    duplicates of each other.

    Args:
        groups: (N,) numbers of ``duplicate_groups``.
        labels: (N,) int64.
        share: Share of each class, in [0, 1).
        seed: Seed of the draw.

    Returns:
        (N,) bool, true where held out.
    """
    held = np.zeros(len(labels), dtype=bool)
    counts = np.bincount(labels)
    wanted = np.minimum(np.maximum(np.rint(share * counts), 1), counts - 1).astype(int)
    wanted[counts < _SMALLEST_SPLIT_CLASS] = 0
    if share == 0 or not wanted.any():
        return held
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    order = Draws(seed).generator("test split").permutation(len(members))
    left = wanted.tolist()
    open_classes = sum(count > 0 for count in left)
    for group in order:
        if not open_classes:
            break
        classes = labels[members[group]].tolist()
        if all(left[label] >= classes.count(label) for label in classes):
            held[members[group]] = True
            for label in classes:
                left[label] -= 1
                open_classes -= left[label] == 0
    _hold_out_large_groups(held, members, order, labels, wanted)
    return held


def _hold_out_large_groups(
    held: np.ndarray, members: list[np.ndarray], order: np.ndarray, labels: np.ndarray, wanted: np.ndarray
) -> None:
    """Hold out one group of duplicates for classes whose groups are all larger than their share."""
    counts = np.bincount(labels)
    taken = np.bincount(labels[held], minlength=len(counts))
    if not ((wanted > 0) & (taken == 0)).any():
        return
    for group in order:
        need = np.bincount(labels[members[group]], minlength=len(counts))
        touched = need > 0
        if (
            (wanted[touched] > 0).all()
            and (taken[touched] == 0).any()
            and (taken + need < counts)[touched].all()
        ):
            held[members[group]] = True
            taken += need
