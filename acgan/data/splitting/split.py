"""The held-out share of a source without a test split."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

import numpy as np

from acgan.runtime import Draws

_SMALLEST_SPLIT_CLASS = 5


def image_digests(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Digests of images, the same for exact duplicates.

    Args:
        images: (N, C, H, W) uint8.
        rows: (M,) which images.

    Returns:
        (M,) uint64.
    """
    # 64 bits are enough: two different images that meet only end up on the same side.
    digests = [blake2b(images[row].tobytes(), digest_size=8).digest() for row in rows]
    return np.frombuffer(b"".join(digests), np.uint64)


def duplicate_groups(digests: np.ndarray) -> np.ndarray:
    """Number images so that exact duplicates share a number.

    Args:
        digests: (M,) uint64 of ``image_digests``.

    Returns:
        (M,) int64 in [0, groups).
    """
    return np.unique(digests, return_inverse=True)[1].astype(np.int64)


def tell_blank_apart(images: np.ndarray, rows: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Numbers of ``duplicate_groups`` in which images of a single colour are not copies of each other.

    Black frames would tie videos together that have nothing else in common.

    Args:
        images: (N, C, H, W) uint8.
        rows: (M,) which images.
        copies: (M,) their numbers.

    Returns:
        (M,) int64, from 0 on, each number used.
    """
    copied = np.flatnonzero(np.bincount(copies)[copies] > 1)
    blank = [place for place in copied if (images[rows[place]] == images[rows[place], :, :1, :1]).all()]
    apart = copies.copy()
    apart[blank] = copies.max(initial=-1) + 1 + np.arange(len(blank))
    return np.unique(apart, return_inverse=True)[1].astype(np.int64)


def draw_held_out(
    groups: np.ndarray,
    labels: np.ndarray,
    share: float,
    seed: int,
    *,
    digests: np.ndarray | None = None,
    smallest_first: bool = False,
) -> np.ndarray:
    """Hold out a share of each class, at random, with each group on one side.

    With ``digests`` an image's draw depends on the image and the seed alone. So what is held out of a class stays the
    same whatever other classes there are, and nearly the same where images are added: a network that was trained with
    more classes, or fewer, has not been trained on what another one is scored on.

    A class with fewer than 5 images gives none; any other gives at least one, unless its groups are too large: then
    it is in ``left_without``.

    Args:
        groups: (N,) numbers from 0 on, each used: those of ``duplicate_groups``, or of ``tie``.
        labels: (N,) int64.
        share: Share of each class, in [0, 1).
        seed: Seed of the draw.
        digests: (N,) uint64 of ``image_digests``; None draws among the groups by their numbers.
        smallest_first: Where all groups of a class are larger than its share, hold out a small one rather than one
            drawn at random; for groups that can be most of a class.

    Returns:
        (N,) bool, true where held out.
    """
    held = np.zeros(len(labels), dtype=bool)
    wanted = _wanted(labels, share)
    if not wanted.any():
        return held
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    order = _order(members, digests, seed)
    left = wanted.tolist()
    open_classes = sum(count > 0 for count in left)
    for group in order:
        if not open_classes:
            break
        counts = Counter(labels[members[group]].tolist())
        if all(left[label] >= count for label, count in counts.items()):
            held[members[group]] = True
            for label, count in counts.items():
                left[label] -= count
                open_classes -= left[label] == 0
    if smallest_first:
        order = order[np.argsort([len(members[group]) for group in order], kind="stable")]
    _hold_out_large_groups(held, members, order, labels, wanted)
    return held


def _order(members: list[np.ndarray], digests: np.ndarray | None, seed: int) -> np.ndarray:
    """The groups in the order in which they are held out."""
    if digests is None:
        return Draws(seed).generator("test split").permutation(len(members))
    salt = seed.to_bytes(8, "little")
    drawn = [blake2b(digests[group].min().tobytes(), digest_size=8, key=salt).digest() for group in members]
    return np.argsort(np.frombuffer(b"".join(drawn), np.uint64), kind="stable")


def left_without(held: np.ndarray, labels: np.ndarray, share: float) -> list[int]:
    """Classes of which ``draw_held_out`` was to hold out images and could not."""
    wanted = _wanted(labels, share)
    taken = np.bincount(labels[held], minlength=len(wanted))
    return [int(label) for label in np.flatnonzero((wanted > 0) & (taken == 0))]


def _wanted(labels: np.ndarray, share: float) -> np.ndarray:
    """Images of each class to hold out."""
    counts = np.bincount(labels)
    wanted = np.minimum(np.maximum(np.rint(share * counts), 1), counts - 1).astype(int)
    wanted[counts < _SMALLEST_SPLIT_CLASS] = 0
    return wanted if share else np.zeros_like(wanted)


def _hold_out_large_groups(
    held: np.ndarray, members: list[np.ndarray], order: np.ndarray, labels: np.ndarray, wanted: np.ndarray
) -> None:
    """Hold out one group for classes whose groups are all larger than their share."""
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
