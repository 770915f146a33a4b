"""The sums that D and G minimise: adversarial loss + weight * classification loss (+ regularisers, + penalty)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from acgan.losses import AdversarialLoss, ClassificationLoss, ImageDraws, Penalty
from acgan.training.regularisers import Discriminate, Judged, Regulariser
from acgan.training.step import Portion
from acgan.types import Batch, DiscriminatorOutput, HeadOutput, Term, Terms


@dataclass(frozen=True)
class Objective:
    """The summed objective of both players.

    Attributes:
        adversarial: Loss of real against fake, or None where the classification loss has both.
        classification: Loss of the class, or None.
        penalty: Penalty on D's input gradient, or None.
        weight_d: Weight of the classification terms in D's sum.
        weight_g: Weight of the classification terms in G's sum.
        penalty_of: Score whose gradient is penalised: the ``adversarial`` logit, or the ``objective`` of G, which
            is the logit, if there is one, less G's classification terms with their weights.
        penalty_every: D steps from one penalty to the next, and factor on it.
        regularisers: Further terms of D's sum.
        one_pass: D judges real and generated images in one pass, which is quicker. It must not mix the images of a
            batch, as BatchNorm does, nor draw random numbers in its order.
        term_weights: Weights in D's and in G's sum of those classification terms, by name, that have others.
    """

    adversarial: AdversarialLoss | None
    classification: ClassificationLoss | None
    penalty: Penalty | None
    weight_d: float
    weight_g: float
    penalty_of: Literal["adversarial", "objective"]
    penalty_every: int
    regularisers: Mapping[str, Regulariser]
    one_pass: bool
    term_weights: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def discriminator(self, d: Discriminate, real: Batch, fake: Tensor, portion: Portion) -> Terms:
        """D's loss on real images and on as many generated for the same labels.

        Args:
            d: The discriminator.
            real: Real images with labels.
            fake: (N, C, H, W) generated images, without gradient.
            portion: The random numbers of these images, for regularisers.
        """
        on_real, on_fake = self._judge(d, real, fake)
        terms, stats = dict[str, Term](), dict[str, Tensor]()
        if self.adversarial is not None:
            logits = on_real.logits, on_fake.logits
            terms["adversarial"] = Term(self.adversarial.discriminator(*logits))
            with torch.no_grad():
                stats["accuracy"] = self.adversarial.accuracy(*logits)
                stats["real_sign"] = self.adversarial.real_sign(*logits)
                stats["logit_real"], stats["logit_fake"] = (side.mean() for side in logits)
        for regulariser in self.regularisers.values():
            terms = _joined(terms, regulariser.terms(Judged(d, real, fake, on_real, on_fake, portion)))
        with torch.no_grad():
            stats["feature_norm"] = on_real.features.norm(dim=1).mean()
        if self.classification is not None:
            aux_real, aux_fake = on_real.classes, on_fake.classes
            classes = self.classification.discriminator(aux_real, aux_fake, real.labels)
            terms = _joined(terms, self.class_terms(classes, "D"))
            with torch.no_grad():
                stats["class_accuracy_real"] = _accuracy(aux_real, real.labels)
                stats["class_accuracy_fake"] = _accuracy(aux_fake, real.labels)
        return Terms(terms, stats)

    def penalize(
        self, d: Discriminate, real: Batch, fake: Tensor, draws: ImageDraws, strength: float
    ) -> Terms:
        """The penalty when due, counted ``penalty_every`` times to make up for the steps between.

        Args:
            d: The discriminator, not compiled: a penalty is differentiated twice.
            real: Real images with labels.
            fake: (N, C, H, W) generated images, without gradient.
            draws: The random numbers of these images.
            strength: Strength of the penalty.
        """
        assert self.penalty is not None

        def critic(images: Tensor) -> Tensor:
            output = d(images, real.labels.repeat(len(images) // len(real.labels)))
            return self._score(output, real.labels)

        terms = self.penalty(critic, real.images, fake.to(real.images.dtype), draws, strength)
        return Terms(terms, times=self.penalty_every)

    def generator(self, d: Discriminate, real: Batch, fake: Tensor) -> Terms:
        """G's loss on images generated for the labels of a real batch.

        Args:
            d: The discriminator, its parameters without gradient.
            real: Real images with labels.
            fake: (N, C, H, W) generated images, with gradient.
        """
        real_logits = None
        if self.adversarial is not None and self.adversarial.generator_needs_real:
            with torch.no_grad():
                real_logits = d(real.images, real.labels).adv
        on_fake = d(fake, real.labels)
        terms = dict[str, Term]()
        if self.adversarial is not None:
            terms["adversarial"] = Term(self.adversarial.generator(real_logits, on_fake.logits))
        if self.classification is not None:
            classes = self.classification.generator(on_fake.classes, real.labels)
            terms = _joined(terms, self.class_terms(classes, "G"))
        return Terms(terms)

    def class_terms(self, classes: Mapping[str, Tensor], player: Literal["D", "G"]) -> dict[str, Term]:
        """Terms of the classification loss with their weights in a player's sum."""
        usual, place = (self.weight_d, 0) if player == "D" else (self.weight_g, 1)
        own = self.term_weights
        return {
            name: Term(value, own[name][place] if name in own else usual) for name, value in classes.items()
        }

    def _judge(
        self, d: Discriminate, real: Batch, fake: Tensor
    ) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
        """D's outputs on real and on generated images."""
        if not self.one_pass:
            return d(real.images, real.labels), d(fake, real.labels)
        count = len(real.labels)
        both = d(torch.cat((real.images, fake.to(real.images.dtype))), real.labels.repeat(2))
        return both.rows(slice(0, count)), both.rows(slice(count, 2 * count))

    def _score(self, output: DiscriminatorOutput, labels: Tensor) -> Tensor:
        """The score of a penalty, summed over the images.

        Args:
            output: On real images, generated ones, or one after the other: a loss that compares images with each
                other sees either side by itself, as in G's step.
            labels: (N,) of either side.
        """
        score = output.logits.sum() if self.adversarial is not None else output.features.new_zeros(())
        if self.penalty_of == "adversarial" or self.classification is None:
            return score
        size, aux = len(labels), output.classes
        for start in range(0, len(output.features), size):
            losses = self.classification.generator(aux.rows(slice(start, start + size)), labels)
            terms = self.class_terms(losses, "G").values()
            score = (
                score - size * torch.stack([term.weighted for term in terms]).sum()
            )  # means over the images
        return score


def _joined(terms: dict[str, Term], more: dict[str, Term]) -> dict[str, Term]:
    assert not terms.keys() & more.keys(), f"two terms are called {sorted(terms.keys() & more.keys())}"
    return terms | more


def _accuracy(output: HeadOutput, labels: Tensor) -> Tensor:
    return (output.logits.argmax(dim=1) == labels).float().mean()
