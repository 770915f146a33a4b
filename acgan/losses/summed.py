"""The summed loss of a classifier with auxiliary heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAIN = "main"


class SummedLoss(nn.Module):
    """Weighted sum of the cross-entropies of several heads: L = L_main + sum_i w_i L_i (Szegedy et al. 2015).

    Each term is the mean over the images of the image's class weight times its cross-entropy. Torch's own weighted
    mean divides by the sum of the weights in the batch; this one does not, so that micro-batches give the same
    gradients. With label smoothing, torch weights the share of each other class by that class's weight, which makes
    rare classes the best guess for images of frequent ones; here each image has one weight.

    Args:
        weights: Weight by head; ``main`` counts 1 where it is not named.
        label_smoothing: Share of the target spread evenly over all K classes, in training only.
        class_weights: (K,) factors by class, or None for 1; in training only.
        reduction: ``mean``, or ``none`` for a loss by image, (N,).
    """

    class_weights: Tensor | None

    def __init__(
        self,
        weights: Mapping[str, float] | None = None,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
        reduction: Literal["mean", "none"] = "mean",
    ):
        super().__init__()
        self.reduction = reduction  # fastai sets it, to get the losses of single images
        self.weights = {MAIN: 1.0, **(weights or {})}
        self.label_smoothing = label_smoothing
        self.register_buffer("class_weights", class_weights)

    def forward(self, outputs: Tensor | Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """The weighted sum for logits (N, K) by head, or the plain cross-entropy for the main logits only.

        Targets are labels (N,). The result is a scalar, or (N,) with reduction ``none``.
        """
        terms = self.terms(outputs, targets)
        return terms[MAIN] if isinstance(outputs, Tensor) else self.total(terms)

    def terms(self, outputs: Tensor | Mapping[str, Tensor], targets: Tensor) -> dict[str, Tensor]:
        """Unweighted terms by head.

        Raises:
            ValueError: If the outputs' heads are not those that have a weight.
        """
        if isinstance(outputs, Tensor):
            return {MAIN: F.cross_entropy(outputs, targets, reduction=self.reduction)}
        if outputs.keys() != self.weights.keys():
            raise ValueError(f"expected logits of the heads {list(self.weights)}, got {list(outputs)}")
        return {name: self._cross_entropy(logits, targets) for name, logits in outputs.items()}

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of terms."""
        return torch.stack([self.weights[name] * term for name, term in terms.items()]).sum(dim=0)

    def activation(self, logits: Tensor) -> Tensor:
        """Probabilities of logits (N, K), for fastai's ``get_preds``."""
        return logits.softmax(dim=-1)

    def decodes(self, logits: Tensor) -> Tensor:
        """Labels (N,) of logits or probabilities (N, K), for fastai's displays."""
        return logits.argmax(dim=-1)

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        losses = F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing, reduction="none")
        if self.class_weights is not None:
            losses = losses * self.class_weights.to(losses.dtype)[targets]
        return losses.mean() if self.reduction == "mean" else losses
