"""A classifier's scores on labelled images, with provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acgan.atomic import sha256
from acgan.metrics.classification import ClassificationScores, ClassScores, classification_scores
from acgan.predicting import ImageClassifier
from acgan.reading import to_json
from acgan.types import ImageStore


@dataclass(frozen=True)
class ClassifierScores:
    """Result of ``acgan classify evaluate``.

    Attributes:
        main: Scores of the main head.
        heads: Accuracy by head, with the main one.
        right: (N,) bool, True where the main head is right.
        predicted: (N,) int64, the class that the main head sees.
        confidence: (N,) its probability of that class.
        provenance: Data, split, number of images and their fingerprint, the classifier and its weights' hash.
        class_names: K names, all that the classifier knows; some may be without images.
    """

    main: ClassificationScores
    heads: dict[str, float]
    right: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    provenance: dict[str, Any]
    class_names: tuple[str, ...]

    @property
    def scored(self) -> dict[str, ClassScores]:
        """Scores by class, of the classes that have images."""
        by_name = zip(self.class_names, self.main.per_class, strict=True)
        return {name: scores for name, scores in by_name if scores.images}

    def to_json(self) -> str:
        """JSON text of everything but what is of single images."""
        main = self.main
        per_class = {
            name: {"precision": c.precision, "recall": c.recall, "f1": c.f1, "images": c.images}
            for name, c in zip(self.class_names, main.per_class, strict=True)
        }
        values = {
            "accuracy": main.accuracy,
            "balanced_accuracy": main.balanced_accuracy,
            "top5": main.top5,
            "macro_f1": main.macro_f1,
            "ece": main.ece,
            "heads": self.heads,
            "per_class": per_class,
            "confusion": main.confusion.tolist(),
            "provenance": self.provenance,
        }
        return to_json(values)


def score_classifier(
    classifier: ImageClassifier,
    store: ImageStore,
    *,
    file: Path,
    data: str,
    split: str,
    origin: Mapping[str, Any] | None = None,
) -> ClassifierScores:
    """Score a classifier on labelled images.

    Args:
        classifier: The classifier.
        store: Images whose labels are the classifier's; some of its classes may be without images.
        file: The classifier's file, which is hashed.
        data: Name of the data.
        split: Split of the data.
        origin: More to say of the images in the provenance.
    """
    logits = classifier.head_logits(store.images)
    labels = torch.from_numpy(store.labels)
    main = logits["main"]
    predicted = main.argmax(dim=1)
    confidence = main.double().softmax(dim=1).gather(1, predicted[:, None])[:, 0]
    return ClassifierScores(
        main=classification_scores(main, labels),
        heads={name: _accuracy(values, labels) for name, values in logits.items()},
        right=(predicted == labels).numpy(),
        predicted=predicted.numpy(),
        confidence=confidence.numpy(),
        provenance={
            "data": data,
            "split": split,
            "num_images": len(store),
            "data_fingerprint": store.fingerprint,
            **(origin or {}),
            "classifier": str(file),
            "classifier_sha256": sha256(file),
            "resolution": classifier.info.resolution,
            "channels": classifier.info.channels,
            "precision": classifier.precision,
            "device": str(next(classifier.parameters()).device),
            "trained_on": classifier.info.provenance.get("data_fingerprint"),
        },
        class_names=store.class_names,
    )


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return (logits.argmax(dim=1) == labels).double().mean().item()
