"""The score of a training on validation images, which its best generator is chosen by."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from acgan.evaluation.one_pass import class_counts, share_out
from acgan.extracting import Extractor, fitted, metric_name, target_of
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.statistics import FeatureStatistics
from acgan.parallel import in_order_on
from acgan.runtime import Draws
from acgan.sampling import CHUNK, ClassSampler
from acgan.signals import StopSignal
from acgan.types import ImageStore, Score

_Portion = TypeVar("_Portion")
_ROUGH = 2  # times as many validation images as features: of fewer the covariance is nearly singular


class ValidationScore:
    """The Fréchet distance between samples and validation images (Heusel et al. 2017, eq. 6).

    It is biased by the number of images on either side, so it ranks the states of one run and says no more: its name,
    such as ``fcd2k_val[digits@738debee]``, keeps it apart from the scores of ``acgan evaluate``.

    Args:
        extractor: Makes the features; images of another size than it takes are brought to it.
        store: The validation images, at least 2; their statistics are computed once, at the first score.
        train: The training images; the score of as many of them as samples is the floor, which is told beside a score.
        num_images: Samples, at least 2, in classes as the validation images are. Classes share portions, as in
            ``grid``.
        seed: Seed of the latents, the same at each score.
    """

    def __init__(
        self, extractor: Extractor, store: ImageStore, train: ImageStore, *, num_images: int, seed: int
    ):
        self.name = metric_name(f"{extractor.frechet}{_in_short(num_images)}_val", extractor)
        counts = torch.tensor(share_out(num_images, class_counts(store), "reference"))
        self._labels = torch.arange(store.num_classes).repeat_interleave(counts)
        self._extractor, self._store, self._train, self._seed = extractor, store, train, seed
        self._real: FeatureStatistics | None = None
        self._floor: float | None = None

    def of(self, sampler: ClassSampler, stop: StopSignal) -> Score:
        """The score of a generator as it is; not finite where features are not.

        Raises:
            CutShortError: If there is the signal to stop; ``in_words`` too.
        """
        y = self._labels
        z = Draws(self._seed).normal((len(y), sampler.generator.latent_dim), "validation")
        latents = zip(z.split(CHUNK), y.split(CHUNK), strict=True)
        fake = self._statistics(latents, lambda portion: sampler.draw(*portion), stop)
        real = self._real_statistics(stop)
        if not all(torch.isfinite(side.mean).all() for side in (fake, real)):
            return Score(self.name, math.nan)
        return Score(self.name, frechet_distance(fake.mean, fake.covariance, real.mean, real.covariance))

    def in_words(self, score: Score, stop: StopSignal) -> str:
        """A score with its full name, the floor, and how rough it is."""
        text = f"{score.name} {score.value:.4g}"
        floor = self._floor_score(stop)
        if floor is not None:
            text += f", as many training images {floor:.4g}"
        few = len(self._store)
        if few < _ROUGH * self._extractor.dims:
            text += f"; of {few:,} validation images: rough"
        return text

    def _floor_score(self, stop: StopSignal) -> float | None:
        """The score of training images, of each class as many as samples; None if there are not so many."""
        rows = self._floor_rows
        if rows is not None and self._floor is None:
            portions = (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
            found = self._statistics(portions, lambda part: self._train.images[part], stop)
            real = self._real_statistics(stop)
            self._floor = frechet_distance(found.mean, found.covariance, real.mean, real.covariance)
        return self._floor

    @functools.cached_property
    def _floor_rows(self) -> np.ndarray | None:
        """Rows of the training images of the floor, in order."""
        wanted = np.bincount(self._labels.numpy(), minlength=self._train.num_classes)
        by_class = [np.flatnonzero(self._train.labels == label) for label in range(self._train.num_classes)]
        if any(len(rows) < number for rows, number in zip(by_class, wanted, strict=True)):
            return None
        draws = Draws(self._seed).generator("validation floor")
        chosen = [draws.permutation(rows)[:number] for rows, number in zip(by_class, wanted, strict=True)]
        rows: np.ndarray = np.sort(np.concatenate(chosen))
        return rows

    def _real_statistics(self, stop: StopSignal) -> FeatureStatistics:
        if self._real is None:
            images = self._store.images
            starts = range(0, len(images), CHUNK)
            self._real = self._statistics(starts, lambda start: images[start : start + CHUNK], stop)
        return self._real

    def _statistics(
        self,
        portions: Iterable[_Portion],
        images_of: Callable[[_Portion], Tensor | np.ndarray],
        stop: StopSignal,
    ) -> FeatureStatistics:
        extractor = self._extractor
        statistics, target = FeatureStatistics(extractor.dims), target_of(extractor)

        def features(portion: _Portion) -> Tensor:
            return extractor(fitted(images_of(portion), target)).features

        for found in in_order_on(extractor.device, features, stop.between(portions)):
            statistics.update(found)
        return statistics


def _in_short(number: int) -> str:
    """``2k``, ``2.5k``, ``500``, ``1234``: never rounded."""
    if number < 1000 or number % 100:
        return str(number)
    whole, hundreds = divmod(number // 100, 10)
    return f"{whole}.{hundreds}k" if hundreds else f"{whole}k"
