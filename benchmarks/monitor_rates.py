"""Measure what the collapse monitor says of real images, which never collapsed, and of copies: two Markdown tables.

    python benchmarks/monitor_rates.py digits mnist:ROOT cifar10_jpg.zip

Real images of a class are compared with other real images of it, drawn anew in each trial; copies are a few real
images, again and again, with noise. The thresholds are the configuration's defaults.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
import numpy as np
import torch
from torch import Tensor

from acgan import api
from acgan.config import RunConfig
from acgan.config.schema import MonitorConfig
from acgan.metrics.collapse import ClassDiversity, class_diversity

_COUNTS, _TEMPLATES, _NOISE = (20, 30, 60, 100, 150), (1, 2, 5, 10), (0, 5, 20)
_THRESHOLDS = MonitorConfig()


def by_class(source: str) -> list[Tensor]:
    """Training images (N, C, H, W) of each class of a source."""
    store = api.load_data(RunConfig.model_validate({"data": {"source": source}})).train
    labels = np.asarray(store.labels)
    return [torch.from_numpy(np.asarray(store.images[labels == label])) for label in range(store.num_classes)]


def drawn(images: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    return images[torch.from_numpy(rng.choice(len(images), count, replace=False))]


def real_pairs(classes: list[Tensor], count: int, trials: int) -> Iterator[ClassDiversity]:
    """The diversity of real images, against others of their class; classes with too few images are left out."""
    rng = np.random.default_rng(count)
    for images in classes:
        for _ in range(trials if len(images) >= 2 * count else 0):
            diversity = class_diversity(*drawn(images, 2 * count, rng).chunk(2))
            assert diversity is not None
            yield diversity


def copies(classes: list[Tensor], count: int, templates: int, trials: int) -> Iterator[ClassDiversity]:
    """The diversity of noisy copies of a few images, against other images of their class."""
    rng = np.random.default_rng(count)
    for images in classes:
        for trial in range(trials if len(images) >= count + templates else 0):
            chosen = drawn(images, count + templates, rng)
            repeated = chosen[torch.from_numpy(rng.integers(templates, size=count))].float()
            noise = torch.from_numpy(rng.normal(size=repeated.shape)) * _NOISE[trial % len(_NOISE)]
            samples = (repeated + noise).round().clamp(0, 255).to(torch.uint8)
            diversity = class_diversity(samples, chosen[templates:])
            assert diversity is not None
            yield diversity


def is_flagged(found: ClassDiversity) -> bool:
    return found.duplicates > _THRESHOLDS.max_duplicates or found.coverage < _THRESHOLDS.min_coverage


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--trials", type=click.IntRange(1), default=200, show_default=True, help="Trials a class.")
def main(sources: tuple[str, ...], trials: int) -> None:
    """Print the false alarms and the misses of the collapse monitor on SOURCES, as two Markdown tables."""
    loaded = {source: by_class(source) for source in sources}
    print(
        f"real images, {trials} trials a class\n\n"
        "| source | images a side | trials | near-duplicates: mean | 99 % below | largest "
        "| coverage: mean | 99 % above | smallest | warned |\n" + "|---" * 10 + "|"
    )
    for source, classes in loaded.items():
        for count in _COUNTS:
            found = list(real_pairs(classes, count, trials))
            if found:
                print(f"| {source} | {count} | {len(found):,} | {_summary(found)} |", flush=True)
    print(
        f"\ncopies of a few images with noise of 0, 5 and 20 of 255, {trials} trials a class\n\n"
        f"| source | samples | missed, of {', '.join(map(str, _TEMPLATES))} images |\n" + "|---" * 3 + "|"
    )
    for source, classes in loaded.items():
        for count in _COUNTS:
            cells = []
            for templates in _TEMPLATES:
                found = list(copies(classes, count, templates, trials))
                missed = sum(not is_flagged(one) for one in found)
                cells.append(f"{missed} of {len(found):,}" if found else "-")
            if set(cells) != {"-"}:
                print(f"| {source} | {count} | {', '.join(cells)} |", flush=True)


def _summary(found: list[ClassDiversity]) -> str:
    duplicates, coverage = (
        np.array([getattr(one, name) for one in found]) for name in ("duplicates", "coverage")
    )
    return (
        f"{duplicates.mean():.3f} | {np.quantile(duplicates, 0.99):.2f} | {duplicates.max():.2f} | "
        f"{coverage.mean():.3f} | {np.quantile(coverage, 0.01):.2f} | {coverage.min():.2f} | "
        f"{sum(map(is_flagged, found))} of {len(found):,}"
    )


if __name__ == "__main__":
    main()
