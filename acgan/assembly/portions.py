"""Portions of a step, which cores of a CPU compute at the same time: where there are any, and of how many images."""

from __future__ import annotations

import math

import torch
from torch import nn

from acgan import parallel
from acgan.config.shared import ComputeConfig
from acgan.models import draw_by_image, share_batch_statistics

_IMAGES_A_PORTION = 32


def in_portions(train: ComputeConfig, device: torch.device) -> bool:
    """True if a step computes its images in portions: on a CPU, unless the networks are compiled."""
    return device.type == "cpu" and not train.compile


def prepare_for_portions(*networks: nn.Module) -> None:
    """Make networks compute in portions what they compute for a whole batch: its statistics, its random numbers."""
    for network in networks:
        share_batch_statistics(network)
        draw_by_image(network)


def portion_size(train: ComputeConfig, device: torch.device, micro_batch: int) -> int:
    """Most images that one core computes at once; without portions all ``micro_batch`` of them.

    It follows from the batch, not from the machine. Smaller portions would serve more cores, and take more time in all:
    layers are quicker for many images at once.
    """
    if not in_portions(train, device):
        return micro_batch
    usual = max(2, math.ceil(train.batch_size / _IMAGES_A_PORTION))
    portions = train.portions or min(usual, parallel.MOST_PARTS)
    return min(micro_batch, math.ceil(train.batch_size / portions))


def remark_on_cores(train: ComputeConfig, device: torch.device, micro_batch: int) -> str | None:
    """A remark for the user if cores stay idle that a larger ``train.portions`` would use.

    That key divides the global batch, and what is computed at the same time is a micro-batch.
    """
    if not in_portions(train, device):
        return None
    cores = parallel.cores()
    better = min(math.ceil(train.batch_size * min(cores, micro_batch) / micro_batch), parallel.MOST_PARTS)
    now, then = (
        math.ceil(micro_batch / portion_size(one, device, micro_batch))
        for one in (train, train.model_copy(update={"portions": better}))
    )
    if then <= now:
        return None
    what = "1 portion of the batch is" if now == 1 else f"{now} portions of the batch are"
    return (
        f"{what} computed at the same time, so {cores - now} of {cores} cores stay idle; --set train.portions={better} "
        f"uses {then}, and other last bits come out"
    )
