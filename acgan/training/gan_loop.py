"""The GAN training loop: discriminator steps, a generator step, the mean of the weights, then whatever is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from acgan import runtime
from acgan.data import Augmentation
from acgan.models import Discriminator, Generator, advance_spectral_norm, standing_statistics
from acgan.runtime import Draws, FiniteGuard, Ranks
from acgan.training.augmenting import Augmenter
from acgan.training.ema import EMA
from acgan.training.logit_means import LogitMeans
from acgan.training.objective import Judge, Objective
from acgan.training.run import TrainingRun
from acgan.training.schedule import Curve
from acgan.training.step import Feed, Mean, parameter_dtype, portions, update
from acgan.types import Batch


@dataclass(frozen=True)
class Schedules:
    """Values that may change while training.

    Attributes:
        penalty: Strength of the penalty.
    """

    generator_lr: Curve
    discriminator_lr: Curve
    ema_half_life_nimg: Curve
    penalty: Curve


@dataclass
class Gan:
    """Everything one iteration reads and changes.

    Attributes:
        schedules: What the learning rates and other strengths are after so many images.
        micro_batch: Images at once on this rank.
        run_generator: ``generator``, compiled where asked for.
        run_discriminator: ``discriminator``, compiled where asked for; penalties take the plain one.
        augmenter: Changes all images that D sees, or None.
        views: Changes images a little, for consistency; None where it is not asked for.
        logit_means: Running means of D's logits, where they are asked for.
    """

    generator: Generator
    discriminator: Discriminator
    ema: EMA[Generator]
    optim_generator: Adam
    optim_discriminator: Adam
    objective: Objective
    schedules: Schedules
    feed: Feed
    draws: Draws
    device: torch.device
    precision: str
    micro_batch: int
    d_steps: int
    run_generator: Callable[[Tensor, Tensor], Tensor]
    run_discriminator: Judge
    augmenter: Augmenter | None = None
    views: Augmentation | None = None
    logit_means: LogitMeans | None = None
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

    def follow_schedules(self, nimg: int) -> None:
        """Set what has a schedule to its value after so many images."""
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
            "logit_means": self.logit_means,
        }
        return {name: part for name, part in parts.items() if part is not None}


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
        gan.follow_schedules(run.nimg)
        for sub_step in range(gan.d_steps):
            run.record("D", discriminator_step(gan, run.guard, run.iteration, sub_step))
        run.record("G", generator_step(gan, run.guard, run.iteration))
        run.advance(gan.batch_size)
        gan.ema.update(gan.generator, run.nimg, gan.batch_size)
        run.do_what_is_due()


def settled(gan: Gan, nimg: int) -> Generator:
    """The running mean of G's weights, as it is sampled: with BatchNorm's statistics over so many images.

    Args:
        gan: Left as it is.
        nimg: Images to take the statistics over, in batches as in training; 0 leaves the means of those of training.
    """
    labels = torch.arange(gan.batch_size, device=gan.device) % gan.generator.num_classes
    whole = slice(0, gan.batch_size)
    batches = (
        (_latents(gan, "standing", turn, 0, whole), labels) for turn in range(-(-nimg // gan.batch_size))
    )
    return standing_statistics(gan.ema.network, batches) if nimg else gan.ema.network


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
        with runtime.autocast(gan.precision, gan.device), torch.no_grad():
            fake = gan.run_generator(z, real.labels)
        real, fake = _seen(gan, real, fake, "D", iteration, sub_step, part)
        changed = _changed(gan, real, fake, iteration, sub_step, part)
        with (
            runtime.autocast(gan.precision, gan.device),
            runtime.dropout_draws(gan.draws, "D", iteration, sub_step, part.start),
        ):
            terms = objective.discriminator(gan.run_discriminator, real, fake, changed, gan.logit_means)
        (terms.total * share).backward()
        log.add(terms, share)
        if penalty_due:
            mix = _uniform(gan, (), "mix", iteration, sub_step, part)
            strength = gan.schedules.penalty.at(iteration * gan.batch_size)
            with runtime.dropout_draws(gan.draws, "penalty", iteration, sub_step, part.start):
                terms = objective.penalize(d, real, fake, mix, strength)
            (terms.total * share).backward()
            log.add(terms, share)
    logged = update(
        d,
        gan.optim_discriminator,
        log,
        guard=guard,
        phase="discriminator",
        iteration=iteration,
        ranks=gan.ranks,
    )
    return _observe(gan, logged, step)


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
            real, fake = _seen(gan, real, fake, "G", iteration, 0, part)
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


def _uniform(
    gan: Gan, shape: tuple[int, ...], purpose: str, iteration: int, sub_step: int, part: slice
) -> Tensor:
    """Draws in [0, 1) of the given shape for each image."""
    draws = gan.draws.generator(purpose, iteration, sub_step).random((gan.batch_size, *shape))[part]
    return torch.from_numpy(draws).to(parameter_dtype(gan.discriminator)).to(gan.device)


def _seen(
    gan: Gan, real: Batch, fake: Tensor, phase: str, iteration: int, sub_step: int, part: slice
) -> tuple[Batch, Tensor]:
    """What D sees of real and generated images: the images of a pair are changed alike."""
    if gan.augmenter is None:
        return real, fake
    transform, p = gan.augmenter.transform, gan.augmenter.p(iteration * gan.batch_size)
    draws = _uniform(gan, (transform.num_draws,), f"augment/{phase}", iteration, sub_step, part)
    fake = fake.to(real.images.dtype)
    return Batch(transform(real.images, draws, p), real.labels), transform(fake, draws, p)


def _changed(
    gan: Gan, real: Batch, fake: Tensor, iteration: int, sub_step: int, part: slice
) -> tuple[Tensor, Tensor] | None:
    """Real and generated images a little changed, for consistency."""
    if gan.views is None:
        return None
    draws = _uniform(gan, (Augmentation.NUM_DRAWS,), "consistency", iteration, sub_step, part)
    return gan.views(real.images, draws), gan.views(fake.to(real.images.dtype), draws)


def _observe(gan: Gan, logged: dict[str, Tensor], step: int) -> dict[str, Tensor]:
    """Let what follows D's logits see those of a step."""
    if gan.augmenter is None and gan.logit_means is None:
        return logged
    names = ("real_sign", "logit_real", "logit_fake")
    sign, real, fake = runtime.average_over_ranks(torch.stack([logged[name] for name in names]), gan.ranks)
    if gan.logit_means is not None:
        gan.logit_means.update(real, fake, gan.batch_size)
    if gan.augmenter is None:
        return logged
    gan.augmenter.observe(sign, step, gan.batch_size)
    return {**logged, "augment_p": gan.augmenter.p(step // gan.d_steps * gan.batch_size)}
