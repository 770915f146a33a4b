"""A multi-hinge GAN, registered from this script: a class loss that tells real from generated too, with its own head.

    acgan --import examples/multi_hinge.py train examples/multi_hinge.yaml

Kavalerov, Czaja and Chellappa, "A multi-class hinge loss for conditional GANs" (2021, arXiv:1912.04216), with the one
classifier of K + 1 classes of the preprint: K of real images, and one more, F, of generated ones. With s(x) its
K + 1 logits and

    H(s, t) = max(0, 1 + max_{k != t} s_k - s_t),

the hinge loss of Crammer and Singer (2001), the losses are

    D: E H(s(x), y) + E H(s(G(z, y)), F)
    G: E H(s(G(z, y)), y).

The authors' code has a term of matched features for G beside it, which is left out here. So there is no adversarial
loss: `loss.adversarial: null`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import acgan
from acgan.config.base import NonNegative, PositiveFloat
from acgan.config.losses import BaseClassificationConfig
from acgan.losses import ClassificationLoss
from acgan.types import HeadOutput


class MultiHingeConfig(BaseClassificationConfig):
    """Multi-hinge: one classifier of K + 1 classes, the last of generated images; it needs no adversarial loss."""

    head_keys = ()
    tells_real = True
    kind: Literal["multi_hinge"] = "multi_hinge"
    weight_g: NonNegative = 1.0
    """Weight of the loss in G's sum."""
    margin: PositiveFloat = 1.0
    """Lead of the right logit over all others from which on there is no loss; 1 in the paper."""


@dataclass(frozen=True)
class OutputWithGenerated(HeadOutput):
    """Class logits, and the logit (N,) of the class of generated images."""

    generated: Tensor | None = None


class GeneratedHead(acgan.AuxHead):
    """A head with one more class."""

    def _add_layers(self, width: int) -> None:
        super()._add_layers(width)
        self.generated = nn.Linear(width, 1)

    def _output(self, x: Tensor) -> HeadOutput:
        return OutputWithGenerated(self.classify(x), generated=self.generated(x).squeeze(1))


class MultiHinge(ClassificationLoss):
    """The equations above."""

    head_outputs = "generated"

    def __init__(self, *, margin: float):
        self.margin = margin

    def discriminator(self, real: HeadOutput, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        num_classes = real.logits.shape[1]
        return {
            "class_real": self._hinge(real, labels),
            "class_fake": self._hinge(fake, torch.full_like(labels, num_classes)),
        }

    def generator(self, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        return {"class_fake": self._hinge(fake, labels)}

    def _hinge(self, output: HeadOutput, targets: Tensor) -> Tensor:
        assert isinstance(output, OutputWithGenerated)
        assert output.generated is not None
        logits = torch.cat((output.logits, output.generated[:, None]), dim=1)  # (N, K + 1)
        right = logits.gather(1, targets[:, None]).squeeze(1)  # (N,)
        is_right = F.one_hot(targets, logits.shape[1]).bool()
        best_wrong = logits.masked_fill(is_right, -torch.inf).amax(dim=1)  # (N,)
        return F.relu(self.margin + best_wrong - right).mean()


acgan.register.classification_loss(MultiHinge, MultiHingeConfig, GeneratedHead)
