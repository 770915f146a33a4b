"""Collapse monitor of a training: samples of each class against real images."""

from __future__ import annotations

import numpy as np
import torch

from acgan import runtime
from acgan.metrics.collapse import class_diversity
from acgan.sampling import ClassSampler
from acgan.types import Evaluation, ImageStore

_CLASSES_NAMED = 10


class CollapseMonitor:
    """Measures the diversity of each class and warns of collapsed ones.

    Args:
        store: Real images.
        num_per_class: Number of samples, and of real images, of each class.
        max_duplicates: Share of near-duplicates above which a class counts as collapsed.
        min_coverage: Share of covered real images below which a class counts as collapsed.
        seed: Seed of the chosen real images and of the samples; every look uses the same.
    """

    def __init__(
        self, store: ImageStore, *, num_per_class: int, max_duplicates: float, min_coverage: float, seed: int
    ):
        self._max_duplicates, self._min_coverage, self._seed = max_duplicates, min_coverage, seed
        self._real = {}
        for label, class_name in enumerate(store.class_names):
            indices = np.flatnonzero(store.labels == label)
            draws = runtime.Draws(seed).generator("monitor", label)
            chosen = np.sort(draws.permutation(indices)[:num_per_class])
            self._real[label, class_name] = torch.from_numpy(store.images[chosen])

    def look(self, sampler: ClassSampler) -> Evaluation:
        """Compare a generator's samples with the real images, class by class."""
        stats, collapsed = {}, []
        for (label, class_name), images in self._real.items():
            if not len(images):
                continue
            portions = sampler.stream(label, len(images), seed=self._seed)
            diversity = class_diversity(torch.cat([portion for _, portion in portions]), images)
            if diversity is None:
                continue
            stats[f"monitor/duplicates/{class_name}"] = diversity.duplicates
            stats[f"monitor/coverage/{class_name}"] = diversity.coverage
            if diversity.duplicates > self._max_duplicates or diversity.coverage < self._min_coverage:
                collapsed.append(f"{class_name} ({diversity.duplicates:.0%}, {diversity.coverage:.0%})")
        if stats:
            stats["monitor/collapsed_classes"] = float(len(collapsed))
        return Evaluation(stats, (_warning(collapsed),) if collapsed else ())


def _warning(collapsed: list[str]) -> str:
    shown = ", ".join(collapsed[:_CLASSES_NAMED])
    more = f" and {len(collapsed) - _CLASSES_NAMED} more" if len(collapsed) > _CLASSES_NAMED else ""
    return (
        "collapse monitor: too many near-duplicates, or too few of the real images covered, in class "
        f"(share of near-duplicates, coverage): {shown}{more}"
    )
