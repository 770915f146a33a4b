"""Training, generated and held-out images of a decoded source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acgan.data.index import Index, shortened
from acgan.data.options import DataOptions
from acgan.data.splitting.groups import tie
from acgan.data.splitting.split import draw_held_out, duplicate_groups, left_without, tell_blank_apart


@dataclass(frozen=True)
class Divided:
    """Positions of the images of each part in the index.

    Attributes:
        train: Training images that no generator made.
        generated: Training images that a generator made.
        held_out: Held-out images, none of them generated.
        left_out: Generated images of the source's own test part, which are in no part.
        own: The held-out images are the source's own test part.
        notes: Remarks for the user.
        warnings: Doubts, which the user should look into.
    """

    train: np.ndarray
    generated: np.ndarray
    held_out: np.ndarray
    left_out: np.ndarray
    own: bool
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def order(self) -> np.ndarray:
        """All positions, training images first, of which the generated ones come last."""
        return np.concatenate([self.train, self.generated, self.held_out])


def divide(
    index: Index,
    kept: np.ndarray,
    images: np.ndarray,
    digests: np.ndarray,
    made: np.ndarray,
    options: DataOptions,
) -> Divided:
    """Divide the decoded images of an index.

    Args:
        index: The images.
        kept: (M,) positions of those that could be decoded.
        images: (N, C, R, R) uint8, all images of the index.
        digests: (M,) ``image_digests`` of the kept ones.
        made: (M,) bool, true where a generator made the image.
        options: Share, seed and key of groups.
    """
    own_part = np.zeros(len(kept), dtype=bool) if index.held_out is None else index.held_out[kept]
    real = kept[~made & ~own_part]
    # What a network is scored on is never drawn where there is a part for it: it may have been trained on the rest.
    own = index.held_out is not None and bool((own_part & ~made).any() or options.for_scoring)
    held_out, notes, warnings = kept[own_part & ~made], [], []
    if own:
        notes.append(
            f"held out: the source's own test split, {len(held_out):,} of {len(real) + len(held_out):,} images"
        )
    else:
        if index.held_out is not None:
            warnings.append(
                "The source's own test part has no image that can be used: test images are drawn from its training"
                " part, by data.test_share."
            )
        held, notes, doubts = _draw(index, real, images, digests[~made & ~own_part], options)
        real, held_out = real[~held], real[held]
        warnings += doubts
    return Divided(
        train=real,
        generated=kept[made & ~own_part],
        held_out=held_out,
        left_out=kept[made & own_part],
        own=own,
        notes=tuple(notes),
        warnings=tuple(warnings),
    )


def _draw(
    index: Index, real: np.ndarray, images: np.ndarray, digests: np.ndarray, options: DataOptions
) -> tuple[np.ndarray, list[str], list[str]]:
    """A mask of the real images that are held out, notes and warnings."""
    if options.test_share == 0:
        return np.zeros(len(real), dtype=bool), ["held out: nothing (data.test_share is 0)"], []
    seed = 0 if index.fixed_split else options.seed
    groups = None if index.groups is None else index.groups[real]
    labels = index.labels[real]
    copies = duplicate_groups(digests)
    tied = tie(copies if groups is None else tell_blank_apart(images, real, copies), groups)
    held = draw_held_out(
        tied,
        labels,
        options.test_share,
        seed,
        digests=None if index.fixed_split else digests,
        smallest_first=groups is not None,
    )
    drawn = "the same for every seed" if index.fixed_split else f"seed {seed}"
    notes = [f"held out: {held.sum():,} of {len(held):,} images, {options.test_share:.0%} a class ({drawn})"]
    if groups is not None:
        number = len(np.unique(groups))
        notes.append(f"{number:,} groups, each kept together: {_on_each_side(groups, held)}")
    return (
        held,
        notes,
        warn_of_shares(held, labels, index.class_names, options.test_share, groups is not None),
    )


def _on_each_side(groups: np.ndarray, held: np.ndarray) -> str:
    test = len(np.unique(groups[held]))
    return f"{len(np.unique(groups[~held])):,} of them for training, {test:,} held out"


def warn_of_shares(
    held: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...], share: float, grouped: bool
) -> list[str]:
    """Warnings of classes whose groups or copies are too large for the share that was to be held out.

    Args:
        held: (N,) bool, true where an image is held out.
        labels: (N,) int64 in [0, K).
        class_names: K names.
        share: Share of each class that was to be held out.
        grouped: There are groups, not only copies.
    """
    warnings = []
    none = left_without(held, labels, share)
    if none:
        why = "belong to too few groups" if grouped else "are copies of each other"
        warnings.append(
            f"No image of {shortened([class_names[label] for label in none])} could be held out: all of them {why}."
            " Add other images, or nothing is known of how well this is learned."
        )
    if grouped:
        counts, taken = (np.bincount(one, minlength=len(class_names)) for one in (labels, labels[held]))
        uneven = (taken > 0) & ((taken > 2 * share * counts + 1) | (2 * (taken + 1) < share * counts))
        found = [
            f"{taken[label]:,} of {counts[label]:,} of {class_names[label]}"
            for label in np.flatnonzero(uneven)
        ]
        if found:
            warnings.append(
                f"Held out are {shortened(found)}, where {share:.0%} were asked for: groups stay together, and there"
                " are few or large ones."
            )
    return warnings
