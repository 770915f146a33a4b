"""The GAN training loop: discriminator steps, a generator step, the mean of the weights, then whatever is due."""

from __future__ import annotations

import torch
from torch import Tensor

from acgan import distributed, runtime
from acgan.augment import Augmentation
from acgan.models import advance_spectral_norm
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.run import TrainingRun
from acgan.training.step import BatchMean, parameter_dtype, portions, update
from acgan.types import Batch


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


def discriminator_step(gan: Gan, guard: FiniteGuard, iteration: int, sub_step: int) -> dict[str, Tensor]:
    """One step of D: what ``objective.discriminator`` sums, and the penalty where it is due.

    Returns:
        What to log: scalars on the device, by name.
    """
    d, objective = gan.discriminator, gan.objective
    step = iteration * gan.d_steps + sub_step
    penalty_due = objective.penalty is not None and step % objective.penalty_every == 0
    d.requires_grad_(True)
    gan.optim_discriminator.zero_grad()
    advance_spectral_norm(d)
    log = BatchMean()
    for part, share in portions(gan.batch_size, gan.micro_batch, gan.ranks):
        real = gan.feed.batch(step, part, parameter_dtype(gan.generator))
        z = gan.latents("latents/D", iteration, sub_step, part)
        with runtime.autocast(gan.precision, gan.device), torch.no_grad():
            fake = gan.run_generator(z, real.labels)
        real, fake = _seen(gan, real, fake, "D", iteration, sub_step, part)
        changed = _changed(gan, real, fake, iteration, sub_step, part)
        with (
            runtime.autocast(gan.precision, gan.device),
            runtime.dropout_draws(gan.feed.draws, "D", iteration, sub_step, part.start),
        ):
            terms = objective.discriminator(gan.run_discriminator, real, fake, changed, gan.logit_means)
        (terms.total * share).backward()
        log.add(terms, share)
        if penalty_due:
            mix = _uniform(gan, (), "mix", iteration, sub_step, part)
            strength = gan.schedules.penalty.at(iteration * gan.batch_size)
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
    log = BatchMean()
    for part, share in portions(gan.batch_size, gan.micro_batch, gan.ranks):
        real = gan.feed.batch((iteration + 1) * gan.d_steps - 1, part, parameter_dtype(gan.generator))
        z = gan.latents("latents/G", iteration, 0, part)
        with (
            runtime.autocast(gan.precision, gan.device),
            runtime.dropout_draws(gan.feed.draws, "G", iteration, 0, part.start),
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


def _uniform(
    gan: Gan, shape: tuple[int, ...], purpose: str, iteration: int, sub_step: int, part: slice
) -> Tensor:
    """Draws in [0, 1) of the given shape for each image."""
    draws = gan.feed.draws.generator(purpose, iteration, sub_step).random((gan.batch_size, *shape))[part]
    return runtime.send(torch.from_numpy(draws).to(parameter_dtype(gan.discriminator)), gan.device)


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
    sign, real, fake = distributed.average_over_ranks(
        torch.stack([logged[name] for name in names]), gan.ranks
    )
    images = gan.batch_size / gan.d_steps  # a batch counts once an iteration
    if gan.logit_means is not None:
        gan.logit_means.update(real, fake, images)
    if gan.augmenter is None:
        return logged
    gan.augmenter.observe(sign, step, images)
    return {**logged, "augment_p": gan.augmenter.p(step // gan.d_steps * gan.batch_size)}
