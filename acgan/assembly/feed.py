"""Builds the feed of training images from a configuration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from acgan import parallel
from acgan.config import ClassifierConfig, RunConfig
from acgan.config.shared import ComputeConfig
from acgan.data import BatchOrder, DeviceImages
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.models import draw_by_image, share_batch_statistics
from acgan.runtime import Draws
from acgan.training.step import Feed
from acgan.types import ImageStore

#: Packed images up to this size live on the device.
_MAX_BYTES_ON_DEVICE = 4 << 30
_IMAGES_A_PORTION = 32


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


def portion_size(train: ComputeConfig, device: torch.device, networks: Sequence[nn.Module]) -> int | None:
    """Most images of a batch that one core computes at once; the networks are made ready for it.

    Smaller portions would serve more cores, and take more time in all: layers are quicker for many images at once.
    None: no portions on a GPU, for compiled networks, and where a layer cannot be computed in portions.
    """
    whole_only = [
        name for network in networks for name in (*share_batch_statistics(network), *draw_by_image(network))
    ]
    if device.type != "cpu" or train.compile or whole_only:
        return None
    usual = max(2, math.ceil(train.batch_size / _IMAGES_A_PORTION))
    portions = train.portions or min(usual, parallel.MOST_PARTS)
    return math.ceil(train.batch_size / portions)


def remark_on_cores(device: torch.device, micro_batch: int, portion: int) -> str | None:
    """A remark for the user if a step leaves cores idle."""
    portions = math.ceil(micro_batch / portion)
    if device.type != "cpu" or portions >= parallel.cores():
        return None
    return (
        f"a step has {portions} portions, so {parallel.cores() - portions} of {parallel.cores()} cores stay idle; more "
        f"portions use more of them, and other last bits come out: --set train.portions={parallel.cores()}"
    )


def torch_dtype(precision: str) -> torch.dtype:
    """The dtype of parameters; bf16 applies only through autocast."""
    return torch.float64 if precision == "float64" else torch.float32
