"""Parts of stores and data sets, and extended stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from acgan.data.splitting.divide import warn_of_shares
from acgan.data.splitting.groups import tie
from acgan.data.splitting.split import draw_held_out, duplicate_groups, image_digests, tell_blank_apart
from acgan.data.store import fingerprint
from acgan.runtime import Draws
from acgan.types import Dataset, ImageStore


def take(store: ImageStore, indices: np.ndarray) -> ImageStore:
    """Some images of a store, copied into memory.

    Args:
        store: The whole.
        indices: (M,) int64 into the store, in the order wanted.
    """
    return _make_store(store.images[indices], store.labels[indices], store.class_names)


def limit_per_class(dataset: Dataset, count: int, *, seed: int) -> Dataset:
    """Train on some images of each class, drawn at random, in the order of the store.

    The choice within a class depends on no other class, and the choice of fewer is a part of that of more. Generated
    images are chosen only where a class has too few others.

    Args:
        dataset: The whole.
        count: Images a class, at least 1; a class with fewer keeps all.
        seed: Seed of the choice.
    """
    if count < 1:
        raise ValueError(f"count: found {count}; expected at least 1")
    store, draws = dataset.train, Draws(seed)
    chosen = [np.empty(0, dtype=np.int64)]
    for label in range(store.num_classes):
        members = np.flatnonzero(store.labels == label)
        members = draws.generator("limit", label).permutation(members)
        real_first = np.argsort(members >= dataset.num_real, kind="stable")
        chosen.append(members[real_first][:count])
    return _train_on(dataset, np.sort(np.concatenate(chosen)))


def hold_out(dataset: Dataset, share: float, *, seed: int) -> Dataset:
    """Hold out validation images from the training images, at random, class by class.

    Groups and exact duplicates stay on one side, and generated images are never held out. A class with fewer than 5
    images gives none; any other gives at least one, unless its groups are too large: then there is a warning.

    Args:
        dataset: The whole.
        share: Share of each class to hold out, above 0 and below 1.
        seed: Seed of the draw.

    Returns:
        The data set with ``validation``; both parts are in the order of the store.
    """
    if not 0 < share < 1:
        raise ValueError(f"share: found {share}; expected a share above 0 and below 1")
    store, groups = dataset.train, dataset.groups
    rows = np.arange(dataset.num_real)
    copies = duplicate_groups(image_digests(store.images, rows))
    tied = tie(copies if groups is None else tell_blank_apart(store.images, rows, copies), groups)
    labels = store.labels[rows]
    held = draw_held_out(tied, labels, share, seed, smallest_first=groups is not None)
    warnings = warn_of_shares(held, labels, store.class_names, share, groups is not None)
    kept = np.concatenate([rows[~held], np.arange(dataset.num_real, len(store))])
    return replace(
        _train_on(dataset, kept),
        validation=take(store, rows[held]),
        warnings=(*dataset.warnings, *(f"Validation: {warning}" for warning in warnings)),
    )


def _train_on(dataset: Dataset, kept: np.ndarray) -> Dataset:
    """The data set with some of its training images, given in order."""
    real = kept[kept < dataset.num_real]
    return replace(
        dataset,
        train=take(dataset.train, kept),
        num_generated=len(kept) - len(real),
        groups=None if dataset.groups is None else dataset.groups[real],
    )


def regroup(store: ImageStore, groups: Mapping[str, Sequence[str]]) -> ImageStore:
    """The images of chosen classes under new names; others are dropped.

    Args:
        store: The whole.
        groups: The old names that make up each new class, in the order of the new labels. Names that the store does not
            have are passed over, so that a new class may be without images.

    Returns:
        A store with the classes of ``groups``; the same one if nothing changes.
    """
    new_label = np.full(store.num_classes, -1, dtype=np.int64)
    for label, old_names in enumerate(groups.values()):
        new_label[[store.class_names.index(name) for name in old_names if name in store.class_names]] = label
    names = tuple(groups)
    if names == store.class_names and (new_label == np.arange(len(names))).all():
        return store
    labels = new_label[store.labels]
    kept = labels >= 0
    return _make_store(store.images if kept.all() else store.images[kept], labels[kept], names)


def extend(store: ImageStore, images: np.ndarray, labels: np.ndarray) -> ImageStore:
    """Append images to a store.

    Args:
        store: The store to extend.
        images: (M, C, H, W) uint8, of the shape of the store's own.
        labels: (M,) integers in [0, K).

    Raises:
        ValueError: If images or labels are of another shape or kind, or a label is of no class.
    """
    if images.dtype != np.uint8 or images.shape[1:] != store.images.shape[1:]:
        raise ValueError(
            f"images: found {images.dtype} {images.shape[1:]}; expected uint8 {store.images.shape[1:]}"
        )
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise ValueError(f"labels: found {labels.dtype} {labels.shape}; expected integers {images.shape[:1]}")
    if ((labels < 0) | (labels >= store.num_classes)).any():
        raise ValueError(f"labels: expected all from 0 to {store.num_classes - 1}")
    return _make_store(
        np.concatenate([store.images[:], images]),
        np.concatenate([store.labels, labels.astype(np.int64)]),
        store.class_names,
    )


def _make_store(images: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> ImageStore:
    return ImageStore(images, labels, class_names, fingerprint(images, labels, class_names))
