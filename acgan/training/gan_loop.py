"""The GAN training loop: discriminator steps, a generator step, the mean of the weights, then whatever is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from acgan import runtime
from acgan.models import Discriminator, Generator, advance_spectral_norm
from acgan.runtime import Draws, FiniteGuard, Ranks
from acgan.training.ema import EMA
from acgan.training.objective import Judge, Objective
from acgan.training.run import TrainingRun
from acgan.training.step import Feed, Mean, parameter_dtype, portions, update


@dataclass
class Gan:
    """Everything one iteration reads and changes.

    Attributes:
        micro_batch: Images at once on this rank.
        run_generator: ``generator``, compiled where asked for.
        run_discriminator: ``discriminator``, compiled where asked for; penalties take the plain one.
    """

    generator: Generator
    discriminator: Discriminator
    ema: EMA[Generator]
    optim_generator: Adam
    optim_discriminator: Adam
    objective: Objective
    feed: Feed
    draws: Draws
    device: torch.device
    precision: str
    micro_batch: int
    d_steps: int
    run_generator: Callable[[Tensor, Tensor], Tensor]
    run_discriminator: Judge
    ranks: Ranks = field(default_factory=Ranks)

    @property
    def batch_size(self) -> int:
        """Images of the global batch."""
        return self.feed.batch_size

    def state_dict(self) -> dict[str, Any]:
        """What an exact resume needs; random state is not among it, because there is none."""
        return {name: part.state_dict() for name, part in self._stateful().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state_dict``."""
        for name, part in self._stateful().items():
            part.load_state_dict(state[name])

    def networks(self) -> tuple[nn.Module, ...]:
        """Whose parameters all ranks hold alike."""
        return self.generator, self.discriminator, self.ema.network

    def _stateful(self) -> dict[str, Any]:
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "ema": self.ema.network,
            "optim_generator": self.optim_generator,
            "optim_discriminator": self.optim_discriminator,
        }


def train_gan(gan: Gan, run: TrainingRun) -> None:
    """Train until the run says stop, in iterations of one global batch.

    Args:
        gan: Networks, optimisers, objective and data.
        run: Counts images; logs, samples, evaluates and checkpoints when due.
    """
    for optimizer in (gan.optim_discriminator, gan.optim_generator):
        optimizer.found_inf = run.guard.found  # type: ignore[attr-defined]  # a fused step is skipped where it is 1
    gan.generator.train()
    gan.discriminator.train()
    while not run.finished():
        for sub_step in range(gan.d_steps):
            run.record("D", discriminator_step(gan, run.guard, run.iteration, sub_step))
        run.record("G", generator_step(gan, run.guard, run.iteration))
        run.advance(gan.batch_size)
        gan.ema.update(gan.generator, run.nimg, gan.batch_size)
        run.do_what_is_due()


def discriminator_step(gan: Gan, guard: FiniteGuard, iteration: int, sub_step: int) -> dict[str, Tensor]:
    """One step of D: adversarial + weight * classification, and the penalty where it is due.

    Returns:
        What to log: scalars on the device, by name.
    """
    d, objective = gan.discriminator, gan.objective
    step = iteration * gan.d_steps + sub_step
    penalty_due = objective.penalty is not None and step % objective.penalty_every == 0
    d.requires_grad_(True)
    gan.optim_discriminator.zero_grad()
    advance_spectral_norm(d)
    log = Mean()
    for part, share in portions(gan.batch_size, gan.micro_batch, gan.ranks):
        real = gan.feed.batch(step, part, parameter_dtype(gan.generator))
        z = _latents(gan, "latents/D", iteration, sub_step, part)
        with runtime.autocast(gan.precision, gan.device):
            with torch.no_grad():
                fake = gan.run_generator(z, real.labels)
            with runtime.dropout_draws(gan.draws, "D", iteration, sub_step, part.start):
                terms = objective.discriminator(gan.run_discriminator, real, fake)
        (terms.total * share).backward()
        log.add(terms, share)
        if penalty_due:
            mix = _uniform(gan, "mix", iteration, sub_step, part)
            with runtime.dropout_draws(gan.draws, "penalty", iteration, sub_step, part.start):
                terms = objective.penalize(d, real, fake, mix)
            (terms.total * share).backward()
            log.add(terms, share)
    return update(
        d,
        gan.optim_discriminator,
        log,
        guard=guard,
        phase="discriminator",
        iteration=iteration,
        ranks=gan.ranks,
    )


def generator_step(gan: Gan, guard: FiniteGuard, iteration: int) -> dict[str, Tensor]:
    """One step of G: adversarial + weight * classification, on the labels (and images) of D's last batch.

    Returns:
        What to log: scalars on the device, by name.
    """
    gan.discriminator.requires_grad_(False)
    gan.optim_generator.zero_grad()
    log = Mean()
    for part, share in portions(gan.batch_size, gan.micro_batch, gan.ranks):
        real = gan.feed.batch((iteration + 1) * gan.d_steps - 1, part, parameter_dtype(gan.generator))
        z = _latents(gan, "latents/G", iteration, 0, part)
        with (
            runtime.autocast(gan.precision, gan.device),
            runtime.dropout_draws(gan.draws, "G", iteration, 0, part.start),
        ):
            fake = gan.run_generator(z, real.labels)
            terms = gan.objective.generator(gan.run_discriminator, real, fake)
        (terms.total * share).backward()
        log.add(terms, share)
    return update(
        gan.generator,
        gan.optim_generator,
        log,
        guard=guard,
        phase="generator",
        iteration=iteration,
        ranks=gan.ranks,
    )


def _latents(gan: Gan, purpose: str, iteration: int, sub_step: int, part: slice) -> Tensor:
    shape = (gan.batch_size, gan.generator.latent_dim)
    z = gan.draws.normal(shape, purpose, iteration, sub_step)[part]
    return z.to(gan.device, parameter_dtype(gan.generator))


def _uniform(gan: Gan, purpose: str, iteration: int, sub_step: int, part: slice) -> Tensor:
    draws = gan.draws.generator(purpose, iteration, sub_step).random(gan.batch_size)[part]
    return torch.from_numpy(draws).to(parameter_dtype(gan.discriminator)).to(gan.device)
