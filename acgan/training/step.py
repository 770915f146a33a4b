"""Parts of a step of any training: the batch, its portions with their random numbers, and the update."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from acgan import distributed, runtime
from acgan.data import BatchOrder, DeviceImages
from acgan.distributed import Ranks
from acgan.runtime import Draws, FiniteGuard
from acgan.training.gradients import Flat, Gradients
from acgan.types import Batch, Terms


@dataclass(frozen=True)
class Portion:
    """Images of a batch that one core computes in a step, and their random numbers.

    Numbers are drawn for the whole global batch, and the portion takes its rows, so they depend on no portion or rank.

    Attributes:
        sub_step: D's step within the iteration.
        part: Slice of the global batch.
        share: Share of the rank's images.
        batch_size: Images of the global batch.
    """

    iteration: int
    sub_step: int
    part: slice
    share: float
    draws: Draws
    batch_size: int

    def uniform(self, shape: tuple[int, ...], purpose: str, like: Tensor) -> Tensor:
        """Draws (n, *shape) in [0, 1), of the dtype and on the device of another tensor."""
        generator = self.draws.generator(purpose, self.iteration, self.sub_step)
        draws = torch.from_numpy(generator.random((self.batch_size, *shape))[self.part])
        return runtime.send(draws.to(like.dtype), like.device)

    def normal(self, shape: tuple[int, ...], purpose: str, like: Tensor) -> Tensor:
        """Standard normal draws (n, *shape), of the dtype and on the device of another tensor."""
        draws = self.draws.normal((self.batch_size, *shape), purpose, self.iteration, self.sub_step)[
            self.part
        ]
        return runtime.send(draws.to(like.dtype), like.device)

    def layer_draws(self, purpose: str) -> contextlib.AbstractContextManager[None]:
        """Layers of dropout and noise called inside take the draws of this portion."""
        return runtime.layer_draws(self.draws, purpose, self.iteration, self.sub_step, self.part.start)


def joined(portions: Sequence[Portion]) -> Portion:
    """Neighbouring portions as one, such as those of a micro-batch."""
    part = slice(portions[0].part.start, portions[-1].part.stop)
    return replace(portions[0], part=part, share=sum(portion.share for portion in portions))


@dataclass(frozen=True)
class Feed:
    """Real images in global batches, of which every rank and every portion takes its slice.

    Attributes:
        batch_size: Images of the global batch.
        mirror: Images are flipped at random.
    """

    images: DeviceImages
    order: BatchOrder
    draws: Draws
    batch_size: int
    mirror: bool = False

    def micro_batches(
        self, micro_batch: int, portion_size: int, ranks: Ranks, iteration: int, sub_step: int = 0
    ) -> Iterator[list[Portion]]:
        """This rank's images of a step, at most ``micro_batch`` at once, in portions of at most ``portion_size``."""
        own = ranks.slice(self.batch_size)
        for start in range(own.start, own.stop, micro_batch):
            parts = _split(start, min(start + micro_batch, own.stop), portion_size)
            shares = [(part.stop - part.start) / (own.stop - own.start) for part in parts]
            yield [
                Portion(iteration, sub_step, part, share, self.draws, self.batch_size)
                for part, share in zip(parts, shares, strict=True)
            ]

    def batch(self, step: int, part: slice, dtype: torch.dtype) -> Batch:
        """A part of the batch of a step."""
        position = step * self.batch_size + part.start
        flip = None
        if self.mirror:
            flip = self.draws.generator("mirror", step).random(self.batch_size)[part] < 0.5
        batch = self.images.batch(self.order.indices(position, part.stop - part.start), flip)
        return Batch(batch.images.to(dtype), batch.labels)

    def labels(self, step: int, part: slice) -> Tensor:
        """The labels (n,) alone of a part of the batch of a step."""
        return self.images.labels(
            self.order.indices(step * self.batch_size + part.start, part.stop - part.start)
        )


@dataclass(frozen=True)
class Computed:
    """Results of a portion.

    Attributes:
        share: Share of the rank's images.
        terms: Sums that were differentiated.
        gradients: Gradients of the portion's share of those sums.
    """

    share: float
    terms: Sequence[Terms]
    gradients: Flat


class BatchMean:
    """Terms of portions, averaged to those of the batch.

    Attributes:
        losses: Mean of each term, without its weight.
        stats: Mean of each other scalar, and of each term with its weight (``weighted/…``).
    """

    def __init__(self) -> None:
        self.losses: dict[str, Tensor] = {}
        self.stats: dict[str, Tensor] = {}

    def add(self, computed: Computed) -> None:
        """Count a portion in."""
        for terms in computed.terms:
            for name, term in terms.terms.items():
                _add(self.losses, name, term.value, computed.share)
                _add(self.stats, f"weighted/{name}", term.weighted, computed.share)
            for name, value in terms.stats.items():
                _add(self.stats, name, value, computed.share)


def _add(means: dict[str, Tensor], name: str, value: Tensor, share: float) -> None:
    means[name] = means.get(name, 0.0) + value.detach() * share


def update(
    gradients: Gradients,
    optimizer: Optimizer,
    log: BatchMean,
    guard: FiniteGuard,
    phase: str,
    iteration: int,
    ranks: Ranks,
) -> dict[str, Tensor]:
    """Average gradients over ranks, check that all is finite, and step.

    The optimiser is fused: it keeps the weights if the guard's flag is up. ``phase`` names the network in messages.

    Returns:
        Scalars to log, on the device, by name.
    """
    norm = torch.linalg.vector_norm(gradients.average_and_set(ranks))
    # The losses too are those of the whole batch, so that all ranks skip a bad step or none does.
    means = distributed.average_over_ranks(torch.stack(list(log.losses.values())), ranks)
    losses = dict(zip(log.losses, means, strict=True))
    guard.check(phase, iteration, {**losses, "gradient": norm})
    optimizer.found_inf = guard.found  # type: ignore[attr-defined]  # a fused step is skipped where it is 1
    optimizer.step()
    return {**losses, **log.stats, "gradient_norm": norm}


def align_moments(optimizer: Optimizer) -> None:
    """Give moments the memory format of their parameters, which a checkpoint of another version may lack.

    The fused optimiser goes through both in the order of memory.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter).copy_(value)


def _split(start: int, stop: int, most: int) -> list[slice]:
    """Parts of at most ``most`` images, whose sizes differ by one at most."""
    parts = -(-(stop - start) // most)
    ends = [start + (stop - start) * part // parts for part in range(parts + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def parameter_dtype(network: nn.Module) -> torch.dtype:
    """The dtype of a network's parameters."""
    return next(network.parameters()).dtype
