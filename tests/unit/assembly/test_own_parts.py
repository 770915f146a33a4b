"""A trunk, and a class loss with a head output of its own, through the tables that a new part is entered in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest
import torch
import torch.nn.functional as F
from gan_helpers import CPU, TINY, gan_config, gan_store
from torch import Tensor, nn

from acgan.assembly import build_gan
from acgan.config import RunConfig
from acgan.config.base import Positive
from acgan.config.losses import BaseClassificationConfig
from acgan.config.networks import BaseDiscriminatorConfig
from acgan.distributed import Ranks
from acgan.losses import CLASSIFICATION
from acgan.losses.classification import ClassificationLoss
from acgan.models import AUX_HEADS, TRUNKS, AuxHead, Trunk, class_rows
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.types import HeadOutput


class ToyTrunkConfig(BaseDiscriminatorConfig):
    kind: Literal["toy"] = "toy"
    width: Positive = 6


class ToyTrunk(Trunk):
    resolutions = (16, 32)

    def __init__(self, *, resolution: int, image_channels: int, width: int):
        super().__init__(resolution=resolution, image_channels=image_channels)
        self.layer = nn.Conv2d(image_channels, width, 4, 4)
        self.feature_dim = width

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = F.leaky_relu(self.layer(x), 0.2).mean(dim=(2, 3))
        return features


class ToyLossConfig(BaseClassificationConfig):
    head_keys = ("scale",)
    kind: Literal["toy"] = "toy"
    sharpness: float = 2.0
    scale: float = 3.0


@dataclass(frozen=True)
class ToyOutput(HeadOutput):
    PER_CLASS: ClassVar[tuple[str, ...]] = ("proxies", "bounds")
    spread: Tensor | None = None  # (N,)
    bounds: Tensor | None = None  # (K,)


class ToyHead(AuxHead):
    class_rows = ("classify", "bounds")

    def __init__(self, in_channels: int, num_classes: int, *, scale: float):
        super().__init__(in_channels, num_classes)
        self.bounds = nn.Embedding(num_classes, 1)
        self.scale = scale

    def _output(self, x: Tensor) -> HeadOutput:
        logits = self.scale * self.classify(x)
        return ToyOutput(logits, spread=x.square().mean(dim=1), bounds=self.bounds.weight[:, 0])


class ToyLoss(ClassificationLoss):
    head_outputs = "toy"

    def __init__(self, *, sharpness: float):
        self.sharpness = sharpness

    def discriminator(self, real: HeadOutput, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        return {"class_real": self._loss(real, labels)}

    def generator(self, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        return {"class_fake": self._loss(fake, labels)}

    def _loss(self, output: HeadOutput, labels: Tensor) -> Tensor:
        assert isinstance(output, ToyOutput)
        assert output.spread is not None
        assert output.bounds is not None
        losses = F.cross_entropy(self.sharpness * output.logits, labels, reduction="none")
        return (losses + output.spread + output.bounds[labels]).mean()


def _with(config: RunConfig, section: str, **parts: object) -> RunConfig:
    """A configuration with another section, as if it were in the union of its kinds."""
    return config.model_copy(update={section: getattr(config, section).model_copy(update=parts)})


def _stepped(config: RunConfig) -> tuple[Gan, dict[str, Tensor]]:
    gan = build_gan(config, gan_store(), device=CPU, precision="float32", ranks=Ranks())
    log = discriminator_step(gan, FiniteGuard(CPU), 0, 0)
    generator_step(gan, FiniteGuard(CPU), 0)
    return gan, log


def test_a_trunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TRUNKS, "toy", ToyTrunk)
    gan, _ = _stepped(
        _with(gan_config(*TINY), "model", discriminator=ToyTrunkConfig(width=7, projection=True))
    )
    assert type(gan.discriminator.trunk) is ToyTrunk
    assert gan.discriminator.adv_head.in_features == 7


def test_a_class_loss_with_a_head_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AUX_HEADS, "toy", ToyHead)
    monkeypatch.setitem(CLASSIFICATION, "toy", ToyLoss)
    gan, log = _stepped(
        _with(gan_config(*TINY, "loss.penalty.every=1"), "loss", classification=ToyLossConfig(scale=5))
    )
    head = gan.discriminator.aux_head
    assert isinstance(head, ToyHead)
    assert head.scale == 5
    assert torch.isfinite(log["class_real"])
    assert {key for key in class_rows(gan.discriminator) if "bounds" in key} == {"aux_head.bounds.weight"}


def test_every_output_that_a_loss_asks_for_has_a_head() -> None:
    assert {loss.head_outputs for loss in CLASSIFICATION.values()} == AUX_HEADS.keys()
