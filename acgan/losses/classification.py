"""Classification losses: what D and G minimise about the class, as functions of the auxiliary head's output."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor

from acgan.types import HeadOutput


class ClassificationLoss(ABC):
    """A pair of losses, one for each player; each term by its own name, to be summed and logged apart."""

    @abstractmethod
    def discriminator(self, real: HeadOutput, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        """D's terms; ``labels`` (N,) are those of the real images and of the fake ones."""

    @abstractmethod
    def generator(self, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        """G's terms."""


class CrossEntropy(ClassificationLoss):
    """Cross-entropy of the class, the AC-GAN paper's L_C, negated (Odena et al. 2017, eq. 3).

    D: -E log P(y | real), and where ``on_fake`` -E log P(y | fake) added to it, as in the paper.
    G: -E log P(y | fake).

    Args:
        on_fake: Whether D learns the class on generated images too.
        label_smoothing: Share of D's target spread evenly over all K classes. G's target stays sharp.
    """

    def __init__(self, *, on_fake: bool, label_smoothing: float):
        self.on_fake = on_fake
        self.label_smoothing = label_smoothing

    def discriminator(self, real: HeadOutput, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        smoothing = self.label_smoothing
        terms = {"class_real": F.cross_entropy(real.logits, labels, label_smoothing=smoothing)}
        if self.on_fake:
            terms["class_fake"] = F.cross_entropy(fake.logits, labels, label_smoothing=smoothing)
        return terms

    def generator(self, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        return {"class_fake": F.cross_entropy(fake.logits, labels)}


CLASSIFICATION: dict[str, type[ClassificationLoss]] = {"cross_entropy": CrossEntropy}
