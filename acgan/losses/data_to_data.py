"""ReACGAN's classification loss: data-to-data cross-entropy."""

from __future__ import annotations

import torch
from torch import Tensor

from acgan import distributed, runtime
from acgan.losses.classification import ClassificationLoss
from acgan.types import HeadOutput


class DataToData(ClassificationLoss):
    """Data-to-data cross-entropy (Kang et al. 2021, ReACGAN, eq. 6), on real images in D, on generated ones in G.

    With f the embeddings and v the class proxies, all of length one, m_p the ``margin`` (a cosine), m_n = 1 - m_p and
    tau the ``temperature``,

        L = -mean_i log( exp(p_i) / (exp(p_i) + sum_{j: y_j != y_i} exp(n_ij)) ),
        p_i = min(f_i . v_{y_i} - m_p, 0) / tau,   n_ij = max(f_i . f_j - m_n, 0) / tau.

    The loss pulls an image to its class's proxy and away from images of other classes. Beyond the margins there is no
    gradient, so that a class does not shrink to one image. Lengths of features cannot grow.

    This is the paper's equation, as one logsumexp. The authors' code, PyTorch-StudioGAN, computes
    -p_i + log(exp(p_i) + exp(-m_i) sum_j exp(n_ij)) with m_i = max_{j != i} (f_i . f_j - m_n) / tau over all other
    images, those of the own class too. It subtracts m_i from the negatives for stability, but not from the positive,
    and does not add it again. So an image whose nearest other image is close counts its negatives up to
    exp(m_p / tau) times less than in the equation, 7.1 times with 0.98 and 0.5.
    """

    head_outputs = "proxies"

    def __init__(self, *, margin: float, temperature: float):
        self.margin = margin
        self.temperature = temperature

    def discriminator(self, real: HeadOutput, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        return {"class_real": self._loss(real, labels)}

    def generator(self, fake: HeadOutput, labels: Tensor) -> dict[str, Tensor]:
        return {"class_fake": self._loss(fake, labels)}

    def _loss(self, output: HeadOutput, labels: Tensor) -> Tensor:
        assert output.embedding is not None, "the head was built without proxies"
        assert output.proxies is not None
        with runtime.outside_autocast(labels.device):
            own = (output.embedding * output.proxies[labels]).sum(dim=1)  # (N,)
            positive = (own - self.margin).clamp(max=0) / self.temperature  # (N,)
            # Over portions and processes the batch is the global one.
            others = distributed.gather(output.embedding)  # (M, E)
            other_labels = distributed.gather(labels)  # (M,)
            cosines = output.embedding @ others.T  # (N, M)
            negative = (cosines - (1 - self.margin)).clamp(min=0) / self.temperature
            negative = negative.masked_fill(labels[:, None] == other_labels[None], -torch.inf)
            every = torch.cat((positive[:, None], negative), dim=1)  # (N, 1 + M)
            return (every.logsumexp(dim=1) - positive).mean()
