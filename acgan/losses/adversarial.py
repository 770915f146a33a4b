"""Adversarial losses: the losses of D and G about real and fake.

All take logits ``real`` and ``fake`` (N,), large for real, and return a scalar, the mean over the batch.
``fake[i]`` was generated for the label of ``real[i]``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor


class AdversarialLoss(ABC):
    """A pair of losses, one for each player."""

    #: True if G's loss reads the real logits.
    generator_needs_real = False

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """D's loss."""

    @abstractmethod
    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """G's loss; ``real`` carries no gradient, and is None unless ``generator_needs_real``."""

    def accuracy(self, real: Tensor, fake: Tensor) -> Tensor:
        """Share of logits on D's side of zero, real and fake counting half each."""
        return ((real > 0).float().mean() + (fake < 0).float().mean()) / 2

    def real_sign(self, real: Tensor, fake: Tensor) -> Tensor:
        """Mean sign of D's logits on real images: ADA's sign of overfitting (Karras et al. 2020, eq. 1)."""
        return real.sign().mean()


class BCE(AdversarialLoss):
    """The original loss (Goodfellow et al. 2014), non-saturating in G, as AC-GANs are trained.

    D: -E log s(real) - E log(1 - s(fake)), with s the logistic function; the AC-GAN paper's L_S, negated.
    G: -E log s(fake), in place of the paper's +E log(1 - s(fake)), whose gradient vanishes where D wins.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return F.softplus(-fake).mean()


class Hinge(AdversarialLoss):
    """Hinge loss (Lim & Ye 2017; Miyato et al. 2018, eq. 16 and 17).

    D: E max(0, 1 - real) + E max(0, 1 + fake). G: -E fake.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake.mean()


class _OfPairs(AdversarialLoss):
    """A loss of pairs of a real and a generated image: a common offset of the logits changes nothing."""

    def accuracy(self, real: Tensor, fake: Tensor) -> Tensor:
        """Share of pairs in the right order."""
        return (real > fake).float().mean()

    def real_sign(self, real: Tensor, fake: Tensor) -> Tensor:
        """Mean sign of the difference of a pair."""
        return (real - fake).sign().mean()


class Wasserstein(_OfPairs):
    """Wasserstein loss (Arjovsky et al. 2017), for use with ``gradient_penalty`` (Gulrajani et al. 2017).

    D: E fake - E real. G: -E fake.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake.mean()


class Relativistic(_OfPairs):
    """Relativistic pairing loss (Jolicoeur-Martineau 2019, RSGAN; Huang et al. 2024, R3GAN, eq. 2).

    D: E log(1 + exp(-(real - fake))). G: E log(1 + exp(-(fake - real))). Each fake image competes with a real
    one of its own class, which should keep G from leaving modes out.
    """

    generator_needs_real = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(fake - real).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        assert real is not None, "the relativistic loss compares with real logits"
        return F.softplus(real - fake).mean()


ADVERSARIAL: dict[str, type[AdversarialLoss]] = {
    "bce": BCE,
    "hinge": Hinge,
    "wgan_gp": Wasserstein,
    "relativistic": Relativistic,
}
