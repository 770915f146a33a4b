"""Classification losses of D and G, as functions of the auxiliary head's output."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from acgan.types import HeadOutput


class ClassificationLoss(ABC):
    """A pair of losses, one for each player, as terms by name, which are summed and logged separately."""

    #: Output that the auxiliary head must have: a key of ``acgan.models.AUX_HEADS``.
    head_outputs: ClassVar[str] = "logits"

    @abstractmethod
    def discriminator(self, real: HeadOutput, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        """D's terms; ``labels`` (N,) belong to the real images and to the fake ones."""

    @abstractmethod
    def generator(self, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        """G's terms, each a mean over the images.

        The penalty of the objective calls it on the output for real images too, and differentiates it twice.
        """


class CrossEntropy(ClassificationLoss):
    """Cross-entropy of the class, the AC-GAN paper's L_C, negated (Odena et al. 2017, eq. 3).

    D: -E log P(y | real), plus -E log P(y | fake) if ``on_fake``, as in the paper.
    G: -E log P(y | fake).
    ``label_smoothing`` is the share of D's target that is spread evenly over all K classes; G's target stays sharp.
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


class TwinAuxiliary(ClassificationLoss):
    """TAC-GAN's loss (Gong et al. 2019): a twin classifier T learns generated images, C real ones.

    D: CE(C(real), y) + CE(T(fake), y), plus CE(C(fake), y) if ``on_fake``. G: CE(C(fake), y) - CE(T(fake), y).
    G of an AC-GAN prefers images that are easy to classify, so classes lose diversity; the second term cancels this
    preference. It is unbounded below, as in the paper, because T may be arbitrarily wrong. If ``bounded``, the term
    of an image is at least -log K, the value of a guess.

    The paper's value function is that of AC-GAN with T's term added, and C minimises it too: so C also learns generated
    images, CE(C(fake), y). The authors' code leaves this term out of D's step; ``on_fake`` puts it in. Weights of T's
    own are PyTorch-StudioGAN's (``tac_dis_lambda``, ``tac_gen_lambda``). Since its commit f0e411f, its loss of T reads
    C's logits: T learns nothing, C learns generated images, and G's terms cancel where the weights are equal.
    """

    head_outputs = "twin"

    def __init__(self, *, bounded: bool, on_fake: bool):
        self.bounded = bounded
        self.on_fake = on_fake

    def discriminator(self, real: HeadOutput, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        terms = {
            "class_real": F.cross_entropy(real.logits, labels),
            "twin_fake": F.cross_entropy(_twin(fake), labels),
        }
        if self.on_fake:
            terms["class_fake"] = F.cross_entropy(fake.logits, labels)
        return terms

    def generator(self, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        twin = F.cross_entropy(_twin(fake), labels, reduction="none")  # (N,)
        if self.bounded:
            twin = twin.clamp(max=math.log(fake.logits.shape[1]))
        return {"class_fake": F.cross_entropy(fake.logits, labels), "twin_fake": -twin.mean()}


class DiscriminativeAuxiliary(ClassificationLoss):
    """ADC-GAN's loss (Hou et al. 2022): one classifier of 2K classes, y+ real of class y, y- generated.

    D: CE(real, y+) + CE(fake, y-). G: CE(fake, y+) - CE(fake, y-) = logit of y- minus logit of y+, since the softmax
    over all 2K cancels. The head's class logits are those of the K real classes; its twin's are the others.
    """

    head_outputs = "twin"

    def discriminator(self, real: HeadOutput, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        return {
            "class_real": F.cross_entropy(torch.cat((real.logits, _twin(real)), dim=1), labels),
            "class_fake": F.cross_entropy(torch.cat((_twin(fake), fake.logits), dim=1), labels),
        }

    def generator(self, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        of_class = (_twin(fake) - fake.logits).gather(1, labels[:, None])  # (N, 1)
        return {"class_fake": of_class.mean()}


def _twin(output: HeadOutput) -> Tensor:
    assert output.twin is not None, "the head was built without a twin"
    return output.twin
