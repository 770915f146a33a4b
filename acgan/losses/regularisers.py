"""Regularisers of D's adversarial logits: consistency under small changes, and LeCam."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Consistency:
    """Consistency regularisation: weight E(D(x) - D(T(x)))^2, with T a small change of an image.

    Of real images it is CR (Zhang et al. 2020), of both real and generated ones bCR (Zhao et al. 2021).

    Attributes:
        weight_real: Strength on real images.
        weight_fake: Strength on generated ones.
    """

    weight_real: float
    weight_fake: float

    def __call__(
        self, real: Tensor, fake: Tensor, real_changed: Tensor, fake_changed: Tensor
    ) -> dict[str, Tensor]:
        """The terms, from adversarial logits (N,) of the images and of the changed images."""
        return {
            "consistency_real": (real - real_changed).square().mean() * self.weight_real,
            "consistency_fake": (fake - fake_changed).square().mean() * self.weight_fake,
        }


@dataclass(frozen=True)
class LeCam:
    """weight (E(D(x) - a_F)^2 + E(D(G(z)) - a_R)^2), a_R and a_F the running means of D's logits (Tseng et al. 2021).

    Eq. 4 there, which has no ReLU around the differences; its authors' code has. With a Wasserstein loss G then
    minimises a LeCam divergence, which is more robust where images are few.

    Attributes:
        weight: Strength.
    """

    weight: float

    def __call__(self, real: Tensor, fake: Tensor, mean_real: Tensor, mean_fake: Tensor) -> dict[str, Tensor]:
        """The term, from adversarial logits (N,) and the running means of those of real and generated images."""
        squares = (real - mean_fake).square().mean() + (fake - mean_real).square().mean()
        return {"lecam": squares * self.weight}
