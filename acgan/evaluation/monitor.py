"""Samples against real images: the collapse monitor of a training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from acgan import runtime
from acgan.config.schema import MonitorConfig
from acgan.metrics.collapse import class_diversity
from acgan.sampling import ClassSampler
from acgan.types import Evaluation, ImageStore

_CLASSES_NAMED = 10


def collapse_monitor(
    settings: MonitorConfig, seed: int, sampler: ClassSampler, store: ImageStore
) -> Callable[[], Evaluation]:
    """What a training calls every ``every.evaluate_nimg``: the diversity of each class, and who collapsed.

    Args:
        settings: Numbers and thresholds.
        seed: Of the choice of real images and of the samples, the same every time.
        sampler: The generator of the moment.
        store: Real images.
    """
    real = {}
    for label, class_name in enumerate(store.class_names):
        indices = np.flatnonzero(store.labels == label)
        draws = runtime.Draws(seed).generator("monitor", label)
        chosen = np.sort(draws.permutation(indices)[: settings.num_per_class])
        real[label, class_name] = torch.from_numpy(store.images[chosen])

    def evaluate() -> Evaluation:
        stats, collapsed = {}, []
        for (label, class_name), images in real.items():
            if not len(images):
                continue
            portions = sampler.stream(label, len(images), seed=seed)
            diversity = class_diversity(torch.cat([portion for _, portion in portions]), images)
            if diversity is None:
                continue
            stats[f"monitor/duplicates/{class_name}"] = diversity.duplicates
            stats[f"monitor/coverage/{class_name}"] = diversity.coverage
            if diversity.duplicates > settings.max_duplicates or diversity.coverage < settings.min_coverage:
                collapsed.append(f"{class_name} ({diversity.duplicates:.0%}, {diversity.coverage:.0%})")
        if stats:
            stats["monitor/collapsed_classes"] = float(len(collapsed))
        return Evaluation(stats, (_warning(collapsed),) if collapsed else ())

    return evaluate


def _warning(collapsed: list[str]) -> str:
    shown = ", ".join(collapsed[:_CLASSES_NAMED])
    more = f" and {len(collapsed) - _CLASSES_NAMED} more" if len(collapsed) > _CLASSES_NAMED else ""
    return (
        "collapse monitor: too many near-duplicates, or too few of the real images covered, in class "
        f"(share of near-duplicates, coverage): {shown}{more}"
    )
