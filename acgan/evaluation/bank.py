"""Memory of many images that are seen once. N images, F features, K classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from acgan.extracting import Extracted
from acgan.metrics.copies import pictures
from acgan.metrics.inception_score import InceptionScore
from acgan.metrics.statistics import FeatureStatistics, merged
from acgan.runtime import Draws

#: Groups of a floor, which compares any two of them with the other two.
NUM_GROUPS = 4
#: The group of images that no floor can use.
REST = NUM_GROUPS
#: Number of images whose features are kept, for metrics that compare single images.
MAX_KEPT = 10_000
#: Images of each class that are kept, to be compared with each other.
IMAGES_PER_CLASS = 100
SCORE_SPLITS = 10


@dataclass(frozen=True)
class Plan:
    """Assignment of images to groups and splits, made before the first is seen; a function of counts and seed.

    Attributes:
        groups: By class, (n,) int64 in [0, NUM_GROUPS], the group of each image in order.
        kept: By class, the number of first images whose features are kept.
        paired: By class, the number of images whose features both sides keep; groups share them equally.
        splits: By class, (n,) int64: the split of the Inception score.
    """

    groups: tuple[np.ndarray, ...]
    kept: tuple[int, ...]
    paired: tuple[int, ...]
    splits: tuple[np.ndarray, ...]


def make_plan(counts: Sequence[int], other: Sequence[int], *, seed: int) -> Plan:
    """Divide images into groups of equal size, class by class, and choose which to keep.

    Images come in random order. The groups get the first images of a class, as many as both sides have: those whose
    features are kept are among them.

    Args:
        counts: Images by class.
        other: Images by class of the other side; the groups of both are equally large.
        seed: Seed of the division.
    """
    draws = Draws(seed)
    groups, splits, dealt = [], [], 0
    for label, (count, limit) in enumerate(zip(counts, other, strict=True)):
        of_class = np.full(count, REST, dtype=np.int64)
        shared = min(count, limit)
        # A class continues where the one before stopped: groups differ by one image at most.
        chosen = draws.generator("groups", label).permutation(shared)
        of_class[chosen] = (np.arange(shared) + dealt) % NUM_GROUPS
        dealt += shared
        groups.append(of_class)
        splits.append((draws.generator("splits", label).permutation(count) + label) % SCORE_SPLITS)
    kept, others = _kept(counts), _kept(other)
    return Plan(tuple(groups), kept, tuple(map(min, kept, others)), tuple(splits))


def _kept(counts: Sequence[int]) -> tuple[int, ...]:
    share = min(1.0, MAX_KEPT / max(sum(counts), 1))
    return tuple(int(np.ceil(count * share)) for count in counts)


class Bank:
    """Statistics of images, and a bounded number of their features and pixels.

    It holds statistics of each group, and of each ``classwise`` class; features of about ``MAX_KEPT`` images; and
    ``IMAGES_PER_CLASS`` images a class.

    Args:
        plan: Assignment of the images.
        dims: F.
        num_outputs: Number of the extractor's logits.
        classwise: By class, True if it gets statistics of its own.
        keeps_pictures: True if small gray pictures of the same images are kept too, to look for copies.
    """

    def __init__(
        self,
        plan: Plan,
        dims: int,
        num_outputs: int,
        classwise: Sequence[bool],
        *,
        keeps_pictures: bool = False,
    ):
        self.plan, self.dims, self.num_outputs = plan, dims, num_outputs
        self.num_classes = len(plan.groups)
        self.classwise = tuple(classwise)
        #: (M,) distance of each kept image to its nearest training image, and (M,) its row; set by ``look_for``.
        self.nearest: Tensor | None = None
        self.nearest_rows: Tensor | None = None
        #: (M,) distance of that training image to the nearest other one; None where authenticity is not measured.
        self.own: Tensor | None = None
        #: (M,) cell of each kept image, and (M,) distance to the nearest training image in it; None where C_T is not.
        self.cells: Tensor | None = None
        self.in_cell: Tensor | None = None
        #: (M,) distance of each kept picture to the training image that it may be a copy of, and (M,) that one's row.
        self.copied: Tensor | None = None
        self.copied_rows: Tensor | None = None
        #: (M, S, S) uint8; None before the first image, or where they are not kept.
        self.pictures: Tensor | None = None
        self._keeps_pictures = keeps_pictures
        self._seen = [0] * self.num_classes
        self._statistics: dict[tuple[int, int], FeatureStatistics] = {}
        self._waiting: dict[tuple[int, int], list[Tensor]] = {}
        self._scores: dict[int, InceptionScore] = {}
        self._confusion = np.zeros((NUM_GROUPS + 1, self.num_classes, self.num_classes), dtype=np.int64)
        self._has_confusion = False
        # Sorted by class, in whatever order images come.
        self._starts = np.cumsum([0, *plan.kept])
        self.features = torch.zeros(int(self._starts[-1]), dims)
        self.groups = torch.from_numpy(
            np.concatenate([of_class[:kept] for of_class, kept in zip(plan.groups, plan.kept, strict=True)])
        )
        self.is_paired = torch.cat(
            [torch.arange(kept) < paired for kept, paired in zip(plan.kept, plan.paired, strict=True)]
        )
        self.labels = torch.arange(self.num_classes).repeat_interleave(torch.tensor(plan.kept))
        self._images: list[list[Tensor]] = [[] for _ in range(self.num_classes)]

    def add(self, label: int, images: Tensor, found: Extracted, predicted: Tensor | None) -> None:
        """Take in the next images of a class.

        Args:
            label: The class.
            images: (n, C, H, W) uint8.
            found: Output of the extractor for them.
            predicted: (n,) int64 classes seen by a classifier, -1 for a foreign class; None without a classifier.
        """
        first = self._seen[label]
        here = slice(first, first + len(images))
        self._seen[label] = here.stop
        groups = torch.from_numpy(self.plan.groups[label][here])
        splits = torch.from_numpy(self.plan.splits[label][here])
        for group in groups.unique().tolist():
            inside = groups == group
            self._count_in(label, group, found.features[inside])
            if found.logits is not None:
                self._scores.setdefault(group, InceptionScore(self.num_outputs, SCORE_SPLITS)).update(
                    found.logits[inside], splits[inside]
                )
            if predicted is not None:
                self._has_confusion = True
                known = predicted[inside & (predicted >= 0)]
                self._confusion[group, label] += np.bincount(known.numpy(), minlength=self.num_classes)
        keep = min(len(images), max(0, self.plan.kept[label] - first))
        start = self._starts[label] + first
        self.features[start : start + keep] = found.features[:keep]
        if self._keeps_pictures and keep:
            small = pictures(images[:keep].cpu().numpy())
            if self.pictures is None:
                self.pictures = torch.zeros(len(self.features), *small.shape[1:], dtype=torch.uint8)
            self.pictures[start : start + keep] = small
        room = IMAGES_PER_CLASS - first
        if room > 0:
            self._images[label].append(images[:room].clone())  # a view would hold the whole portion

    def view(self, groups: Sequence[int] | None = None) -> View:
        """The images of some groups, or of all."""
        return View(self, tuple(range(NUM_GROUPS + 1)) if groups is None else tuple(groups))

    def kept(self, label: int | None = None) -> slice:
        """Positions of the kept images of a class, or of all."""
        return slice(None) if label is None else slice(self._starts[label], self._starts[label + 1])

    def place(self, position: int) -> tuple[int, int]:
        """The class of a kept image, and its number within the class."""
        label = int(np.searchsorted(self._starts, position, side="right")) - 1
        return label, position - int(self._starts[label])

    def statistics(self) -> Mapping[tuple[int, int], FeatureStatistics]:
        """By class and group; classes without statistics of their own share those of label -1."""
        for key in list(self._waiting):
            self._settle(key)
        return self._statistics

    def _count_in(self, label: int, group: int, features: Tensor) -> None:
        """Count in F images at once: every update costs a pass over F x F numbers."""
        key = (label if self.classwise[label] else -1, group)
        waiting = self._waiting.setdefault(key, [])
        waiting.append(features)
        if sum(map(len, waiting)) >= self.dims:
            self._settle(key)

    def _settle(self, key: tuple[int, int]) -> None:
        features = torch.cat(self._waiting.pop(key))
        self._statistics.setdefault(key, FeatureStatistics(self.dims)).update(features)


@dataclass(frozen=True)
class View:
    """Some groups of a bank, from which metrics are computed."""

    bank: Bank
    groups: tuple[int, ...]

    @property
    def num_classes(self) -> int:
        """K."""
        return self.bank.num_classes

    def count(self, label: int | None = None) -> int:
        """Number of images, of a class or in all."""
        labels = range(self.num_classes) if label is None else [label]
        return sum(int(np.isin(self.bank.plan.groups[one], self.groups).sum()) for one in labels)

    def statistics(self, label: int | None = None) -> FeatureStatistics:
        """Statistics of the features of all images, or of a class with statistics of its own."""
        chosen = (
            statistics
            for (of, group), statistics in self.bank.statistics().items()
            if group in self.groups and label in (None, of)
        )
        return merged(chosen, self.bank.dims)

    def features(self, label: int | None = None) -> Tensor:
        """(M, F) features that are kept, of all images or of a class."""
        return self.bank.features[self.bank.kept(label)][self._inside(label)]

    def labels(self) -> Tensor:
        """(M,) int64 classes of the images whose features are kept."""
        return self.bank.labels[self._inside(None)]

    def nearest(self, label: int | None = None) -> Tensor | None:
        """(M,) distances to the nearest training image, of the images whose features are kept."""
        return self._chosen(self.bank.nearest, label)

    def own(self, label: int | None = None) -> Tensor | None:
        """(M,) distances of those training images to their nearest other ones."""
        return self._chosen(self.bank.own, label)

    def in_cells(self, label: int | None = None) -> tuple[Tensor, Tensor] | None:
        """(M,) distances to the nearest training image of the own cell, and (M,) cells, see ``Cells.nearest``."""
        distances, cells = (self._chosen(one, label) for one in (self.bank.in_cell, self.bank.cells))
        return None if distances is None or cells is None else (distances, cells)

    def copied(self, label: int | None = None) -> Tensor | None:
        """(M,) distances to the training image that each may be a copy of, of the images whose features are kept."""
        return self._chosen(self.bank.copied, label)

    def images(self, label: int) -> Tensor | None:
        """(M, C, H, W) uint8, at most ``IMAGES_PER_CLASS`` of a class; None if the class has none."""
        if not self.bank._images[label]:
            return None
        images = torch.cat(self.bank._images[label])
        groups = torch.from_numpy(self.bank.plan.groups[label][: len(images)])
        return images[torch.isin(groups, torch.tensor(self.groups))]

    def inception_score(self) -> InceptionScore | None:
        """The Inception score's sums over all images; None without logits."""
        total = InceptionScore(self.bank.num_outputs, SCORE_SPLITS)
        scores = [score for group, score in self.bank._scores.items() if group in self.groups]
        for score in scores:
            total.merge(score)
        return total if scores else None

    def confusion(self) -> np.ndarray | None:
        """(K, K) counts; row: true class, column: class that a classifier sees; None without a classifier."""
        if not self.bank._has_confusion:
            return None
        counts: np.ndarray = self.bank._confusion[list(self.groups)].sum(axis=0)
        return counts

    def _chosen(self, values: Tensor | None, label: int | None) -> Tensor | None:
        return None if values is None else values[self.bank.kept(label)][self._inside(label)]

    def _inside(self, label: int | None) -> Tensor:
        here = self.bank.kept(label)
        inside = torch.isin(self.bank.groups[here], torch.tensor(self.groups))
        return inside if REST in self.groups else inside & self.bank.is_paired[here]
