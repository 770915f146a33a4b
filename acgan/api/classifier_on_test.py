"""Scores of a classifier on the test images of its own data, with these images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from acgan.data import regroup, take
from acgan.errors import DataError
from acgan.evaluation import ClassifierScores, score_classifier
from acgan.predicting import find_classifier, load_classifier
from acgan.types import Dataset, ImageStore


def evaluated_on(
    directory: Path, dataset: Dataset, device: str | torch.device = "cpu", max_images: int | None = None
) -> tuple[ClassifierScores, ImageStore]:
    """Score a classifier on the test images of the data that it was trained on.

    Args:
        directory: Its run directory.
        dataset: The data, prepared for the training.
        device: Device to compute on.
        max_images: Images that are scored, at most, from all over the test images; None is all.

    Returns:
        The scores, and the images that they are of.

    Raises:
        UserError: If there is no such classifier, or there are no test images.
    """
    file = find_classifier(directory)
    loaded, store = load_classifier(file, device), dataset.test
    if not len(store):
        raise DataError(f"{dataset.name}: has no test images to score on.")
    whole = len(store)
    if max_images is not None and whole > max_images:
        store = take(store, np.linspace(0, whole - 1, max_images).astype(np.int64))
    store = regroup(store, {name: [name] for name in loaded.class_names})
    origin = {"of_images": whole}
    return score_classifier(loaded, store, file=file, data=dataset.name, split="test", origin=origin), store
