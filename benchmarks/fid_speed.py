"""Compare the speed of FID with pytorch-fid, in one process, on the same files and weights: a Markdown table.

    python benchmarks/fid_speed.py [IMAGES]

The rows of the table:

1. Statistics of a folder of IMAGES (100) PNG files of 64 x 64, reading included. The two take turns; the table has
   medians, and the median of the rounds' ratios.
2. The same folder with cached statistics, loading the network included.
3. The Fréchet distance alone, at 2,048 features.

pytorch-fid runs with its defaults: batches of 50, one loading process per core. The weights are random, so nothing is
downloaded. Processor time counts all threads and processes; it is more reliable on a shared machine.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import click
import torch
from PIL import Image

from acgan import api
from acgan.benchmarking.fid import blurred, random_weights
from acgan.extracting import InceptionExtractor
from acgan.fid import feature_statistics, open_side
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.statistics import FeatureStatistics
from acgan.runtime import machine

_ROUNDS, _DIMS, _SIDE = 4, 2048, 64
_FRECHET_IMAGES = 4000
Work = Callable[[], object]


def image_folder(folder: Path, count: int) -> Path:
    folder.mkdir()
    for index, image in enumerate((255 * blurred(count, _SIDE)).byte()):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{index:05}.png")
    return folder


def quiet(message: str) -> None:
    """Drop the warning that the weights are not FID's own."""


def processor_time() -> float:
    return sum(os.times()[:4])  # includes children that have ended


def seconds(work: Work) -> tuple[float, float]:
    """Wall time and processor time of a piece of work."""
    started = time.perf_counter(), processor_time()
    work()
    return time.perf_counter() - started[0], processor_time() - started[1]


def median_ratios(theirs: list[tuple[float, float]], ours: list[tuple[float, float]]) -> str:
    """Speed-up of ours, by wall time and by processor time."""
    ratios = [[a / b for a, b in zip(*round_, strict=True)] for round_ in zip(theirs, ours, strict=True)]
    return " | ".join(f"{statistics.median(values):.2f}" for values in zip(*ratios, strict=True))


def folder_statistics(folder: Path, weights: Path) -> tuple[Work, Work]:
    """The work of each with a folder; the networks are built before."""
    from pytorch_fid import fid_score, inception

    tensors = torch.load(weights, weights_only=True)
    inception.load_state_dict_from_url = lambda *args, **kwargs: tensors
    network = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[_DIMS]])
    extractor = InceptionExtractor(_DIMS, weights, warn=quiet)
    loaders = min(len(os.sched_getaffinity(0)), 8)

    def theirs() -> None:
        fid_score.compute_statistics_of_path(str(folder), network, 50, _DIMS, "cpu", loaders)

    def ours() -> None:
        feature_statistics(open_side(str(folder), "cpu").batches(extractor), extractor, lambda done: None)

    return theirs, ours


def frechet_alone() -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds of each, on correlated features of at least 0, from more images than features."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    mixing = torch.randn(_DIMS, _DIMS) * torch.exp(-torch.arange(_DIMS) / 200)[:, None]
    sides = []
    for shift in (0.1, 0.2):
        side = FeatureStatistics(_DIMS)
        side.update((torch.randn(_FRECHET_IMAGES, _DIMS) @ mixing / 30 + shift).relu())
        sides += [side.mean, side.covariance]
    ours = seconds(lambda: frechet_distance(*sides))
    return seconds(lambda: calculate_frechet_distance(*(value.numpy() for value in sides))), ours


def cached(folder: Path, weights: Path, scratch: Path) -> tuple[float, float]:
    """Seconds for cached statistics, loading the network included."""

    def work(name: str) -> None:
        api.fid(folder, save_stats=scratch / name, extractor="inception", weights=weights, warn=quiet)

    work("first.npz")
    return seconds(lambda: work("second.npz"))


@click.command()
@click.argument("count", metavar="[IMAGES]", type=click.IntRange(2), default=100)
def main(count: int) -> None:
    """Compare the speed of FID with pytorch-fid, on a folder of IMAGES (100) PNG files."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        os.environ["ACGAN_CACHE"] = str(scratch / "cache")
        folder, weights = image_folder(scratch / "images", count), random_weights(scratch / "weights.pth")
        work = folder_statistics(folder, weights)
        times: tuple[list[tuple[float, float]], ...] = ([], [])
        for round_ in range(_ROUNDS):
            for index in (0, 1) if round_ % 2 else (1, 0):
                times[index].append(seconds(work[index]))
        again = cached(folder, weights, scratch)
    print(f"{machine()}; torch {torch.__version__}; {date.today()}; {count} images, {_ROUNDS} rounds\n")
    print("| what | pytorch-fid | acgan | times faster | by processor time |\n|---|---|---|---|---|")
    theirs, ours = (statistics.median(wall for wall, _ in values) for values in times)
    rates = f"{count / theirs:.1f} | {count / ours:.1f}"
    print(f"| folder of images, uncached (images/s) | {rates} | {median_ratios(*times)} |")
    whole = statistics.median_low(times[0])
    print(
        f"| the same, cached (s) | {whole[0]:.1f} | {again[0]:.1f} | {median_ratios([whole], [again])} |",
        flush=True,
    )
    one, other = frechet_alone()
    ratios = median_ratios([one], [other])
    print(f"| Fréchet distance alone, {_DIMS:,} features (s) | {one[0]:.1f} | {other[0]:.1f} | {ratios} |")


if __name__ == "__main__":
    main()
