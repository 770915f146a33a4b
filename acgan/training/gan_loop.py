"""Training loop of a GAN: discriminator steps, a generator step, the mean of the weights, then whatever is due."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from acgan import distributed, parallel, runtime
from acgan.models import advance_spectral_norm
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.material import Material, augmented, material_of
from acgan.training.run import TrainingRun
from acgan.training.step import BatchMean, Computed, update


def train_gan(gan: Gan, run: TrainingRun) -> None:
    """Train until the end, a signal or the deadline, in iterations of one global batch."""
    working = (gan.working_generator.copy, gan.working_discriminator.copy)
    for network in (gan.generator, gan.discriminator, *working):
        network.train()
    every = run.intervals
    while not run.finished():
        if run.asked_to_stop():
            run.stop()
            break
        if run.cut_short:
            run.take_up()
        else:
            _iterate(gan, run)
        if run.due(every.evaluate_nimg):
            run.evaluate()  # first, since it may end the training
        elif run.due_early():
            run.look()
        if run.cut_short:
            continue  # to the stop; a resumed training takes up here
        if run.due(every.sample_nimg):
            run.save_samples()
        if run.due(every.log_nimg):
            run.log()
        if run.due(every.checkpoint_nimg):
            run.save_checkpoint()


def _iterate(gan: Gan, run: TrainingRun) -> None:
    """One iteration: D's steps, G's step, the mean of the weights."""
    gan.follow_schedules(run.nimg)
    for sub_step in range(gan.d_steps):
        run.record("D", discriminator_step(gan, run.guard, run.iteration, sub_step))
    run.record("G", generator_step(gan, run.guard, run.iteration))
    run.advance(gan.batch_size)
    gan.ema.update(gan.generator, run.nimg, gan.batch_size)


def discriminator_step(gan: Gan, guard: FiniteGuard, iteration: int, sub_step: int) -> dict[str, Tensor]:
    """One step of D on the sum of ``objective.discriminator``, and on the penalty if it is due.

    Returns:
        Scalars to log, on the device, by name.
    """
    step = iteration * gan.d_steps + sub_step
    gan.working_discriminator.copy.requires_grad_(True)  # a step of G leaves it without
    advance_spectral_norm(gan.discriminator)
    gan.working_discriminator.refresh()
    gan.working_generator.refresh()
    gan.gradients_discriminator.clear()
    log = BatchMean()
    for portions in gan.micro_batches(iteration, sub_step):
        material = material_of(gan, portions, step, "D")
        for computed in parallel.together(partial(portion_for_d, gan), material, all_cores=gan.all_cores):
            gan.gradients_discriminator.add(computed.gradients)
            log.add(computed)
    logged = update(
        gan.gradients_discriminator,
        gan.optim_discriminator,
        log,
        guard,
        "discriminator",
        iteration,
        gan.ranks,
    )
    return _observe(gan, logged, step)


def portion_for_d(gan: Gan, material: Material) -> Computed:
    """D's terms and gradients for a portion, computed on one core."""
    objective, portion, real = gan.objective, material.portion, material.real
    with runtime.autocast(gan.precision, gan.device), torch.no_grad():
        fake = gan.run_generator(material.z, real.labels)
    fake = augmented(gan, fake, material.draws, portion)
    with runtime.autocast(gan.precision, gan.device), portion.layer_draws("D"):
        terms = objective.discriminator(gan.run_discriminator, real, fake, portion)
    # A sum is differentiated with respect to the weights that computed it: the working copy's, cast once a step.
    gradients = gan.gradients_discriminator.of(terms.total * portion.share, gan.working_discriminator.copy)
    if objective.penalty is None or material.step % objective.penalty_every:
        return Computed(portion.share, [terms], gradients)
    strength = gan.schedules.penalty.at(portion.iteration * gan.batch_size)
    with runtime.autocast(gan.precision, gan.device):
        penalty = objective.penalize(gan.working_discriminator.copy, real, fake, portion, strength)
    more = gan.gradients_discriminator.of(penalty.total * portion.share, gan.working_discriminator.copy)
    return Computed(portion.share, [terms, penalty], gradients.plus(more))


def generator_step(gan: Gan, guard: FiniteGuard, iteration: int) -> dict[str, Tensor]:
    """One step of G: adversarial + weight * classification, on the labels (and images) of D's last batch.

    Returns:
        Scalars to log, on the device, by name.
    """
    step = (iteration + 1) * gan.d_steps - 1  # D's last
    gan.working_discriminator.copy.requires_grad_(False)
    advance_spectral_norm(gan.generator)
    gan.working_discriminator.refresh()  # G's own is up to date: its weights are those of D's step
    gan.gradients_generator.clear()
    log = BatchMean()
    for portions in gan.micro_batches(iteration):
        material = material_of(gan, portions, step, "G")
        for computed in parallel.together(partial(portion_for_g, gan), material, all_cores=gan.all_cores):
            gan.gradients_generator.add(computed.gradients)
            log.add(computed)
    return update(gan.gradients_generator, gan.optim_generator, log, guard, "generator", iteration, gan.ranks)


def portion_for_g(gan: Gan, material: Material) -> Computed:
    """G's terms and gradients for a portion, computed on one core."""
    portion, real = material.portion, material.real
    with runtime.autocast(gan.precision, gan.device), portion.layer_draws("G"):
        fake = augmented(gan, gan.run_generator(material.z, real.labels), material.draws, portion)
        terms = gan.objective.generator(gan.run_discriminator, real, fake)
    gradients = gan.gradients_generator.of(terms.total * portion.share, gan.working_generator.copy)
    return Computed(portion.share, [terms], gradients)


def _observe(gan: Gan, logged: dict[str, Tensor], step: int) -> dict[str, Tensor]:
    """Show D's logits of a step to the augmenter and the regularisers that follow them."""
    augmenter, regularisers = gan.augmenter, gan.objective.regularisers.values()
    has_logits = gan.objective.adversarial is not None
    if has_logits and (regularisers or (augmenter is not None and augmenter.follows)):
        names = ("real_sign", "logit_real", "logit_fake")  # statistics of ``Objective.discriminator``
        means = torch.stack([logged[name] for name in names])
        sign, real, fake = distributed.average_over_ranks(means, gan.ranks)
        images = gan.batch_size / gan.d_steps  # a batch counts once an iteration
        for regulariser in regularisers:
            regulariser.observe(real, fake, images)
        if augmenter is not None:
            augmenter.observe(sign, step, images)
    if augmenter is None:
        return logged
    return {**logged, "augment_p": augmenter.p(step // gan.d_steps * gan.batch_size)}
