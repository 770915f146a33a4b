"""Copies of training images: the share that is found in pixels, by alteration, and what held-out images have of them.

    python benchmarks/copies.py cifar10_jpg.zip mnist:ROOT

For each source it searches for held-out images among all training images, and for altered copies of training images.
It prints the shares that are the same picture as a training image, and the same or nearly the same; of copies only
where that training image is the original. Seconds are of the process, on all of its cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import click
import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from acgan import parallel
from acgan.assembly.images import load_data
from acgan.config import RunConfig, load
from acgan.config.recipes import find_recipe
from acgan.metrics.copies import NEAR, SAME, TrainingPictures, pictures


def moved(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Move a picture; pixels at its edge are repeated."""
    margin = max(abs(down), abs(right))
    wide = np.pad(images, ((0, 0), (0, 0), (margin, margin), (margin, margin)), mode="edge")
    height, width = images.shape[2:]
    return wide[:, :, margin + down : margin + down + height, margin + right : margin + right + width]


def noisy(images: np.ndarray, level: float) -> np.ndarray:
    """Add normal noise, in gray levels."""
    return rounded(images + np.random.default_rng(0).normal(0, level, images.shape))


def blurred(images: np.ndarray, pixels: float) -> np.ndarray:
    """Blur by a normal kernel."""
    return rounded(gaussian_filter(images.astype(np.float32), (0, 0, pixels, pixels)))


def rounded(values: np.ndarray) -> np.ndarray:
    """As pixels."""
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


ALTERATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "verbatim": lambda images: images,
    "mirrored": lambda images: images[..., ::-1],
    "moved by 1 px": lambda images: moved(images, 1, -1),
    "moved by 2 px": lambda images: moved(images, -2, 2),
    "mirrored, moved by 2 px": lambda images: moved(images[..., ::-1], 2, -2),
    "moved by 4 px": lambda images: moved(images, 4, 4),
    "noise of 5 levels": lambda images: noisy(images, 5),
    "noise of 10 levels": lambda images: noisy(images, 10),
    "blurred by 0.5 px": lambda images: blurred(images, 0.5),
    "blurred by 0.7 px": lambda images: blurred(images, 0.7),
}


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--held-out", default=10_000, show_default=True, help="Held-out images, at most.")
@click.option("--copies", default=500, show_default=True, help="Copies of each kind.")
def main(sources: tuple[str, ...], held_out: int, copies: int) -> None:
    for source in sources:
        overrides = [f"data.source={source}", "data.resolution=null"]
        dataset = load_data(load(RunConfig, find_recipe("digits", "gan"), overrides))
        train, test = dataset.train.images, dataset.test.images[:held_out]
        with parallel.using_cores(None):
            start = time.process_time()
            search = TrainingPictures(train, np.arange(len(train)))
            described = time.process_time() - start
            distances, _ = search.nearest(pictures(test))
            searched = time.process_time() - start - described
            click.echo(
                f"{dataset.name}: {len(test):,} held-out images: same {(distances < SAME).float().mean():.2%}, "
                f"nearly {(distances < NEAR).float().mean():.2%}; {described:.1f} s to describe {len(train):,} "
                f"training images, {searched:.1f} s to search"
            )
            rows = np.random.default_rng(0).choice(len(train), copies, replace=False)
            for name, alteration in ALTERATIONS.items():
                altered = np.ascontiguousarray(alteration(train[rows]))
                distances, found = search.nearest(pictures(altered))
                right = found == torch.from_numpy(rows)
                shares = [((distances < limit) & right).float().mean().item() for limit in (SAME, NEAR)]
                click.echo(f"  {name}: same {shares[0]:.1%}, nearly {shares[1]:.1%}")


if __name__ == "__main__":
    main()
