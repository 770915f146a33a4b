"""Doubts about decoded images: copies, contradictions, groups and near-duplicates across the split, generated ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from acgan.data.index import Index, shortened
from acgan.data.splitting.divide import Divided
from acgan.data.splitting.near_duplicates import find_near_duplicates
from acgan.types import LikePair

_PAIRS_KEPT = 20
_MANY_CLASSES = 5  # from here on single pictures are a doubt


@dataclass(frozen=True)
class Doubts:
    """Notes and warnings for the user; pairs of held-out and training images as in ``DataReport``."""

    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    pairs: tuple[LikePair, ...]
    num_pairs: int
    num_searched: int


def find_doubts(
    index: Index, parts: Divided, images: np.ndarray, copies: np.ndarray, *, tells_generated: bool
) -> Doubts:
    """Look for what makes the images of a source doubtful.

    Args:
        index: The images' classes, groups and names.
        parts: Their parts.
        images: (M, C, R, R) uint8 in the order of ``parts.order``.
        copies: (M,) numbers; exact copies share one, and images of a single colour are no copies.
        tells_generated: Images that a generator made are a doubt.
    """

    def name(place: int) -> str:
        return index.reader.name(int(index.rows[parts.order[place]]))

    labels = index.labels[parts.order]
    num_train = len(parts.train) + len(parts.generated)
    real = np.concatenate([np.arange(len(parts.train)), np.arange(num_train, len(parts.order))])
    held = real >= num_train
    notes = _repeated(labels[real], copies[real], index.class_names, lambda place: name(real[place]))
    doubts = _contradictions(labels[real], copies[real], index.class_names, lambda place: name(real[place]))
    doubts += _single(labels, index.class_names)
    if index.groups is not None and parts.own:
        doubts += _split_groups(index.groups[parts.order][real], held, lambda place: name(real[place]))
    pairs, searched, across = _across(images, copies, len(parts.train), num_train, name)
    doubts += across
    generated = _generated(index, parts) if tells_generated else []
    if index.well_known:
        return Doubts((*notes, *doubts), tuple(generated), pairs[:_PAIRS_KEPT], len(pairs), searched)
    return Doubts(tuple(notes), (*doubts, *generated), pairs[:_PAIRS_KEPT], len(pairs), searched)


def _repeated(
    labels: np.ndarray, copies: np.ndarray, class_names: tuple[str, ...], name: Callable[[int], str]
) -> list[str]:
    """The note on copies within a class."""
    _, first, same = np.unique(np.stack([labels, copies]), axis=1, return_index=True, return_inverse=True)
    originals = first[same.reshape(-1)]  # of each image the first that is the same
    repeats = np.flatnonzero(originals != np.arange(len(copies)))
    if not len(repeats):
        return []
    more = len(repeats)
    by_class = Counter(labels[repeats].tolist()).most_common()
    classes = shortened([f"{class_names[label]} ({count:,})" for label, count in by_class])
    example = next(place for place in repeats.tolist() if labels[place] == by_class[0][0])
    return [
        f"{more:,} {'image repeats another' if more == 1 else 'images repeat others'} of the same class, pixel for"
        f" pixel: {classes}, such as {name(example)} and {name(int(originals[example]))}; copies are on the same side"
        " of every split that is drawn"
    ]


def _single(labels: np.ndarray, class_names: tuple[str, ...]) -> list[str]:
    """The warning of many classes with one picture each, which may be no classes."""
    counts = np.bincount(labels, minlength=len(class_names))
    single = [class_names[label] for label in np.flatnonzero(counts == 1)]
    if len(class_names) < _MANY_CLASSES or 2 * len(single) <= len(class_names):
        return []
    return [
        f"{len(single):,} of {len(class_names):,} classes have one picture each: {shortened(single, 4)}. Are these"
        " classes? Nothing can be learned of most of them."
    ]


def _contradictions(
    labels: np.ndarray, copies: np.ndarray, class_names: tuple[str, ...], name: Callable[[int], str]
) -> list[str]:
    """The warning of pictures that lie in several classes."""
    order = np.lexsort((labels, copies))
    starts = np.flatnonzero(np.diff(copies[order], prepend=-1))
    pictures = [members for members in np.split(order, starts[1:]) if len(set(labels[members].tolist())) > 1]
    if not pictures:
        return []
    pairs = Counter(
        pair for members in pictures for pair in combinations(sorted(set(labels[members].tolist())), 2)
    )
    classes = [
        f"{class_names[one]} and {class_names[other]} ({count:,})"
        for (one, other), count in pairs.most_common()
    ]
    first = pictures[0]
    number = len(pictures)
    what = (
        "picture lies in more than one class" if number == 1 else "pictures lie in more than one class each"
    )
    return [
        f"{number:,} {what}: {shortened(classes)}, such as {name(first[0])} and {name(first[-1])}. Keep each picture"
        " in the class that it belongs to."
    ]


def _split_groups(groups: np.ndarray, held: np.ndarray, name: Callable[[int], str]) -> list[str]:
    """The warning of groups that the source's own parts tear apart."""
    torn = np.intersect1d(groups[held], groups[~held])
    if not len(torn):
        return []
    first = groups == torn[0]
    train, test = np.flatnonzero(first & ~held)[0], np.flatnonzero(first & held)[0]
    images = int(np.isin(groups[held], torn).sum())
    groups_have = "1 group has" if len(torn) == 1 else f"{len(torn):,} groups have"
    test_images = "1 test image" if images == 1 else f"{images:,} test images"
    return [
        f"{groups_have} images in both of the source's own parts ({test_images}), such as {name(train)} and"
        f" {name(test)}: scores are too good. Move each group to one side, or give all images as one part, so that"
        " data.test_share draws whole groups."
    ]


