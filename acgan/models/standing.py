"""Standing statistics: what BatchNorm of a generator sees at sampling."""

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
    """A generator whose BatchNorm statistics are those of its weights as they are now.

    Running statistics of training are of weights that have moved on, and an average of weights never had any. So
    batches are run through the network (Brock et al. 2019, "standing statistics") with every BatchNorm
    layer normalising by the batch, as in training, and anything else, dropout say, as at sampling. A layer's running
    mean becomes the mean over the batches of its batch means, its running variance that of its unbiased batch
    variances (sum of squared deviations over n - 1), every batch counting the same.

    Args:
        network: (z, y) -> images; left as it is.
        batches: Latents (N, Z) and labels (N,) on the network's device; best as many images as in training, and the
            labels as they are sampled.

    Returns:
        A copy in eval mode; a network without BatchNorm itself, as it is.

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
        layer.momentum = None  # torch's way to say: the mean over all batches
    num = 0
    for num, (z, y) in enumerate(batches, 1):  # noqa: B007
        twin(z, y)
    if num == 0:
        raise ValueError("standing statistics of no batches")
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return twin.eval()
