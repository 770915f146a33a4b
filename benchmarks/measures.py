"""Measures: what each says of perfect, copied, blurred, noisy and collapsed samples, and the seconds that it takes.

    python benchmarks/measures.py --source cifar10_jpg.zip --extractor cifar10_jpg     # what each measure says
    python benchmarks/measures.py --seconds                                            # how long each takes

The samples are made of test images, of which the other half is the reference. Copies are of the training images.
Seconds are of random features: 10,000 samples, 10,000 held-out images, 50,000 training images, 512 features.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from acgan import api, parallel
from acgan.api import EvaluateOptions
from acgan.assembly.images import load_data
from acgan.config import RunConfig, load
from acgan.config.recipes import find_recipe
from acgan.metrics import data_copying
from acgan.metrics.authenticity import authenticity
from acgan.metrics.catalogue import CATALOGUE
from acgan.metrics.distances import distances_to_others, nearest_neighbours
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.frechet_infinity import frechet_infinity
from acgan.metrics.kid import kernel_distance
from acgan.metrics.mind import monge_distance
from acgan.metrics.prdc import prdc
from acgan.metrics.vendi import vendi_score

TRAINING_IMAGES = 20_000


def make_samples(images: np.ndarray, labels: np.ndarray, copies: np.ndarray) -> dict[str, np.ndarray]:
    """Samples (N, H, W, C) uint8 of each kind, from real images of these labels, and copies of training images."""
    rng = np.random.default_rng(0)
    noisy = images + rng.normal(0, 20, images.shape)
    blurred = gaussian_filter(images.astype(np.float32), (0, 1.5, 1.5, 0))
    first = {label: np.flatnonzero(labels == label)[:20] for label in np.unique(labels)}
    collapsed = images[[first[label][0] for label in labels]] + rng.normal(0, 3, images.shape)
    few = images[[first[label][index % len(first[label])] for index, label in enumerate(labels)]]
    kinds = {
        "perfect": images,
        "copies": copies,
        "blurred": blurred,
        "noisy": noisy,
        "20 images a class": few,
        "one image a class": collapsed,
    }
    return {name: np.clip(np.round(values), 0, 255).astype(np.uint8) for name, values in kinds.items()}


def say(source: str, extractor: str) -> None:
    """Print a table of all measures, one column for each kind of samples."""
    dataset = load_data(
        load(RunConfig, find_recipe("digits", "gan"), [f"data.source={source}", "data.resolution=null"])
    )
    test, train = dataset.test, dataset.train
    order = np.argsort(test.labels, kind="stable")  # so that both halves have as many images of each class
    sides = [
        (test.images[rows].transpose(0, 2, 3, 1), test.labels[rows]) for rows in (order[::2], order[1::2])
    ]
    (reference, reference_labels), (images, labels) = sides
    each = TRAINING_IMAGES // train.num_classes
    chosen = np.concatenate([np.flatnonzero(train.labels == label)[:each] for label in np.unique(labels)])
    training, training_labels = train.images[chosen].transpose(0, 2, 3, 1), train.labels[chosen]
    rows = np.concatenate(
        [
            np.flatnonzero(training_labels == label)[: int((labels == label).sum())]
            for label in np.unique(labels)
        ]
    )
    found: dict[str, dict[str, float | None]] = {}
    with TemporaryDirectory() as folder:

        def kept(name: str, images: np.ndarray, labels: np.ndarray) -> Path:
            path = Path(folder, f"{name}.npz")
            np.savez(path, images=images, labels=labels, class_names=np.array(dataset.train.class_names))
            return path

        real, trained_on = (
            kept("reference", reference, reference_labels),
            kept("training", training, training_labels),
        )
        options = EvaluateOptions(
            data=str(real),
            train_data=str(trained_on),
            extractor=extractor,
            metrics=[name for name in CATALOGUE if name != "cas"],
        )
        for kind, samples in make_samples(images, labels, training[rows]).items():
            scores = api.evaluate(str(kept("samples", samples, labels)), options).scores
            found[kind] = {name: score.value for name, score in scores.overall.items()}
    click.echo("| measure | " + " | ".join(found) + " |\n|---|" + "---|" * len(found))
    for name in found["perfect"]:
        cells = [f"{value:.4g}" if (value := scores[name]) is not None else "-" for scores in found.values()]
        click.echo(f"| `{name.partition('[')[0]}` | " + " | ".join(cells) + " |")


def seconds() -> None:
    """Print how long each measure takes on one thread."""
    rng = np.random.default_rng(0)
    real, fake, train = (
        torch.from_numpy(rng.normal(size=(n, 512)).astype(np.float32)) for n in (10_000, 10_000, 50_000)
    )
    mean, covariance = real.double().mean(0), real.double().T.cov()

    def nearest() -> torch.Tensor:
        return nearest_neighbours(fake, train)[0]

    def authentic() -> float:
        distances, rows = nearest_neighbours(fake, train)
        return authenticity(distances, distances_to_others(train, rows))

    def c_t() -> float:
        cells = data_copying.Cells(train, data_copying.num_cells(len(real)), seed=0)
        return data_copying.data_copying(*cells.nearest(fake), *cells.nearest(real))

    measured: dict[str, Callable[[], object]] = {
        "frechet": lambda: frechet_distance(mean, covariance, fake.double().mean(0), fake.double().T.cov()),
        "frechet_infinity": lambda: frechet_infinity(fake, mean, covariance),
        "kid": lambda: kernel_distance(real, fake, strata=None, subsets=100, seed=0),
        "mind": lambda: monge_distance(real, fake),
        "prdc": lambda: prdc(real, fake),
        "vendi": lambda: vendi_score(fake),
        "memorisation": nearest,
        "data_copying": c_t,
        "authenticity": authentic,
    }
    with parallel.using_cores(1):
        for name, measure in measured.items():
            start = time.process_time()
            measure()
            click.echo(f"{name}: {time.process_time() - start:.1f} s")


@click.command()
@click.option("--source", default="digits", show_default=True, help="Labelled images, as --data takes them.")
@click.option("--extractor", default="digits", show_default=True)
@click.option("--seconds", "timed", is_flag=True, help="Time the measures on random features instead.")
def main(source: str, extractor: str, timed: bool) -> None:
    torch.set_num_threads(1)
    if timed:
        seconds()
    else:
        say(source, extractor)


if __name__ == "__main__":
    main()
