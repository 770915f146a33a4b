"""Score on validation images, by which a training chooses its best generator."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable

import torch
from torch import Tensor

from acgan.evaluation.one_pass import class_counts, share_out
from acgan.extracting import Extractor, fitted, metric_name, target_of
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.statistics import FeatureStatistics
from acgan.runtime import Draws
from acgan.sampling import CHUNK, ClassSampler
from acgan.types import ImageStore, Score


class ValidationScore:
    """Fréchet distance between samples and validation images (Heusel et al. 2017, eq. 6).

    The number of images on either side biases it, so it ranks the states of one run and says no more. Its name, such
    as ``fcd2k_val[digits@738debee]``, keeps it apart from the scores of ``acgan evaluate``.

    Args:
        extractor: Makes the features; images of another size are brought to the size that it takes.
        store: Validation images, at least 2. Their statistics are computed once, at the first score.
        num_images: Number of samples, at least 2; classes have the same shares as in the validation images.
        seed: Seed of the latents, which are the same for every score.
    """

    def __init__(self, extractor: Extractor, store: ImageStore, num_images: int, seed: int):
        self._extractor, self._store, self._seed = extractor, store, seed
        self._name = metric_name(f"{extractor.frechet}{_in_short(num_images)}_val", extractor)
        counts = torch.tensor(share_out(num_images, class_counts(store), "reference"))
        self._labels = torch.arange(store.num_classes).repeat_interleave(counts)

    def of(self, sampler: ClassSampler) -> Score:
        """Score a generator; the value is not finite if a feature is not."""
        y = self._labels
        z = Draws(self._seed).normal((len(y), sampler.generator.latent_dim), "validation")
        portions = (sampler.draw(*part) for part in zip(z.split(CHUNK), y.split(CHUNK), strict=True))
        fake, real = _statistics(self._extractor, portions), self._real
        if not all(torch.isfinite(side.mean).all() for side in (fake, real)):
            return Score(self._name, math.nan)
        return Score(self._name, frechet_distance(fake.mean, fake.covariance, real.mean, real.covariance))

    @functools.cached_property
    def _real(self) -> FeatureStatistics:
        images = self._store.images
        portions = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
        return _statistics(self._extractor, map(torch.from_numpy, portions))


def _statistics(extractor: Extractor, portions: Iterable[Tensor]) -> FeatureStatistics:
    statistics, target = FeatureStatistics(extractor.dims), target_of(extractor)
    for images in portions:
        statistics.update(extractor(fitted(images, target)).features)
    return statistics


def _in_short(number: int) -> str:
    """``2k``, ``2.5k``, ``500``, ``1234``: never rounded."""
    if number < 1000 or number % 100:
        return str(number)
    whole, hundreds = divmod(number // 100, 10)
    return f"{whole}.{hundreds}k" if hundreds else f"{whole}k"
