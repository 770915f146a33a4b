"""Samples against real images: the collapse monitor of a training."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from acgan import runtime
from acgan.metrics.collapse import ClassDiversity, class_diversity
from acgan.parallel import in_order
from acgan.sampling import ClassSampler
from acgan.signals import StopSignal
from acgan.types import Evaluation, ImageStore

_CLASSES_NAMED = 10
_LIKE_REAL = 0.5  # of a class's samples: with fewer it is called unlike real images, and not collapsed
#: Share of a training before which samples that are unlike real images are no more than not yet trained.
EARLY = 0.2
_COLLAPSED = (
    "collapse monitor: collapsed, with too many near-duplicates or too few real images covered, in class"
)
_UNLIKE = "collapse monitor: unlike real images in class"


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

    def look(self, sampler: ClassSampler, share: float, stop: StopSignal) -> Evaluation:
        """The diversity of each class, and in words which classes are collapsed or unlike real images.

        Args:
            sampler: The generator.
            share: Share of the training that is over; early in it, unlike real images is a remark and no warning.
            stop: Signal that cuts it short.

        Raises:
            CutShortError: If there is that signal.
        """
        stats: dict[str, float] = {}
        collapsed: list[str] = []
        unlike: list[str] = []
        for label, diversity in in_order(self._diversity, self._samples(sampler, stop)):
            if diversity is None:
                continue
            class_name = self._names[label]
            for name, value in asdict(diversity).items():
                stats[f"monitor/{name}/{class_name}"] = value
            if diversity.duplicates > self._max_duplicates or diversity.coverage < self._min_coverage:
                found = f"{class_name} ({diversity.duplicates:.0%}, {diversity.coverage:.0%})"
                (collapsed if diversity.realistic >= _LIKE_REAL else unlike).append(found)
        warnings = [_COLLAPSED + _named(collapsed)] if collapsed else []
        remarks = []
        if unlike and share < EARLY:
            remarks = [f"{_UNLIKE}{_named(unlike)}: not yet trained, at {share:.0%} of the training"]
        elif unlike:
            warnings.append(_UNLIKE + _named(unlike))
        if stats:
            warned = len(collapsed) + (len(unlike) if share >= EARLY else 0)
            stats["monitor/collapsed_classes"] = float(warned)
        return Evaluation(stats, tuple(warnings), tuple(remarks))

    def _samples(self, sampler: ClassSampler, stop: StopSignal) -> Iterator[tuple[int, Tensor]]:
        """Samples of each class that has real images, as many."""
        counts = {label: len(images) for label, images in self._real.items()}
        drawn = stop.between(sampler.stream_classes(counts, seed=self._seed))
        for label, portions in itertools.groupby(drawn, key=operator.itemgetter(0)):
            yield label, torch.cat([images for _, _, images in portions])

    def _diversity(self, drawn: tuple[int, Tensor]) -> tuple[int, ClassDiversity | None]:
        label, samples = drawn
        return label, class_diversity(samples, self._real[label])


def _named(classes: list[str]) -> str:
    more = f" and {len(classes) - _CLASSES_NAMED} more" if len(classes) > _CLASSES_NAMED else ""
    return f" (share of near-duplicates, coverage): {', '.join(classes[:_CLASSES_NAMED])}{more}"
