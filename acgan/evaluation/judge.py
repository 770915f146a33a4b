"""Looks at images once and remembers what every metric needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from acgan.evaluation.bank import Bank, Plan
from acgan.evaluation.measures import FRECHET_FACTOR
from acgan.extracting import Extractor, fitted, target_of
from acgan.metrics.prdc import nearest_neighbours
from acgan.predicting import ImageClassifier
from acgan.runtime import Draws
from acgan.types import ImageStore

#: Images in a portion.
PORTION = 256
#: Most training images that samples are compared with, chosen by a seed; their features are held in memory.
MAX_TRAINING = 100_000

#: Called with the number of images that were looked at since the last call.
Advance = Callable[[int], None]
Portions = Iterable[tuple[int, Tensor]]


@dataclass(frozen=True)
class Judge:
    """The networks that look at samples and real images alike.

    Attributes:
        extractor: Network that makes features.
        classifier: Network that sees classes; None if the data has none.
        class_names: The generator's K names.
        progress: See ``Advance``.
    """

    extractor: Extractor
    classifier: ImageClassifier | None
    class_names: tuple[str, ...]
    progress: Advance

    def look(self, plan: Plan, portions: Portions, classwise: Sequence[bool]) -> Bank:
        """Look at images.

        Args:
            plan: Assignment of the images, at least one.
            portions: Labels, and images (n, C, H, W) uint8 of that class, in order within the class.
            classwise: See ``Bank``.
        """
        bank: Bank | None = None
        target = target_of(self.extractor)
        for label, images in portions:
            found = self.extractor(fitted(images, target))
            if bank is None:
                outputs = 0 if found.logits is None else found.logits.shape[1]
                bank = Bank(plan, self.extractor.dims, outputs, classwise)
            bank.add(label, images, found, self._predicted(images, found.logits))
            self.progress(len(images))
        assert bank is not None, "there are images"
        return bank

    def classwise(self, counts: Sequence[int], other: Sequence[int]) -> list[bool]:
        """By class, True if both sides have images enough for a Fréchet distance of its own."""
        least = FRECHET_FACTOR * self.extractor.dims
        return [min(pair) >= least for pair in zip(counts, other, strict=True)]

    def _predicted(self, images: Tensor, logits: Tensor | None) -> Tensor | None:
        """Classes seen, as the generator's labels; -1 for a class that it does not have."""
        if self.classifier is None:
            return None
        judge: ImageClassifier = self.classifier
        if judge is not getattr(self.extractor, "classifier", None):
            logits = judge.logits(fitted(images, judge.target))
        assert logits is not None
        places = {name: label for label, name in enumerate(self.class_names)}
        own = torch.tensor([places.get(name, -1) for name in judge.class_names])
        return own[logits.argmax(dim=1)]


@dataclass(frozen=True)
class TrainingImages:
    """Features of training images, to look for copies.

    Attributes:
        rows: (M,) int64 rows of the store.
        features: (M, F).
    """

    rows: np.ndarray
    features: Tensor

    def look_for(self, bank: Bank) -> None:
        """Find the nearest training image of each image whose features a bank keeps."""
        bank.nearest, bank.nearest_rows = nearest_neighbours(bank.features, self.features)
        bank.nearest_rows = torch.from_numpy(self.rows)[bank.nearest_rows]


def look_at_training(judge: Judge, store: ImageStore, *, seed: int) -> TrainingImages:
    """Features of the training images, or of ``MAX_TRAINING`` of them."""
    rows = np.arange(len(store))
    if len(store) > MAX_TRAINING:
        rows = np.sort(Draws(seed).generator("training images").permutation(rows)[:MAX_TRAINING])
    features, target = [], target_of(judge.extractor)
    for start in range(0, len(rows), PORTION):
        images = torch.from_numpy(store.images[rows[start : start + PORTION]])
        features.append(judge.extractor(fitted(images, target)).features)
        judge.progress(len(images))
    return TrainingImages(rows, torch.cat(features))


def shuffled(store: ImageStore, *, seed: int) -> tuple[np.ndarray, ...]:
    """Rows of a store by class in random order: the first are kept, and neighbouring files may be alike."""
    return tuple(
        Draws(seed).generator("reference", label).permutation(np.flatnonzero(store.labels == label))
        for label in range(store.num_classes)
    )


def stored(store: ImageStore, rows: Sequence[np.ndarray]) -> Iterator[tuple[int, Tensor]]:
    """Images of a store, class by class, each in the order of its rows."""
    for label, of_class in enumerate(rows):
        for start in range(0, len(of_class), PORTION):
            yield label, torch.from_numpy(store.images[of_class[start : start + PORTION]])
