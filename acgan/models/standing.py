"""Standing statistics for the BatchNorm layers of a generator that samples."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from acgan.models.layers import has_batch_norm

_Network = TypeVar("_Network", bound=nn.Module)


@torch.no_grad()
def standing_statistics(network: _Network, batches: Iterable[tuple[Tensor, Tensor]]) -> _Network:
    """A copy of a generator with BatchNorm statistics of its current weights (Brock et al. 2019).

    Running statistics of the training belong to earlier weights, and an average of weights has none of its own. So the
    batches go through the network with BatchNorm in training mode and all other layers in eval mode. Running means
    become the mean of the batch means, and running variances the mean of the unbiased batch variances (sum of squared
    deviations over n - 1); every batch counts the same.

    Args:
        network: (z, y) -> images; not changed.
        batches: Latents (N, Z) and labels (N,) on the network's device; best with the batch size of the training and
            labels as for sampling.

    Returns:
        The copy, in eval mode; the network itself if it has no BatchNorm.

    Raises:
        ValueError: If there is no batch.
    """
    if not has_batch_norm(network):
        return network
    twin = copy.deepcopy(network).eval()
    layers = [layer for layer in twin.modules() if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.train()
        layer.reset_running_stats()
        layer.momentum = None  # for torch, the mean over all batches
    num = 0
    for num, (z, y) in enumerate(batches, 1):  # noqa: B007
        twin(z, y)
    if num == 0:
        raise ValueError("standing statistics of no batches")
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return twin.eval()
