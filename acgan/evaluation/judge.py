"""Passes over images: the judge that fills a bank, and the features of training images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from acgan.evaluation.bank import Bank, Plan
from acgan.evaluation.measures import FRECHET_FACTOR
from acgan.extracting import Extracted, Extractor, fitted, target_of
from acgan.metrics.copies import TrainingPictures
from acgan.metrics.data_copying import Cells
from acgan.metrics.distances import distances_to_others, nearest_neighbours
from acgan.parallel import in_order_on
from acgan.predicting import ImageClassifier
from acgan.runtime import Draws
from acgan.types import ImageStore

#: Number of real images in a portion; on a CPU each core has a portion.
PORTION_SIZE = 256
#: Largest number of training images, a seeded choice, that samples are compared with. Their features fill memory.
MAX_TRAINING = 100_000

#: Called with the number of images that were looked at since the last call.
Advance = Callable[[int], None]
Portions = Iterable[tuple[int, Tensor]]


@dataclass(frozen=True)
class Judge:
    """Extractor and classifier that see samples and real images alike.

    Attributes:
        extractor: Makes features.
        classifier: Predicts classes; None if there is none for the data.
        class_names: K names, the generator's.
        progress: See ``Advance``.
    """

    extractor: Extractor
    classifier: ImageClassifier | None
    class_names: tuple[str, ...]
    progress: Advance

    def look(
        self, plan: Plan, portions: Portions, classwise: Sequence[bool], *, keeps_pictures: bool = False
    ) -> Bank:
        """Look at images.

        Args:
            plan: Assignment of the images, of which there is at least one.
            portions: Labels, and images (n, C, H, W) uint8 of that class, in order within the class.
            classwise: See ``Bank``.
            keeps_pictures: See ``Bank``.
        """
        bank: Bank | None = None
        target = target_of(self.extractor)

        def look_at(portion: tuple[int, Tensor]) -> tuple[int, Tensor, Extracted, Tensor | None]:
            label, images = portion
            found = self.extractor(fitted(images, target))
            return label, images, found, self._predicted(images, found.logits)

        for label, images, found, predicted in in_order_on(self.extractor.device, look_at, portions):
            if bank is None:
                outputs = 0 if found.logits is None else found.logits.shape[1]
                bank = Bank(plan, self.extractor.dims, outputs, classwise, keeps_pictures=keeps_pictures)
            bank.add(label, images, found, predicted)
            self.progress(len(images))
        assert bank is not None, "there are images"
        return bank

    def classwise(self, counts: Sequence[int], other: Sequence[int]) -> list[bool]:
        """For each class, True if both sides have images enough for a Fréchet distance of its own."""
        least = FRECHET_FACTOR * self.extractor.dims
        return [min(pair) >= least for pair in zip(counts, other, strict=True)]

    def _predicted(self, images: Tensor, logits: Tensor | None) -> Tensor | None:
        """The generator's labels of the classes seen, -1 for a class that it does not have."""
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
    """The generator's training images, used to find copies.

    Attributes:
        rows: (M,) int64, rows of the store.
        features: (M, F).
        pictures: The same images as small pictures.
        cells: Cells of C_T; None if it is not measured.
        own: (M,) distances to the nearest other training image, NaN where not yet known; None if authenticity is not
            measured.
    """

    rows: np.ndarray
    features: Tensor
    pictures: TrainingPictures
    cells: Cells | None = None
    own: Tensor | None = None

    def look_for(self, bank: Bank) -> None:
        """Find the nearest training image of each image that a bank keeps, by pixels and by features."""
        assert bank.pictures is not None, "kept wherever copies are looked for"
        bank.copied, bank.copied_rows = self.pictures.nearest(bank.pictures)
        bank.nearest, positions = nearest_neighbours(bank.features, self.features)
        bank.nearest_rows = torch.from_numpy(self.rows)[positions]
        if self.cells is not None:
            bank.cells, bank.in_cell = self.cells.nearest(bank.features)
        if self.own is not None:
            new = positions[self.own[positions].isnan()].unique()
            if len(new):
                self.own[new] = distances_to_others(self.features, new)
            bank.own = self.own[positions]


def look_at_training(
    judge: Judge, store: ImageStore, *, seed: int, cells: int | None = None, own: bool = False
) -> TrainingImages:
    """The training images, or ``MAX_TRAINING`` of them.

    Args:
        judge: Networks that look at images.
        store: The training images.
        seed: Seed of the choice, and of the cells.
        cells: Number of cells of C_T; None makes none.
        own: True if distances between training images are looked for too.
    """
    rows = np.arange(len(store))
    if len(store) > MAX_TRAINING:
        rows = np.sort(Draws(seed).generator("training images").permutation(rows)[:MAX_TRAINING])
    target = target_of(judge.extractor)

    def look_at(rows: np.ndarray) -> Tensor:
        return judge.extractor(fitted(store.images[rows], target)).features

    features = []
    portions = (rows[start : start + PORTION_SIZE] for start in range(0, len(rows), PORTION_SIZE))
    for found in in_order_on(judge.extractor.device, look_at, portions):
        features.append(found)
        judge.progress(len(found))
    together = torch.cat(features)
    return TrainingImages(
        rows,
        together,
        TrainingPictures(store.images, rows),
        None if cells is None else Cells(together, cells, seed=seed),
        torch.full((len(rows),), torch.nan, dtype=torch.float64) if own and len(rows) > 1 else None,
    )


def shuffled(store: ImageStore, *, seed: int) -> tuple[np.ndarray, ...]:
    """Rows of each class of a store, shuffled: the first ones are kept, and neighbouring files may be alike."""
    return tuple(
        Draws(seed).generator("reference", label).permutation(np.flatnonzero(store.labels == label))
        for label in range(store.num_classes)
    )


def stored(store: ImageStore, rows: Sequence[np.ndarray]) -> Iterator[tuple[int, Tensor]]:
    """A store's images, class by class, those of each in the order of its rows."""
    for label, of_class in enumerate(rows):
        for start in range(0, len(of_class), PORTION_SIZE):
            yield label, torch.from_numpy(store.images[of_class[start : start + PORTION_SIZE]])
