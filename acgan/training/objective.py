"""What is minimised: adversarial loss + weight * classification loss (+ regularisers, + penalty), for D and for G."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from acgan.losses import AdversarialLoss, ClassificationLoss, Consistency, LeCam, Penalty
from acgan.training.logit_means import LogitMeans
from acgan.types import Batch, DiscriminatorOutput, HeadOutput, Terms

#: A discriminator, or a compiled one: (images, labels) to its output.
Discriminate = Callable[[Tensor, Tensor], DiscriminatorOutput]


@dataclass(frozen=True)
class Objective:
    """The summed objective of both players.

    Attributes:
        adversarial: Real or fake.
        classification: Which class, or None.
        penalty: On D's input gradient, or None.
        weight_d: Weight of the classification terms in D's sum.
        weight_g: Weight of the classification terms in G's sum.
        penalty_of: What the penalty takes the gradient of: the ``adversarial`` logit, or the ``objective``, all that G
            gains by: the logit less ``weight_g`` times G's classification terms.
        penalty_every: The penalty is due every so many D steps, and then counts so many times.
        consistency: Of D's logits under small changes of the images, or None.
        lecam: Of D's logits with their running means, or None.
    """

    adversarial: AdversarialLoss
    classification: ClassificationLoss | None
    penalty: Penalty | None
    weight_d: float
    weight_g: float
    penalty_of: Literal["adversarial", "objective"]
    penalty_every: int
    consistency: Consistency | None
    lecam: LeCam | None

    def discriminator(
        self,
        d: Discriminate,
        real: Batch,
        fake: Tensor,
        changed: tuple[Tensor, Tensor] | None = None,
        means: LogitMeans | None = None,
    ) -> Terms:
        """D's loss on real images and on as many generated for the same labels.

        Args:
            d: The discriminator.
            real: Real images with labels.
            fake: (N, C, H, W) generated images, without gradient.
            changed: Real and generated images after a small change, for ``consistency``.
            means: Running means of D's logits, for ``lecam``.
        """
        on_real = d(real.images, real.labels)
        on_fake = d(fake, real.labels)
        parts = {"adversarial": self.adversarial.discriminator(on_real.adv, on_fake.adv)}
        if self.consistency is not None:
            assert changed is not None
            weights = (self.consistency.weight_real, self.consistency.weight_fake)
            sides = zip(weights, changed, (on_real.adv, on_fake.adv), strict=True)
            # A side without weight costs nothing.
            views = [d(images, real.labels).adv if weight else adv for weight, images, adv in sides]
            parts |= self.consistency(on_real.adv, on_fake.adv, *views)
        if self.lecam is not None:
            assert means is not None
            parts |= self.lecam(on_real.adv, on_fake.adv, means.real, means.fake)
        with torch.no_grad():
            stats = {
                "accuracy": self.adversarial.accuracy(on_real.adv, on_fake.adv),
                "real_sign": self.adversarial.real_sign(on_real.adv, on_fake.adv),
                "feature_norm": on_real.features.norm(dim=1).mean(),
                "logit_real": on_real.adv.mean(),
                "logit_fake": on_fake.adv.mean(),
            }
        classes: dict[str, Tensor] = {}
        if self.classification is not None:
            assert on_real.aux is not None
            assert on_fake.aux is not None
            classes = self.classification.discriminator(on_real.aux, on_fake.aux, real.labels)
            with torch.no_grad():
                stats["class_accuracy_real"] = _accuracy(on_real.aux, real.labels)
                stats["class_accuracy_fake"] = _accuracy(on_fake.aux, real.labels)
        return _sum(parts, classes, self.weight_d, stats)

    def penalize(self, d: Discriminate, real: Batch, fake: Tensor, mix: Tensor, strength: float) -> Terms:
        """The penalty when due, counted ``penalty_every`` times to make up for the steps between.

        Args:
            d: The discriminator, not compiled: a penalty is differentiated twice.
            real: Real images with labels.
            fake: (N, C, H, W) generated images, without gradient.
            mix: (N,) uniform draws in [0, 1).
            strength: Of the penalty.
        """
        assert self.penalty is not None

        def critic(images: Tensor) -> Tensor:
            output = d(images, real.labels.repeat(len(images) // len(real.labels)))
            return output.adv.sum() - self._class_loss(output, real.labels)

        parts = self.penalty(critic, real.images, fake.to(real.images.dtype), mix, strength)
        return Terms(total=torch.stack(list(parts.values())).sum() * self.penalty_every, parts=parts)

    def generator(self, d: Discriminate, real: Batch, fake: Tensor) -> Terms:
        """G's loss on images generated for the labels of a real batch.

        Args:
            d: The discriminator, its parameters without gradient.
            real: Real images with labels.
            fake: (N, C, H, W) generated images, with gradient.
        """
        real_logits = None
        if self.adversarial.generator_needs_real:
            with torch.no_grad():
                real_logits = d(real.images, real.labels).adv
        on_fake = d(fake, real.labels)
        parts = {"adversarial": self.adversarial.generator(real_logits, on_fake.adv)}
        classes: dict[str, Tensor] = {}
        if self.classification is not None:
            assert on_fake.aux is not None
            classes = self.classification.generator(on_fake.aux, real.labels)
        return _sum(parts, classes, self.weight_g, {})

    def _class_loss(self, output: DiscriminatorOutput, labels: Tensor) -> Tensor | float:
        """What G's classification terms take from the score of a penalty, summed over the images.

        Args:
            output: For real images, generated ones, or one after the other: a loss that compares images with each
                other sees either side by itself, as in G's step.
            labels: (N,) of either side.
        """
        if self.penalty_of == "adversarial" or self.classification is None:
            return 0.0
        assert output.aux is not None
        size = len(labels)
        losses = [
            loss
            for start in range(0, len(output.adv), size)
            for loss in self.classification.generator(
                output.aux.rows(slice(start, start + size)), labels
            ).values()
        ]
        return self.weight_g * size * torch.stack(losses).sum()  # each is a mean over the images


def _sum(
    parts: Mapping[str, Tensor], classes: Mapping[str, Tensor], weight: float, stats: dict[str, Tensor]
) -> Terms:
    total = torch.stack(list(parts.values())).sum()
    if classes:
        total = total + weight * torch.stack(list(classes.values())).sum()
    return Terms(total=total, parts={**parts, **classes}, stats=stats)


def _accuracy(output: HeadOutput, labels: Tensor) -> Tensor:
    return (output.logits.argmax(dim=1) == labels).float().mean()
