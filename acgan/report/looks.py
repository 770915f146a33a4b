"""Samples and real images as pictures: class by class, and beside their nearest training images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from acgan.metrics.copies import NEAR, SAME, TrainingPictures, pictures
from acgan.report.pictures import Strip, StripCounts, strip
from acgan.sampling import CHUNK, ClassSampler, class_latents
from acgan.sampling.walk import ImageWalk, walk_classes, walk_latents
from acgan.types import MIN_IMAGES_PER_CLASS, ImageStore

_PAIRS = 12
_PAIRS_OF_A_CLASS = 3  # where there are classes enough
_WALKED, _LEGS, _FRAMES = 3, 2, 8  # classes; and images from one to the next
_SEARCHED_SAMPLES, _SEARCHED_TRAINING = 320, 20_000


@dataclass(frozen=True)
class ClassRow:
    """Pictures of a class; those of real images are None where there are none."""

    name: str
    samples: Strip
    real: Strip | None
    more_samples: Strip | None
    more_real: Strip | None


@dataclass(frozen=True)
class NearPair:
    """A sample beside the training image that it is nearest to."""

    picture: Strip
    class_name: str
    distance: float


@dataclass(frozen=True)
class NearestPairs:
    """The nearest pairs of a search.

    Attributes:
        pairs: The pairs, the nearest first.
        samples: Samples that were searched for.
        training: Training images that were searched.
        all_training: Training images that there are.
        same: Samples that are the same picture as a training image.
        near: Samples that are nearly so.
        per_class: Pairs that a class has at most.
        rare: Pairs and training images of each class among the pairs that has few training images.
    """

    pairs: tuple[NearPair, ...]
    samples: int
    training: int
    all_training: int
    same: int
    near: int
    per_class: int
    rare: Mapping[str, tuple[int, int]]
    same_below: float = SAME
    near_below: float = NEAR

    @property
    def rare_in_words(self) -> str | None:
        """A sentence on the pairs of classes with few training images; None if there are none."""
        if not self.rare:
            return None
        named = []
        for name, (pairs, images) in self.rare.items():
            count = "1 training image" if images == 1 else f"{images:,} training images"
            named.append(f"{pairs} {'is' if pairs == 1 else 'are'} of class “{name}” ({count})")
        return (
            f"Of these {len(self.pairs)} pairs, {', '.join(named)}. So few images are easily learnt by heart: "
            "compare the two pictures of such a pair, whatever their distance."
        )


@dataclass(frozen=True)
class Film:
    """A walk as a strip, of which a player shows one image.

    Attributes:
        title: What it goes through.
        strip: Its images, side by side.
        width: Width of one image in CSS pixels.
    """

    title: str
    strip: Strip
    width: float


def drawn(sampler: ClassSampler, labels: Sequence[int], count: int) -> np.ndarray:
    """The first images (L, count, C, H, W) uint8 of L classes, those of ``acgan sample`` with seed 0."""
    generator = sampler.generator
    latents = [class_latents(generator, label, 0, seed=0, truncation=1.0)[:count] for label in labels]
    z, y = torch.cat(latents), torch.tensor(labels).repeat_interleave(count)
    images = torch.cat(list(sampler.draw_each(zip(z.split(CHUNK), y.split(CHUNK), strict=True))))
    found: np.ndarray = images.numpy().reshape(len(labels), count, *images.shape[1:])
    return found


def rows_of_classes(sampler: ClassSampler, real: ImageStore | None) -> list[ClassRow]:
    """A row of pictures for each class, as many as a page has room for."""
    room = StripCounts.fitting(len(sampler.class_names), sampler.image_shape)
    labels = list(range(room.classes))
    return [
        _row(sampler.class_names[label], images, real_images_of(real, sampler.class_names[label], room), room)
        for label, images in zip(
            labels, drawn(sampler, labels, min(CHUNK, room.first + room.more)), strict=True
        )
    ]


def real_images_of(real: ImageStore | None, class_name: str, room: StripCounts) -> np.ndarray | None:
    """Images (N, C, H, W) of a class from all over the training images; None if there are none."""
    if real is None or class_name not in real.class_names:
        return None
    rows = np.flatnonzero(real.labels == real.class_names.index(class_name))
    count = min(len(rows), room.first + room.more)
    if not count:
        return None
    places = np.linspace(0, len(rows) - 1, count).round().astype(int)
    # Every part of the strips is from all over the class.
    shuffled = places[np.argsort(np.arange(count) * 7919 % count, kind="stable")]
    return np.asarray(real.images[rows[shuffled]])


def _row(name: str, images: np.ndarray, real: np.ndarray | None, room: StripCounts) -> ClassRow:
    def part(found: np.ndarray | None, start: int, stop: int, what: str) -> Strip | None:
        if found is None or not len(found[start:stop]):
            return None
        kept = found[start:stop]
        return strip(kept, f"{len(kept)} {what} of class {name}")

    first, end = room.first, room.first + room.more
    samples = part(images, 0, first, "samples")
    assert samples is not None, "a class has samples"
    return ClassRow(
        name,
        samples,
        part(real, 0, first, "real images"),
        part(images, first, end, "more samples"),
        part(real, first, end, "more real images"),
    )


def nearest_pairs(sampler: ClassSampler, real: ImageStore) -> NearestPairs | None:
    """Search for the training images that some samples of every class are nearest to, in pixels."""
    if real.images.shape[1:] != sampler.image_shape or not len(real):
        return None
    classes = len(sampler.class_names)
    labels = list(range(min(classes, _SEARCHED_SAMPLES)))
    count = max(1, min(CHUNK, 32, _SEARCHED_SAMPLES // len(labels)))
    samples = drawn(sampler, labels, count).reshape(-1, *sampler.image_shape)
    rows = np.unique(np.linspace(0, len(real) - 1, min(len(real), _SEARCHED_TRAINING)).astype(np.int64))
    found, places = TrainingPictures(real.images, rows).nearest(pictures(samples))
    distances, nearest = found.numpy(), places.numpy()
    of_class = np.asarray(labels)[np.arange(len(samples)) // count]
    per_class = max(_PAIRS_OF_A_CLASS, -(-_PAIRS // len(labels)))
    pairs = []
    for number in _nearest_of_classes(distances, of_class, per_class)[:_PAIRS]:
        name, distance = sampler.class_names[of_class[number]], float(distances[number])
        both = np.stack([samples[number], np.asarray(real.images[nearest[number]])])
        alt = f"A sample of class {name} and its nearest training image, distance {distance:.2f}"
        pairs.append(NearPair(strip(both, alt), name, distance))
    sizes = {name: int((real.labels == label).sum()) for label, name in enumerate(real.class_names)}
    shown = Counter(pair.class_name for pair in pairs)
    rare = {
        name: (number, sizes[name])
        for name, number in shown.most_common()
        if sizes.get(name, MIN_IMAGES_PER_CLASS) < MIN_IMAGES_PER_CLASS
    }
    same, near = (int((distances < limit).sum()) for limit in (SAME, NEAR))
    return NearestPairs(tuple(pairs), len(samples), len(rows), len(real), same, near - same, per_class, rare)


def _nearest_of_classes(distances: NDArray[Any], of_class: NDArray[Any], per_class: int) -> list[int]:
    """Numbers of the samples, the nearest first, with at most so many of a class.

    A class of a few images is learnt by heart, and would hide what is near in the others.
    """
    order = np.argsort(distances, kind="stable")
    taken: Counter[int] = Counter()
    chosen = []
    for number in order:
        taken[label := int(of_class[number])] += 1
        if taken[label] <= per_class:
            chosen.append(int(number))
    return chosen


def walks_of(sampler: ClassSampler) -> list[Film]:
    """Walks in latents, one for each of some classes, and one between two classes."""
    names = sampler.class_names
    count = min(_WALKED, len(names))
    of_latents = [f"from sample to sample of class “{name}”" for name in names[:count]]
    films = _films(sampler, walk_latents(sampler, range(count), _LEGS + 1, _FRAMES), of_latents)
    if len(names) > 1:
        of_classes = f"from class “{names[0]}” to “{names[1]}”, with the same latents"
        films += _films(sampler, walk_classes(sampler, [0, 1], 1, 2 * _FRAMES), [of_classes])
    return films


def _films(sampler: ClassSampler, walk: ImageWalk, titles: Sequence[str]) -> list[Film]:
    images = walk.draw(sampler).numpy().reshape(len(walk.names), walk.frames, *sampler.image_shape)
    films = []
    for title, row in zip(titles, images, strict=True):
        picture = strip(row, f"Walk {title}, in {walk.frames} images")
        large = replace(picture, width=2 * picture.width, height=2 * picture.height)
        films.append(Film(f"{title[:1].upper()}{title[1:]}", large, large.width / walk.frames))
    return films
