"""What a step of any training is made of: the batch, its portions, and the update."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from acgan import distributed
from acgan.data import BatchOrder, DeviceImages
from acgan.distributed import Ranks
from acgan.runtime import Draws, FiniteGuard
from acgan.types import Batch, Terms


@dataclass(frozen=True)
class Feed:
    """Real images in global batches, of which every rank and every portion takes its slice.

    Attributes:
        batch_size: Images of the global batch.
        mirror: Whether images are flipped at random.
    """

    images: DeviceImages
    order: BatchOrder
    draws: Draws
    batch_size: int
    mirror: bool = False

    def batch(self, step: int, part: slice, dtype: torch.dtype) -> Batch:
        """A part of the batch of a step."""
        position = step * self.batch_size + part.start
        flip = (
            self.draws.generator("mirror", step).random(self.batch_size)[part] < 0.5 if self.mirror else None
        )
        batch = self.images.batch(self.order.indices(position, part.stop - part.start), flip)
        return Batch(batch.images.to(dtype), batch.labels)

    def labels(self, step: int, part: slice) -> Tensor:
        """The labels (n,) alone of a part of the batch of a step."""
        return self.images.labels(
            self.order.indices(step * self.batch_size + part.start, part.stop - part.start)
        )


def portions(batch_size: int, micro_batch: int, ranks: Ranks) -> Iterator[tuple[slice, float]]:
    """This rank's images in portions: each as a slice of the global batch, and its share of the rank's mean."""
    own = ranks.slice(batch_size)
    for start in range(own.start, own.stop, micro_batch):
        stop = min(start + micro_batch, own.stop)
        yield slice(start, stop), (stop - start) / (own.stop - own.start)


class BatchMean:
    """Sums the terms of portions, weighted by their shares, to the means of the batch."""

    def __init__(self) -> None:
        self.losses: dict[str, Tensor] = {}
        self.stats: dict[str, Tensor] = {}

    def add(self, terms: Terms, share: float) -> None:
        """Count a portion in."""
        for means, values in ((self.losses, terms.parts), (self.stats, terms.stats)):
            for name, value in values.items():
                means[name] = means.get(name, 0.0) + value.detach() * share


def update(
    network: nn.Module,
    optimizer: Optimizer,
    log: BatchMean,
    *,
    guard: FiniteGuard,
    phase: str,
    iteration: int,
    ranks: Ranks,
) -> dict[str, Tensor]:
    """Average gradients over ranks, check that all is finite, step.

    Args:
        network: What is trained; its gradients are there.
        optimizer: Fused: it leaves the weights where the guard's flag is up.
        log: Of the batch.
        guard: The run's.
        phase: Whose step it is, for messages.
        iteration: Training iteration.
        ranks: This process among others.

    Returns:
        What to log: scalars on the device, by name.
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    distributed.average_gradients(parameters, ranks)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    # The losses too are those of the whole batch, so that all ranks skip a bad step or none does.
    means = distributed.average_over_ranks(torch.stack(list(log.losses.values())), ranks)
    losses = dict(zip(log.losses, means, strict=True))
    guard.check(phase, iteration, {**losses, "gradient": norm})
    optimizer.step()
    return {**losses, **log.stats, "gradient_norm": norm}


def parameter_dtype(network: nn.Module) -> torch.dtype:
    """Of a network's parameters."""
    return next(network.parameters()).dtype
