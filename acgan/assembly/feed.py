"""Builds the feed of training images from a configuration."""

from __future__ import annotations

import torch

from acgan.config import ClassifierConfig, RunConfig
from acgan.config.shared import ComputeConfig
from acgan.data import BatchOrder, DeviceImages
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.runtime import Draws
from acgan.training.step import Feed
from acgan.types import ImageStore

#: Packed images up to this size live on the device.
_MAX_BYTES_ON_DEVICE = 4 << 30


def build_feed(
    config: RunConfig | ClassifierConfig, store: ImageStore, device: torch.device, *, mirror: bool
) -> Feed:
    """Batches of the training images."""
    return Feed(
        images=DeviceImages(store, device=device, max_bytes_on_device=_MAX_BYTES_ON_DEVICE),
        order=BatchOrder(store.labels, seed=config.seed, balance=config.data.balance),
        draws=Draws(config.seed),
        batch_size=config.train.batch_size,
        mirror=mirror,
    )


def own_share(train: ComputeConfig, ranks: Ranks) -> int:
    """Number of images of a batch for each process.

    Raises:
        ConfigError: If the batch cannot be divided among the processes.
    """
    if train.batch_size % ranks.world:
        raise ConfigError(
            f"train.batch_size {train.batch_size} must be a multiple of the {ranks.world} processes."
        )
    return train.batch_size // ranks.world


def torch_dtype(precision: str) -> torch.dtype:
    """The dtype of parameters; bf16 applies only through autocast."""
    return torch.float64 if precision == "float64" else torch.float32
