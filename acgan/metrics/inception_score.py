"""The Inception score, or that of another classifier. Shapes: N images, K classes, S splits."""

from __future__ import annotations

import torch
from torch import Tensor


class InceptionScore:
    """exp of the mean divergence KL(p(y|x) || p(y)) over images (Salimans et al. 2016), by split.

    1 says that all images are given the same probabilities; K, that each is given one class for certain, and the
    classes are equally frequent. The mean over images of the divergence is H(mean of p) - mean of H(p): what is kept
    are sums by split, float64, however many images there are. Fewer images in a split score lower (Barratt & Sharma
    2018), so scores are comparable for the same N and S alone.

    Args:
        num_classes: K.
        splits: S; the score and its deviation are over the splits.
    """

    def __init__(self, num_classes: int, splits: int = 10):
        self._images = torch.zeros(splits, dtype=torch.int64)
        self._probabilities = torch.zeros(splits, num_classes, dtype=torch.float64)
        self._entropies = torch.zeros(splits, dtype=torch.float64)

    def update(self, logits: Tensor, split: Tensor) -> None:
        """Add images.

        Args:
            logits: (n, K) of any floating-point type; their softmax is taken in float64.
            split: (n,) int64 in [0, S), the split that each image is in: at random, not in the order of classes.

        Raises:
            ValueError: The shapes do not match, or a split is none of the S.
        """
        splits, num_classes = self._probabilities.shape
        if logits.ndim != 2 or logits.shape[1] != num_classes or split.shape != logits.shape[:1]:
            found = f"{tuple(logits.shape)} and {tuple(split.shape)}"
            raise ValueError(f"expected (n, {num_classes}) and (n,), got {found}")
        # On the CPU, as not every device has float64.
        probabilities, split = logits.detach().cpu().double().softmax(dim=1), split.cpu()
        if ((split < 0) | (split >= splits)).any():
            raise ValueError(
                f"expected splits in [0, {splits}), got {int(split.min())} to {int(split.max())}"
            )
        self._images += torch.bincount(split, minlength=splits)
        self._probabilities.index_add_(0, split, probabilities)
        self._entropies.index_add_(0, split, _entropy(probabilities))

    def merge(self, other: InceptionScore) -> None:
        """Add the images of another score with the same K and S."""
        self._images += other._images
        self._probabilities += other._probabilities
        self._entropies += other._entropies

    def compute(self) -> tuple[float, float]:
        """The score of the images so far: mean and standard deviation (of the population) over the splits.

        Splits without images are left out.

        Raises:
            ValueError: There are no images.
        """
        filled = self._images > 0
        if not filled.any():
            raise ValueError("expected at least one image")
        images = self._images[filled]
        marginals = self._probabilities[filled] / images[:, None]
        scores = (_entropy(marginals) - self._entropies[filled] / images).exp()
        return scores.mean().item(), scores.std(correction=0).item()


def _entropy(probabilities: Tensor) -> Tensor:
    """Entropy of the last dimension, in nats; 0 log 0 is 0."""
    entropy: Tensor = torch.special.entr(probabilities).sum(dim=-1)
    return entropy
