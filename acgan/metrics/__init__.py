"""Measures of generated images and of classifiers."""

from acgan.metrics.classification import (
    CALIBRATION_BINS,
    ClassificationScores,
    ClassScores,
    classification_scores,
    expected_calibration_error,
    mcnemar,
)
from acgan.metrics.collapse import MIN_IMAGES, ClassDiversity, class_diversity

__all__ = [
    "CALIBRATION_BINS",
    "MIN_IMAGES",
    "ClassDiversity",
    "ClassScores",
    "ClassificationScores",
    "class_diversity",
    "classification_scores",
    "expected_calibration_error",
    "mcnemar",
]
