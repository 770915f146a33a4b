"""What the tests of building a GAN share."""

import numpy as np
import torch

from acgan.assembly import build_gan, build_objective
from acgan.config import RunConfig, load
from acgan.distributed import Ranks
from acgan.training.gan import Gan
from acgan.training.objective import Objective
from acgan.training.regularisers import Surroundings
from acgan.types import ImageStore

CPU = torch.device("cpu")
TINY = (
    "model.latent_dim=5",
    "model.generator.channels=8",
    "model.discriminator.channels=8",
    "train.batch_size=8",
    "train.portions=1",
)


def gan_store(resolution: int = 16, channels: int = 1, num: int = 24, classes: int = 3) -> ImageStore:
    images = np.random.default_rng(0).integers(0, 256, (num, channels, resolution, resolution), np.uint8)
    labels = np.arange(num) % classes
    return ImageStore(images, labels, tuple(f"class {k}" for k in range(classes)), "0" * 32)


def gan_config(*overrides: str) -> RunConfig:
    return load(RunConfig, None, overrides)


def objective_of(*overrides: str) -> Objective:
    return build_objective(gan_config(*overrides), Surroundings(False, 16, CPU, torch.float32), one_pass=True)


def tiny_gan(*overrides: str, precision: str = "float32", ranks: Ranks = Ranks(), **shape: int) -> Gan:  # noqa: B008
    return build_gan(
        gan_config(*TINY, *overrides), gan_store(**shape), device=CPU, precision=precision, ranks=ranks
    )
