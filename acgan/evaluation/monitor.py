"""Samples against real images: the collapse monitor of a training."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from acgan import runtime
from acgan.metrics.collapse import ClassDiversity, class_diversity
from acgan.parallel import in_order
from acgan.sampling import ClassSampler
from acgan.types import Evaluation, ImageStore

_CLASSES_NAMED = 10


class CollapseMonitor:
    """Compares samples of each class with as many real images of it.

    Args:
        store: Real images.
        num_per_class: Samples a class, at most as many as it has real images.
        max_duplicates: A larger share of near-duplicates among a class's samples is a collapse.
        min_coverage: A smaller share of a class's real images covered is a collapse.
        seed: Seed of the choice of real images and of the samples, the same every time.
    """

    def __init__(
        self,
        store: ImageStore,
        *,
        num_per_class: int,
        max_duplicates: float,
        min_coverage: float,
        seed: int,
    ):
        self._max_duplicates, self._min_coverage, self._seed = max_duplicates, min_coverage, seed
        self._names, self._real = store.class_names, dict[int, Tensor]()
        for label in np.unique(store.labels).tolist():
            indices = np.flatnonzero(store.labels == label)
            draws = runtime.Draws(seed).generator("monitor", label)
            chosen = np.sort(draws.permutation(indices)[:num_per_class])
            self._real[label] = torch.from_numpy(store.images[chosen])

    def look(self, sampler: ClassSampler) -> Evaluation:
        """The diversity of each class, with a warning that names the collapsed ones."""
        stats, collapsed = {}, []
        for label, diversity in in_order(self._diversity, self._samples(sampler)):
            if diversity is None:
                continue
            class_name = self._names[label]
            stats[f"monitor/duplicates/{class_name}"] = diversity.duplicates
            stats[f"monitor/coverage/{class_name}"] = diversity.coverage
            if diversity.duplicates > self._max_duplicates or diversity.coverage < self._min_coverage:
                collapsed.append(f"{class_name} ({diversity.duplicates:.0%}, {diversity.coverage:.0%})")
        if stats:
            stats["monitor/collapsed_classes"] = float(len(collapsed))
        return Evaluation(stats, (_warning(collapsed),) if collapsed else ())

    def _samples(self, sampler: ClassSampler) -> Iterator[tuple[int, Tensor]]:
        """Samples of each class that has real images, as many."""
        counts = {label: len(images) for label, images in self._real.items()}
        drawn = sampler.stream_classes(counts, seed=self._seed)
        for label, portions in itertools.groupby(drawn, key=operator.itemgetter(0)):
            yield label, torch.cat([images for _, _, images in portions])

    def _diversity(self, drawn: tuple[int, Tensor]) -> tuple[int, ClassDiversity | None]:
        label, samples = drawn
        return label, class_diversity(samples, self._real[label])


def _warning(collapsed: list[str]) -> str:
    shown = ", ".join(collapsed[:_CLASSES_NAMED])
    more = f" and {len(collapsed) - _CLASSES_NAMED} more" if len(collapsed) > _CLASSES_NAMED else ""
    return (
        "collapse monitor: too many near-duplicates, or too few of the real images covered, in class "
        f"(share of near-duplicates, coverage): {shown}{more}"
    )
