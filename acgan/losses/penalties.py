"""Penalties on the gradient of a critic's score, such as D's adversarial logit, with respect to the images.

Each is a term with a strength that may follow a schedule. Precision is that of the images: the caller keeps it at
float32 or wider.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from acgan.types import Term

#: Maps images (N, C, H, W) to their scores (N,), or to the sum of the scores.
Critic = Callable[[Tensor], Tensor]


class ImageDraws(Protocol):
    """Random numbers of N images, which are the same however a batch is cut into portions."""

    def uniform(self, shape: tuple[int, ...], purpose: str, like: Tensor) -> Tensor:
        """Draws (N, *shape) in [0, 1), of the dtype and on the device of ``like``; other ones for each purpose."""

    def normal(self, shape: tuple[int, ...], purpose: str, like: Tensor) -> Tensor:
        """Standard normal draws (N, *shape), likewise."""


class Penalty(ABC):
    """A penalty on D."""

    @abstractmethod
    def __call__(
        self, critic: Critic, real: Tensor, fake: Tensor, draws: ImageDraws, strength: float
    ) -> dict[str, Term]:
        """The penalty's terms.

        Args:
            critic: The score of images, differentiable twice.
            real: (N, C, H, W) real images.
            fake: (N, C, H, W) generated images, without gradient.
            draws: Random numbers of the images, pairwise.
            strength: The factor: gamma, or the paper's lambda.
        """


class ZeroCentered(Penalty):
    """gamma/2 E|grad_x f(x)|^2 ``on`` images that are ``real`` (R1), ``fake`` (R2), or both.

    Mescheder et al. 2018, eq. 9; both together as in Roth et al. 2017 and R3GAN (Huang et al. 2024).
    """

    def __init__(self, *, on: list[str]):
        self.on = on

    def __call__(
        self, critic: Critic, real: Tensor, fake: Tensor, draws: ImageDraws, strength: float
    ) -> dict[str, Term]:
        sides = [(name, images) for name, images in (("r1", real), ("r2", fake)) if _SIDE[name] in self.on]
        squared = gradient_of(critic, torch.cat([images for _, images in sides])).square().sum(dim=(1, 2, 3))
        parts = squared.view(len(sides), -1).mean(dim=1)
        return {name: Term(part, strength / 2) for (name, _), part in zip(sides, parts, strict=True)}


class GradientPenalty(Penalty):
    """weight E(|grad_x f(x)|_2 - 1)^2 at x = e real + (1 - e) fake, e uniform (Gulrajani et al. 2017, eq. 3)."""

    def __call__(
        self, critic: Critic, real: Tensor, fake: Tensor, draws: ImageDraws, strength: float
    ) -> dict[str, Term]:
        share = draws.uniform((1, 1, 1), "mix", real)  # (N, 1, 1, 1)
        gradient = gradient_of(critic, share * real + (1 - share) * fake)
        norm = torch.linalg.vector_norm(gradient, dim=(1, 2, 3))  # not the root of a sum: NaN backward at 0
        return {"gp": Term((norm - 1).square().mean(), strength)}


_SIDE = {"r1": "real", "r2": "fake"}


def gradient_of(critic: Critic, images: Tensor) -> Tensor:
    """grad_x f(x) at each image (N, C, H, W), differentiable."""
    images = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
    return gradient


PENALTIES: dict[str, type[Penalty]] = {"zero_centered": ZeroCentered, "gradient_penalty": GradientPenalty}
