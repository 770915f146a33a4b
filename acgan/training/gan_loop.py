"""Training loop of a GAN: discriminator steps, a generator step, the mean of the weights, then whatever is due."""

from __future__ import annotations

import torch
from torch import Tensor

from acgan import distributed, runtime
from acgan.models import advance_spectral_norm
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.run import TrainingRun
from acgan.training.step import BatchMean, Portion, parameter_dtype, update
from acgan.types import Batch


def train_gan(gan: Gan, run: TrainingRun) -> None:
    """Train until the end, a signal or the deadline, in iterations of one global batch."""
    gan.generator.train()
    gan.discriminator.train()
    every = run.intervals
    while not run.finished():
        if run.asked_to_stop():
            run.save_checkpoint()
            run.save_samples()
            break
        gan.follow_schedules(run.nimg)
        for sub_step in range(gan.d_steps):
            run.record("D", discriminator_step(gan, run.guard, run.iteration, sub_step))
        run.record("G", generator_step(gan, run.guard, run.iteration))
        run.advance(gan.batch_size)
        gan.ema.update(gan.generator, run.nimg, gan.batch_size)
        if run.due(every.evaluate_nimg):
            run.evaluate()  # first, since it may end the training
        if run.due(every.sample_nimg):
            run.save_samples()
        if run.due(every.log_nimg):
            run.log()
        if run.due(every.checkpoint_nimg):
            run.save_checkpoint()


def discriminator_step(gan: Gan, guard: FiniteGuard, iteration: int, sub_step: int) -> dict[str, Tensor]:
    """One step of D on the sum of ``objective.discriminator``, and on the penalty if it is due.

    Returns:
        Scalars to log, on the device, by name.
    """
    d, objective = gan.discriminator, gan.objective
    step = iteration * gan.d_steps + sub_step
    penalty_due = objective.penalty is not None and step % objective.penalty_every == 0
    d.requires_grad_(True)
    gan.optim_discriminator.zero_grad()
    advance_spectral_norm(d)
    log = BatchMean()
    for portion in gan.portions(iteration, sub_step):
        real = gan.feed.batch(step, portion.part, parameter_dtype(gan.generator))
        z = gan.latents("latents/D", portion)
        with runtime.autocast(gan.precision, gan.device), torch.no_grad():
            fake = gan.run_generator(z, real.labels)
        real, fake = _augmented(gan, real, fake, "D", portion)
        with runtime.autocast(gan.precision, gan.device), portion.dropout("D"):
            terms = objective.discriminator(gan.run_discriminator, real, fake, portion)
        (terms.total * portion.share).backward()
        log.add(terms, portion.share)
        if penalty_due:
            mix = portion.uniform((), "mix", real.images)
            strength = gan.schedules.penalty.at(iteration * gan.batch_size)
            terms = objective.penalize(d, real, fake, mix, strength)
            (terms.total * portion.share).backward()
            log.add(terms, portion.share)
    logged = update(d, gan.optim_discriminator, log, guard, "discriminator", iteration, gan.ranks)
    return _observe(gan, logged, step)


def generator_step(gan: Gan, guard: FiniteGuard, iteration: int) -> dict[str, Tensor]:
    """One step of G: adversarial + weight * classification, on the labels (and images) of D's last batch.

    Returns:
        Scalars to log, on the device, by name.
    """
    gan.discriminator.requires_grad_(False)
    gan.optim_generator.zero_grad()
    log = BatchMean()
    for portion in gan.portions(iteration):
        real = gan.feed.batch((iteration + 1) * gan.d_steps - 1, portion.part, parameter_dtype(gan.generator))
        z = gan.latents("latents/G", portion)
        with runtime.autocast(gan.precision, gan.device), portion.dropout("G"):
            fake = gan.run_generator(z, real.labels)
            real, fake = _augmented(gan, real, fake, "G", portion)
            terms = gan.objective.generator(gan.run_discriminator, real, fake)
        (terms.total * portion.share).backward()
        log.add(terms, portion.share)
    return update(gan.generator, gan.optim_generator, log, guard, "generator", iteration, gan.ranks)


def _augmented(gan: Gan, real: Batch, fake: Tensor, phase: str, portion: Portion) -> tuple[Batch, Tensor]:
    """Real and generated images as D sees them: the images of a pair are changed alike."""
    if gan.augmenter is None:
        return real, fake
    transform, p = gan.augmenter.transform, gan.augmenter.p(portion.iteration * gan.batch_size)
    draws = portion.uniform((transform.num_draws,), f"augment/{phase}", real.images)
    fake = fake.to(real.images.dtype)
    return Batch(transform(real.images, draws, p), real.labels), transform(fake, draws, p)


def _observe(gan: Gan, logged: dict[str, Tensor], step: int) -> dict[str, Tensor]:
    """Show D's logits of a step to the augmenter and the regularisers that follow them."""
    if gan.augmenter is None and not gan.objective.regularisers:
        return logged
    names = ("real_sign", "logit_real", "logit_fake")  # statistics of ``Objective.discriminator``
    sign, real, fake = distributed.average_over_ranks(
        torch.stack([logged[name] for name in names]), gan.ranks
    )
    images = gan.batch_size / gan.d_steps  # a batch counts once an iteration
    for regulariser in gan.objective.regularisers.values():
        regulariser.observe(real, fake, images)
    if gan.augmenter is None:
        return logged
    gan.augmenter.observe(sign, step, images)
    return {**logged, "augment_p": gan.augmenter.p(step // gan.d_steps * gan.batch_size)}
