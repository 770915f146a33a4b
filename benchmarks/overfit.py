"""Measure whether a discriminator overfits: its class loss, accuracy and logit on images that it never saw.

    python benchmarks/overfit.py runs/cifar10

It takes the discriminator of a run's last checkpoint, and up to 2,000 training images, validation images and test
images each, not augmented. It prints a Markdown table.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import numpy as np
import torch

from acgan import api
from acgan.assembly import build_gan
from acgan.assembly.images import prepare_dataset
from acgan.config import RunConfig, load
from acgan.data import DeviceImages
from acgan.distributed import Ranks
from acgan.errors import RunError, UserError
from acgan.runtime import choose_device
from acgan.training.checkpoint import read_latest
from acgan.training.gan import Gan
from acgan.types import ImageStore

_IMAGES, _PORTION_SIZE = 2_000, 250


@click.command()
@click.argument("directory", metavar="RUN", type=click.Path(path_type=Path, file_okay=False, exists=True))
def main(directory: Path) -> None:
    """Compare a discriminator on images that it was trained on and on others."""
    checkpoint = read_latest(directory / "checkpoints", click.echo)
    if checkpoint is None:
        raise RunError(f"{directory}: found no checkpoint; expected a run of `acgan train`.")
    config, device = load(RunConfig, directory / "config.yaml"), choose_device("auto")
    dataset = prepare_dataset(config, api.load_data(config))
    gan = build_gan(config, dataset.train, device=device, precision="float32", ranks=Ranks())
    gan.discriminator.load_state_dict(checkpoint["state"]["discriminator"])
    gan.discriminator.eval()
    click.echo("| images | number | class loss | class accuracy | logit |\n|---|---|---|---|---|")
    for name in ("train", "validation", "test"):
        store = getattr(dataset, name)
        if store is not None:
            number, loss, accuracy, logit = measured(gan, store)
            click.echo(f"| {name} | {number:,} | {loss:.3f} | {accuracy:.3f} | {logit:.3f} |")


@torch.no_grad()
def measured(gan: Gan, store: ImageStore) -> tuple[int, float, float, float]:
    """Number of images drawn at random, D's class loss on them, class accuracy, and mean logit."""
    chosen = np.random.default_rng(0).permutation(len(store))[:_IMAGES]
    shown, sums = DeviceImages(store, device=gan.device, max_bytes_on_device=0), np.zeros(3)
    for rows in np.split(chosen, range(_PORTION_SIZE, len(chosen), _PORTION_SIZE)):
        batch = shown.batch(rows, None)
        output = gan.discriminator(batch.images, batch.labels)
        of_class = [float("nan")] * 2
        if gan.objective.classification is not None:
            # The terms of generated images are not used.
            terms = gan.objective.classification.discriminator(output.aux, output.aux, batch.labels)
            right = (output.aux.logits.argmax(dim=1) == batch.labels).float().mean()
            of_class = [terms["class_real"].item(), right.item()]
        sums += len(rows) * np.array([*of_class, output.adv.mean().item()])
    loss, accuracy, logit = sums / len(chosen)
    return len(chosen), loss, accuracy, logit


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"Error: {error}")
