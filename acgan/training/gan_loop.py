"""The GAN training loop: discriminator steps, a generator step, the mean of the weights, then whatever is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from acgan import runtime
from acgan.data import BatchOrder, DeviceImages
from acgan.models import Discriminator, Generator, advance_spectral_norm
from acgan.runtime import Draws, FiniteGuard, Ranks
from acgan.training.ema import EMA
from acgan.training.objective import Judge, Objective
from acgan.training.run import TrainingRun
from acgan.types import Batch, Terms


@dataclass
class Gan:
    """Everything one iteration reads and changes.

    Attributes:
        batch_size: Images of the global batch.
        micro_batch: Images at once on this rank.
        mirror: Whether real images are flipped at random.
        run_generator: ``generator``, compiled where asked for.
        run_discriminator: ``discriminator``, compiled where asked for; penalties take the plain one.
    """

    generator: Generator
    discriminator: Discriminator
    ema: EMA[Generator]
    optim_generator: Adam
    optim_discriminator: Adam
    objective: Objective
    images: DeviceImages
    order: BatchOrder
    draws: Draws
    device: torch.device
    precision: str
    batch_size: int
    micro_batch: int
    d_steps: int
    mirror: bool
    run_generator: Callable[[Tensor, Tensor], Tensor]
    run_discriminator: Judge
    ranks: Ranks = field(default_factory=Ranks)

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
    log = _Mean()
    for part, share in _micro_batches(gan):
        real = _real_batch(gan, step, part)
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
    return _step(gan, guard, "discriminator", iteration, gan.optim_discriminator, d, log)


def generator_step(gan: Gan, guard: FiniteGuard, iteration: int) -> dict[str, Tensor]:
    """One step of G: adversarial + weight * classification, on the labels (and images) of D's last batch.

    Returns:
        What to log: scalars on the device, by name.
    """
    gan.discriminator.requires_grad_(False)
    gan.optim_generator.zero_grad()
    log = _Mean()
    for part, share in _micro_batches(gan):
        real = _real_batch(gan, (iteration + 1) * gan.d_steps - 1, part)
        z = _latents(gan, "latents/G", iteration, 0, part)
        with (
            runtime.autocast(gan.precision, gan.device),
            runtime.dropout_draws(gan.draws, "G", iteration, 0, part.start),
        ):
            fake = gan.run_generator(z, real.labels)
            terms = gan.objective.generator(gan.run_discriminator, real, fake)
        (terms.total * share).backward()
        log.add(terms, share)
    return _step(gan, guard, "generator", iteration, gan.optim_generator, gan.generator, log)


def _step(
    gan: Gan,
    guard: FiniteGuard,
    phase: str,
    iteration: int,
    optimizer: Adam,
    network: nn.Module,
    log: _Mean,
) -> dict[str, Tensor]:
    """Average gradients over ranks, check that all is finite, step."""
    parameters = list(network.parameters())
    runtime.average_gradients(parameters, gan.ranks)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    # The losses too are those of the whole batch, so that all ranks skip a bad step or none does.
    means = runtime.average_over_ranks(torch.stack(list(log.losses.values())), gan.ranks)
    losses = dict(zip(log.losses, means, strict=True))
    guard.check(phase, iteration, {**losses, "gradient": norm})
    optimizer.step()
    return {**losses, **log.stats, "gradient_norm": norm}


class _Mean:
    """Sums the terms of micro-batches, weighted by their shares, to the means of the batch."""

    def __init__(self) -> None:
        self.losses: dict[str, Tensor] = {}
        self.stats: dict[str, Tensor] = {}

    def add(self, terms: Terms, share: float) -> None:
        for means, values in ((self.losses, terms.parts), (self.stats, terms.stats)):
            for name, value in values.items():
                means[name] = means.get(name, 0.0) + value.detach() * share


def _micro_batches(gan: Gan) -> Iterator[tuple[slice, float]]:
    """This rank's images in portions: each as a slice of the global batch, and its share of the rank's mean."""
    own = gan.ranks.slice(gan.batch_size)
    for start in range(own.start, own.stop, gan.micro_batch):
        stop = min(start + gan.micro_batch, own.stop)
        yield slice(start, stop), (stop - start) / (own.stop - own.start)


def _real_batch(gan: Gan, step: int, part: slice) -> Batch:
    position = step * gan.batch_size + part.start
    flip = gan.draws.generator("mirror", step).random(gan.batch_size)[part] < 0.5 if gan.mirror else None
    batch = gan.images.batch(gan.order.indices(position, part.stop - part.start), flip)
    return Batch(batch.images.to(_parameter_dtype(gan.generator)), batch.labels)


def _latents(gan: Gan, purpose: str, iteration: int, sub_step: int, part: slice) -> Tensor:
    shape = (gan.batch_size, gan.generator.latent_dim)
    z = gan.draws.normal(shape, purpose, iteration, sub_step)[part]
    return z.to(gan.device, _parameter_dtype(gan.generator))


def _uniform(gan: Gan, purpose: str, iteration: int, sub_step: int, part: slice) -> Tensor:
    draws = gan.draws.generator(purpose, iteration, sub_step).random(gan.batch_size)[part]
    return torch.from_numpy(draws).to(_parameter_dtype(gan.discriminator)).to(gan.device)


def _parameter_dtype(network: nn.Module) -> torch.dtype:
    return next(network.parameters()).dtype
