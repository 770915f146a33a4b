"""Scores of a classifier from its logits. Shapes: N images, K classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

#: Bins of the expected calibration error.
CALIBRATION_BINS = 15
_TOP = 5


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class; shares in [0, 1], None where the denominator is zero.

    Attributes:
        precision: Share of the images predicted as the class that are of it; None where it is never predicted.
        recall: Share of the images of the class that are predicted as it; None where it has no images.
        f1: Harmonic mean of both, 2 TP / (2 TP + FP + FN); None where it has no images and is never predicted.
        images: Images of the class among the labels.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    images: int


@dataclass(frozen=True)
class ClassificationScores:
    """Scores of a classifier on labelled images; shares in [0, 1].

    Attributes:
        num_images: N.
        accuracy: Share of images whose label has the largest logit, the first of equal ones.
        balanced_accuracy: Mean recall of the classes that have images.
        top5: Share of images whose label is among the five largest logits; None where K <= 5, as it says nothing.
        macro_f1: Mean F1 of the classes that have images.
        ece: Expected calibration error, see ``expected_calibration_error``.
        confusion: (K, K) int64 counts; row: true class, column: predicted class.
        per_class: K scores, by label.
    """

    num_images: int
    accuracy: float
    balanced_accuracy: float
    top5: float | None
    macro_f1: float
    ece: float
    confusion: np.ndarray
    per_class: tuple[ClassScores, ...]


def classification_scores(logits: Tensor, labels: Tensor) -> ClassificationScores:
    """Score a classifier on labelled images.

    Args:
        logits: (N, K) of any floating-point type; computed with in float64.
        labels: (N,) int64 in [0, K).

    Raises:
        ValueError: The shapes do not match, there are no images, or a label is none of the K classes.
    """
    logits, labels = _checked(logits, labels)
    confusion = _confusion(logits.argmax(dim=1), labels, logits.shape[1])
    per_class = tuple(_class_scores(confusion, label) for label in range(len(confusion)))
    recalls = [scores.recall for scores in per_class if scores.recall is not None]
    f1s = [scores.f1 for scores in per_class if scores.images and scores.f1 is not None]
    return ClassificationScores(
        num_images=len(labels),
        accuracy=float(confusion.trace() / len(labels)),
        balanced_accuracy=float(np.mean(recalls)),
        top5=_top5(logits, labels) if logits.shape[1] > _TOP else None,
        macro_f1=float(np.mean(f1s)),
        ece=expected_calibration_error(logits.softmax(dim=1), labels),
        confusion=confusion,
        per_class=per_class,
    )


def expected_calibration_error(probabilities: Tensor, labels: Tensor) -> float:
    """Distance between confidence and accuracy (Guo et al. 2017, eq. 3).

    The predicted class's probability falls into one of 15 bins (lower, upper] of equal width. The result is the
    mean over the bins, weighted by their images, of the distance between accuracy and mean probability.

    Args:
        probabilities: (N, K) in [0, 1], rows adding up to 1.
        labels: (N,) int64 in [0, K).

    Returns:
        The error in [0, 1]; 0 is calibrated perfectly.

    Raises:
        ValueError: The shapes do not match, there are no images, or a label is none of the K classes.
    """
    probabilities, labels = _checked(probabilities, labels)
    confidence = probabilities.max(dim=1).values
    right = probabilities.argmax(dim=1) == labels
    inner_edges = torch.arange(1, CALIBRATION_BINS, dtype=torch.float64) / CALIBRATION_BINS
    # Sums in place of means: a bin's weight cancels the number of images it would be divided by.
    gaps = torch.bincount(torch.bucketize(confidence, inner_edges), weights=right.double() - confidence)
    return gaps.abs().sum().item() / len(labels)


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> float:
    """Test two classifiers' accuracies on the same images for a difference, by McNemar's exact test.

    On images that just one of them gets right, either is equally likely to be right under the null hypothesis: the
    count is binomially distributed with p = 1/2 (McNemar 1947).

    Args:
        right_a: (N,) bool, True where classifier A is right.
        right_b: (N,) bool, the same for classifier B.

    Returns:
        The two-sided p-value in (0, 1]; 1.0 where they never differ.

    Raises:
        ValueError: The shapes differ.
    """
    from scipy.stats import binomtest  # takes a second to load

    if right_a.shape != right_b.shape:
        raise ValueError(
            f"expected two classifiers on the same images, got {right_a.shape} and {right_b.shape}"
        )
    only_a = int(np.count_nonzero(right_a & ~right_b))
    only_b = int(np.count_nonzero(right_b & ~right_a))
    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue)


def _checked(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Both on the CPU, as not every device has float64, if they fit together."""
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(f"expected (N, K) and (N,), got {tuple(scores.shape)} and {tuple(labels.shape)}")
    if len(labels) == 0:
        raise ValueError("expected at least one image")
    scores, labels = scores.detach().cpu().double(), labels.cpu()
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= scores.shape[1]:
        raise ValueError(f"expected labels in [0, {scores.shape[1]}), got {low} to {high}")
    return scores, labels


def _confusion(predicted: Tensor, labels: Tensor, num_classes: int) -> np.ndarray:
    cells = labels * num_classes + predicted
    counts: np.ndarray = torch.bincount(cells, minlength=num_classes**2).numpy()
    return counts.reshape(num_classes, num_classes)


def _class_scores(confusion: np.ndarray, label: int) -> ClassScores:
    hits, images = int(confusion[label, label]), int(confusion[label].sum())
    predicted = int(confusion[:, label].sum())
    return ClassScores(
        precision=_share(hits, predicted),
        recall=_share(hits, images),
        f1=_share(2 * hits, images + predicted),  # TP + FN and TP + FP
        images=images,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _top5(logits: Tensor, labels: Tensor) -> float:
    """Equal logits rank by label, so that it is never below the accuracy; ``topk`` leaves their order open."""
    own = logits.gather(1, labels[:, None])
    earlier = torch.arange(logits.shape[1]) < labels[:, None]
    ahead = (logits > own) | ((logits == own) & earlier)
    return (ahead.sum(dim=1) < _TOP).double().mean().item()
