"""A classifier with generated training images against the same training without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from acgan.api.classifier import evaluate_classifier
from acgan.api.run_directory import WITHOUT_SYNTHETIC
from acgan.metrics.classification import mcnemar


def compare_with_synthetic(directory: Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Compare a run with generated images and the same training without, on the test images.

    Args:
        directory: A run with ``synthetic``, which has the other one in ``without_synthetic``.
        device: Device that computes.

    Returns:
        ``with`` and ``without``: accuracy, balanced accuracy, recall by class; ``p_value`` of McNemar's exact test.
    """
    scores = {
        "with": evaluate_classifier(directory, device=device),
        "without": evaluate_classifier(directory / WITHOUT_SYNTHETIC, device=device),
    }
    found: dict[str, Any] = {
        arm: {
            "accuracy": score.main.accuracy,
            "balanced_accuracy": score.main.balanced_accuracy,
            "recall": {
                name: c.recall for name, c in zip(score.class_names, score.main.per_class, strict=True)
            },
        }
        for arm, score in scores.items()
    }
    found["num_images"] = scores["with"].main.num_images
    found["p_value"] = mcnemar(scores["with"].right, scores["without"].right)
    return found