def _across(
    images: np.ndarray, copies: np.ndarray, num_real: int, num_train: int, name: Callable[[int], str]
) -> tuple[tuple[LikePair, ...], int, list[str]]:
    """Pairs of held-out and training images that are the same or nearly so, how many were searched for, a warning."""
    train, held_out = images[:num_real], images[num_train:]
    if not len(train) or not len(held_out):
        return (), 0, []
    place_of = dict(zip(copies[:num_real][::-1].tolist(), range(num_real - 1, -1, -1), strict=True))
    exact = {
        place: place_of[number]
        for place, number in enumerate(copies[num_train:].tolist())
        if number in place_of
    }
    search = find_near_duplicates(train, held_out)
    near = [match for match in search.matches if match.held_out not in exact]
    found = [
        *((place, other, 0.0) for place, other in exact.items()),
        *((match.held_out, match.train, match.distance) for match in near),
    ]
    pairs = tuple(
        LikePair(place, other, distance, name(num_train + place), name(other))
        for place, other, distance in found
    )
    if not pairs:
        return (), search.searched, []
    warning = _warn_across(pairs, len(exact), search.searched, len(held_out))
    return pairs, search.searched, [warning]


def _warn_across(pairs: tuple[LikePair, ...], exact: int, searched: int, num_held_out: int) -> str:
    """The warning of pairs across the split, of which the first ones are exact copies."""
    counts, near = [], len(pairs) - exact
    if exact:
        counts.append(f"{exact:,} of {num_held_out:,} test images {_are(exact)} in the training part too")
    if near:
        looked_at = f"{searched:,} test images"
        if searched < num_held_out:
            looked_at += f" that were looked at ({num_held_out:,} in all)"
        counts.append(f"{near:,} of {looked_at} {_are(near)} nearly the same as a training image")
    example = pairs[exact] if near else pairs[0]
    return (
        f"{', and '.join(counts)}, such as {example.held_out_name} and {example.train_name}: scores are too good."
        " Where they come from one patient, video or series, keep these together with data.group or a column of"
        " groups; else remove one of each pair. acgan data show draws them."
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _generated(index: Index, parts: Divided) -> list[str]:
    """The warning of generated images."""
    number = len(parts.generated) + len(parts.left_out)
    if not number:
        return []
    made = np.concatenate([parts.generated, parts.left_out])
    every = np.concatenate([parts.order, parts.left_out])
    counts, of = (np.bincount(index.labels[some], minlength=len(index.class_names)) for some in (made, every))
    classes = [
        f"{counts[label]:,} of {of[label]:,} of {index.class_names[label]}"
        for label in np.flatnonzero(counts)
    ]
    trained = len(parts.generated)
    fate = []
    if trained:
        fate.append(f"{trained:,} {_are(trained)} trained on, and never held out")
    if len(parts.left_out):
        fate.append(
            f"{len(parts.left_out):,} in the source's own test part {_are(len(parts.left_out))} left out"
        )
    pictures = "1 picture was" if number == 1 else f"{number:,} pictures were"
    return [
        f"{pictures} made by a generator: {shortened(classes)}. {'; '.join(fate)}. Keep them out of folders of real"
        " pictures: a classifier gets generated images with acgan classify train --synthetic RUN, which counts them"
        " apart."
    ]
