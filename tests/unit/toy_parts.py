"""Toy parts of every sort that can be registered, each with its section."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import acgan
from acgan import distributed, models
from acgan.config.base import BaseConfig, NonNegative, Positive, PositiveFloat, ScheduledPositive
from acgan.config.losses import (
    BaseAdversarialConfig,
    BaseClassificationConfig,
    BasePenaltyConfig,
    BaseRegulariserConfig,
)
from acgan.config.networks import BaseDiscriminatorConfig
from acgan.losses import AdversarialLoss, ClassificationLoss, ImageDraws, Penalty, gradient_of
from acgan.training.regularisers import Judged, Regulariser, Surroundings
from acgan.types import HeadOutput, Term


class LeastSquaresConfig(BaseAdversarialConfig):
    """A toy section."""

    kind: Literal["least_squares"] = "least_squares"
    target: float = 1.0
    """Logit of a real image."""


class LeastSquares(AdversarialLoss):
    def __init__(self, *, target: float):
        self.target = target

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - self.target).square().mean() + fake.square().mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return (fake - self.target).square().mean()


class ScaledConfig(BaseClassificationConfig):
    """A toy section."""

    head_keys = ("scale",)
    kind: Literal["scaled"] = "scaled"
    sharpness: PositiveFloat = 2.0
    """Factor of the logits in the loss."""
    scale: PositiveFloat = 3.0
    """Factor of the logits in the head."""


class ScaledHead(models.AuxHead):
    def __init__(self, in_channels: int, num_classes: int, *, scale: float):
        super().__init__(in_channels, num_classes)
        self.scale = scale

    def _output(self, x: Tensor) -> HeadOutput:
        return HeadOutput(self.scale * self.classify(x))


class Scaled(ClassificationLoss):
    head_outputs = "scaled"

    def __init__(self, *, sharpness: float):
        self.sharpness = sharpness

    def discriminator(self, real: HeadOutput, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        return {"class_real": F.cross_entropy(self.sharpness * real.logits, labels)}

    def generator(self, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        return {"class_fake": F.cross_entropy(self.sharpness * fake.logits, labels)}


class DraganConfig(BasePenaltyConfig):
    """DRAGAN (Kodali et al. 2017): a slope of one near the real images."""

    strength_key = "weight"
    compares_images = True
    kind: Literal["dragan"] = "dragan"
    weight: ScheduledPositive = 10.0
    """Strength."""
    noise: PositiveFloat = 0.5
    """Largest change of a pixel, in deviations of the batch."""
    of: Literal["adversarial", "objective"] = "adversarial"
    """Score that is penalised."""
    every: Positive = 1
    """Steps from one penalty to the next."""


class Dragan(Penalty):
    """weight E(|grad_x f(x + a noise s u)| - 1)^2: s the batch's deviation, u uniform by pixel, a by image."""

    def __init__(self, *, noise: float):
        self.noise = noise

    def __call__(
        self, critic: Any, real: Tensor, fake: Tensor, draws: ImageDraws, strength: float
    ) -> dict[str, Term]:
        pixels = draws.uniform(tuple(real.shape[1:]), "dragan_pixels", real)  # (N, C, H, W)
        share = draws.uniform((1, 1, 1), "dragan_share", real)  # (N, 1, 1, 1)
        moments = torch.stack((real.flatten(1).mean(dim=1), real.flatten(1).square().mean(dim=1)), dim=1)
        mean, square = distributed.gather(moments).mean(dim=0)
        near = real + share * self.noise * (square - mean.square()).sqrt() * pixels
        norm = torch.linalg.vector_norm(gradient_of(critic, near), dim=(1, 2, 3))
        return {"dragan": Term((norm - 1).square().mean(), strength)}


class ShrinkConfig(BaseRegulariserConfig):
    """Keeps D's features small."""

    reads_logit = False
    weight: NonNegative = 2.0
    """Strength."""


class Shrink(Regulariser):
    def __init__(self, around: Surroundings, *, weight: float):
        self.weight = weight

    def terms(self, judged: Judged) -> dict[str, Term]:
        return {"shrink": Term(judged.on_real.features.square().mean(), self.weight)}


class LineConfig(BaseConfig):
    """A toy section."""

    kind: Literal["line"] = "line"
    width: Positive = 4
    """Maps."""


class Line(models.Generator):
    """A toy, in which the class does not count."""

    resolutions = (16, 32)

    def __init__(
        self, *, latent_dim: int, num_classes: int, resolution: int, image_channels: int, width: int
    ):
        super().__init__(
            latent_dim=latent_dim,
            num_classes=num_classes,
            resolution=resolution,
            image_channels=image_channels,
        )
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, width), nn.Linear(width, image_channels * resolution**2)
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        images: Tensor = self.layers(z).view(-1, self.image_channels, self.resolution, self.resolution)
        return images.tanh()


class PooledConfig(BaseDiscriminatorConfig):
    """A toy section."""

    kind: Literal["pooled"] = "pooled"
    width: Positive = 6
    """Features."""


class Pooled(models.Trunk):
    resolutions = (16, 32)

    def __init__(self, *, resolution: int, image_channels: int, width: int):
        super().__init__(resolution=resolution, image_channels=image_channels)
        self.layer = nn.Conv2d(image_channels, width, 4, 4)
        self.feature_dim = width

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = F.leaky_relu(self.layer(x), 0.2).mean(dim=(2, 3))
        return features


def register_all() -> None:
    acgan.register.adversarial_loss(LeastSquares, LeastSquaresConfig)
    acgan.register.classification_loss(Scaled, ScaledConfig, ScaledHead)
    acgan.register.penalty(Dragan, DraganConfig)
    acgan.register.regulariser("shrink", Shrink, ShrinkConfig)
    acgan.register.generator(Line, LineConfig)
    acgan.register.trunk(Pooled, PooledConfig)


ALL = (
    "loss.adversarial={kind: least_squares, target: 0.9}",
    "loss.classification={kind: scaled, scale: 5, weight_g: 0.7}",
    "loss.penalty={kind: dragan, noise: 0.3, weight: [[0, 1], [1, 2]]}",
    "loss.shrink={weight: 0.5}",
    "model.generator={kind: line, width: 3}",
    "model.discriminator={kind: pooled, width: 7}",
)
