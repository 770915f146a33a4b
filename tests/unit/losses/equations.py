"""Equations of the class losses as the papers write them: one image after the other, with exp and log."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def cross_entropy(logits: Tensor, label: int) -> Tensor:
    """-log of the softmax of one image's logits (K,) at a class."""
    total = torch.zeros((), dtype=logits.dtype)
    for logit in logits:
        total = total + torch.exp(logit)
    return -torch.log(torch.exp(logits[label]) / total)


def smoothed_cross_entropy(logits: Tensor, label: int, smoothing: float) -> Tensor:
    """Cross-entropy with a target of which a share is spread over all classes."""
    num_classes = len(logits)
    loss = torch.zeros((), dtype=logits.dtype)
    for k in range(num_classes):
        target = smoothing / num_classes + (1 - smoothing if k == label else 0.0)
        loss = loss + target * cross_entropy(logits, k)
    return loss


def mean(losses: list[Tensor]) -> Tensor:
    """Over the images of a batch."""
    return torch.stack(losses).sum() / len(losses)


def data_to_data(
    embedding: Tensor, proxies: Tensor, labels: Tensor, *, margin: float, temperature: float
) -> Tensor:
    """Kang et al. 2021, eq. 6: f embeddings (N, E), v proxies (K, E), m_p the margin, m_n = 1 - m_p."""
    losses = []
    for i, label in enumerate(labels.tolist()):
        similarity = (embedding[i] * proxies[label]).sum()
        positive = torch.exp(_below_zero(similarity - margin) / temperature)
        denominator = positive
        for j, other in enumerate(labels.tolist()):
            if other != label:
                similarity = (embedding[i] * embedding[j]).sum()
                denominator = denominator + torch.exp(_above_zero(similarity - (1 - margin)) / temperature)
        losses.append(-torch.log(positive / denominator))
    return mean(losses)


def _below_zero(x: Tensor) -> Tensor:
    return x if x < 0 else 0 * x


def _above_zero(x: Tensor) -> Tensor:
    return x if x > 0 else 0 * x


def guess(num_classes: int) -> float:
    """Cross-entropy of a guess."""
    return -math.log(1 / num_classes)
