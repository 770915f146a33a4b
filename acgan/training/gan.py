"""A GAN in training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from acgan.distributed import Ranks
from acgan.models import Discriminator, Generator, standing_statistics
from acgan.training.augmenting import Augmenter
from acgan.training.ema import EMA
from acgan.training.gradients import Gradients
from acgan.training.objective import Objective
from acgan.training.regularisers import Discriminate
from acgan.training.schedule import Curve
from acgan.training.step import Feed, Portion, align_moments, joined
from acgan.training.working import WorkingCopy


@dataclass(frozen=True)
class Schedules:
    """Schedules of learning rates, running mean and penalty."""

    generator_lr: Curve
    discriminator_lr: Curve
    ema_half_life_nimg: Curve
    penalty: Curve


@dataclass
class Gan:
    """State that one iteration reads and changes.

    Attributes:
        schedules: Learning rates and other strengths by images shown.
        micro_batch: Images at once on this rank.
        portion_size: Most images that one core computes at once; it follows from the batch, not from the machine.
        working_generator: Its copy computes the passes of a step with weights that are cast once.
        working_discriminator: The same. Penalties take it as it is: a compiled one has no second derivative.
        run_generator: The working copy, perhaps compiled.
        run_discriminator: The same.
        augmenter: Changes all images that D sees, or None.
        all_cores: All cores compute a micro-batch together, since it cannot be computed in portions. Only then do the
            last bits depend on their number.
    """

    generator: Generator
    discriminator: Discriminator
    ema: EMA[Generator]
    optim_generator: Adam
    optim_discriminator: Adam
    objective: Objective
    schedules: Schedules
    feed: Feed
    device: torch.device
    precision: str
    micro_batch: int
    portion_size: int
    d_steps: int
    working_generator: WorkingCopy[Generator]
    working_discriminator: WorkingCopy[Discriminator]
    run_generator: Callable[[Tensor, Tensor], Tensor]
    run_discriminator: Discriminate
    augmenter: Augmenter | None = None
    ranks: Ranks = field(default_factory=Ranks)
    all_cores: bool = False

    def __post_init__(self) -> None:
        self.gradients_generator = Gradients(self.generator)
        self.gradients_discriminator = Gradients(self.discriminator)

    @property
    def batch_size(self) -> int:
        """Images of the global batch."""
        return self.feed.batch_size

    def state_dict(self) -> dict[str, Any]:
        """Everything that an exact resume needs; there is no random state."""
        return {name: part.state_dict() for name, part in self._stateful().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, part in self._stateful().items():
            part.load_state_dict(state[name])
        for optimizer in (self.optim_generator, self.optim_discriminator):
            align_moments(optimizer)

    def networks(self) -> tuple[nn.Module, ...]:
        """The networks whose parameters all ranks hold alike."""
        return self.generator, self.discriminator, self.ema.network

    def latents(self, purpose: str, portion: Portion) -> Tensor:
        """Latents (n, Z) of a portion."""
        return portion.normal((self.generator.latent_dim,), purpose, next(self.generator.parameters()))

    def micro_batches(self, iteration: int, sub_step: int = 0) -> Iterator[list[Portion]]:
        """This rank's images of a step, each micro-batch as portions that are computed at the same time."""
        return self.feed.micro_batches(self.micro_batch, self.portion_size, self.ranks, iteration, sub_step)

    def follow_schedules(self, nimg: int) -> None:
        """Set all scheduled values to those after so many images."""
        for optimizer, lr in (
            (self.optim_generator, self.schedules.generator_lr),
            (self.optim_discriminator, self.schedules.discriminator_lr),
        ):
            for group in optimizer.param_groups:
                group["lr"] = lr.at(nimg)
        self.ema.half_life_nimg = self.schedules.ema_half_life_nimg.at(nimg)

    def _stateful(self) -> dict[str, Any]:
        parts = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "ema": self.ema.network,
            "optim_generator": self.optim_generator,
            "optim_discriminator": self.optim_discriminator,
            "augmenter": self.augmenter,
            **self.objective.regularisers,
        }
        return {name: part for name, part in parts.items() if part is not None}


def settled(gan: Gan, nimg: int) -> Generator:
    """Running mean of G's weights for sampling, with BatchNorm's statistics over ``nimg`` images.

    Args:
        gan: The training, which does not change.
        nimg: Images of the statistics, in micro-batches and with labels as in training; 0 keeps training's means.
    """
    if not nimg:
        return gan.ema.network

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for turn in range(math.ceil(nimg / gan.micro_batch)):
            # The first of one rank's: the same on every rank.
            portions = next(gan.feed.micro_batches(gan.micro_batch, gan.portion_size, Ranks(), turn))
            whole = joined(portions)
            yield gan.latents("standing", whole), gan.feed.labels(turn, whole.part)

    return standing_statistics(gan.ema.network, batches())
