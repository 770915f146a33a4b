"""The loop that everyone writes: what acgan's steps are compared with.

Networks, losses and settings of the optimisers are the configuration's. Nothing of what acgan does for speed is here:
it computes in float32, runs Adam and the running mean of the weights tensor by tensor, and fetches every loss with
``item()``. Images come from ``plain_loader``, and the threads are torch's own. What belongs to the method is as in
acgan: the penalty is due as often, and D's weights take no gradient in G's step.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.optim import Adam

from acgan.models import advance_spectral_norm
from acgan.training.gan import Gan


class PlainLoop:
    """Steps of a GAN's training, on copies of its networks."""

    def __init__(self, gan: Gan):
        self.losses, self.augmenter, self.device = gan.objective, gan.augmenter, gan.device
        self.strength, self.half_life = gan.schedules.penalty.at(0), gan.ema.half_life_nimg
        self.generator, self.discriminator = _plain(gan.generator), _plain(gan.discriminator)
        self.mean = copy.deepcopy(self.generator)
        self.optim_generator = _adam(self.generator, gan.optim_generator)
        self.optim_discriminator = _adam(self.discriminator, gan.optim_discriminator)

    def discriminator_step(self, x: Tensor, y: Tensor, z: Tensor, *, penalty: bool) -> dict[str, float]:
        """A step of D on real images, their labels, and images made of latents; returns its losses."""
        d, losses = self.discriminator.requires_grad_(True), self.losses
        self.optim_discriminator.zero_grad()
        advance_spectral_norm(d)
        with torch.no_grad():
            fake = self.generator(z, y)
        x, fake = self._augmented(x, fake)
        real, made = d(x, y), d(fake, y)
        found, total = dict[str, Tensor](), x.new_zeros(())
        if losses.adversarial is not None:
            total = found["adversarial"] = losses.adversarial.discriminator(real.adv, made.adv)
        if losses.classification is not None:
            classes = losses.classification.discriminator(real.aux, made.aux, y)
            total = total + sum(term.weighted for term in losses.class_terms(classes, "D").values())
            found |= classes
        if penalty and losses.penalty is not None:
            terms = losses.penalty(lambda images: self._score(images, y), x, fake, _Drawn(), self.strength)
            total = total + losses.penalty_every * sum(term.weighted for term in terms.values())
            found |= {name: term.value for name, term in terms.items()}
        total.backward()
        self.optim_discriminator.step()
        return {name: value.item() for name, value in found.items()}

    def generator_step(self, x: Tensor, y: Tensor, z: Tensor) -> dict[str, float]:
        """A step of G, likewise."""
        d, losses = self.discriminator.requires_grad_(False), self.losses
        self.optim_generator.zero_grad()
        advance_spectral_norm(self.generator)
        x, fake = self._augmented(x, self.generator(z, y))
        with torch.no_grad():
            needs_real = losses.adversarial is not None and losses.adversarial.generator_needs_real
            real = d(x, y).adv if needs_real else None
        made = d(fake, y)
        found, total = dict[str, Tensor](), x.new_zeros(())
        if losses.adversarial is not None:
            total = found["adversarial"] = losses.adversarial.generator(real, made.adv)
        if losses.classification is not None:
            classes = losses.classification.generator(made.aux, y)
            total = total + sum(term.weighted for term in losses.class_terms(classes, "G").values())
            found |= classes
        total.backward()
        self.optim_generator.step()
        return {name: value.item() for name, value in found.items()}

    @torch.no_grad()
    def average(self, num_images: int) -> None:
        """Move the running mean of G's weights, ``num_images`` after the last time."""
        kept = 0.5 ** (num_images / self.half_life) if self.half_life > 0 else 0.0
        for mean, value in zip(self.mean.parameters(), self.generator.parameters(), strict=True):
            mean.mul_(kept).add_(value, alpha=1 - kept)

    def _score(self, images: Tensor, y: Tensor) -> Tensor:
        """The score whose gradient is penalised, of real images, generated ones, or one after the other."""
        out, losses = self.discriminator(images, y.repeat(len(images) // len(y))), self.losses
        score: Tensor = out.adv.sum() if losses.adversarial is not None else out.features.new_zeros(())
        if losses.penalty_of == "objective" and losses.classification is not None:
            for start in range(0, len(images), len(y)):
                aux = out.aux.rows(slice(start, start + len(y)))
                classes = losses.classification.generator(aux, y)
                terms = losses.class_terms(classes, "G").values()
                score = score - len(y) * sum(term.weighted for term in terms)
        return score

    def _augmented(self, x: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Real and generated images as D sees them."""
        if self.augmenter is None:
            return x, fake
        change, p = self.augmenter.transform, self.augmenter.p(0)
        draws = torch.rand(len(x), change.num_draws, device=self.device)
        return change(x, draws, p), change(fake, draws, p)


class _Drawn:
    """The random numbers of a penalty, from torch's own generator."""

    def uniform(self, shape: tuple[int, ...], _purpose: str, like: Tensor) -> Tensor:
        return torch.rand(len(like), *shape, dtype=like.dtype, device=like.device)

    def normal(self, shape: tuple[int, ...], _purpose: str, like: Tensor) -> Tensor:
        return torch.randn(len(like), *shape, dtype=like.dtype, device=like.device)


def _plain(network: nn.Module) -> nn.Module:
    copied = copy.deepcopy(network).float().requires_grad_(True)
    for parameter in copied.parameters():
        parameter.data = parameter.data.contiguous()
    return copied


def _adam(network: nn.Module, like: Adam) -> Adam:
    own = like.param_groups[0]
    return Adam(network.parameters(), own["lr"], own["betas"], own["eps"], foreach=False, fused=False)
