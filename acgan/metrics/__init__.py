"""Measures of generated images and of classifiers."""

from acgan.metrics.bootstrap import MIN_UNITS, Difference, bootstrap_difference, paired_bootstrap
from acgan.metrics.classification import (
    CALIBRATION_BINS,
    ClassificationScores,
    ClassScores,
    classification_scores,
    expected_calibration_error,
    mcnemar,
)
from acgan.metrics.collapse import MIN_IMAGES, ClassDiversity, class_diversity
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.inception_score import InceptionScore
from acgan.metrics.kid import KernelDistance, kernel_distance
from acgan.metrics.memorisation import Memorisation, memorisation
from acgan.metrics.ms_ssim import intra_class_similarity, ms_ssim, num_scales
from acgan.metrics.prdc import Prdc, nearest, prdc
from acgan.metrics.statistics import FeatureStatistics, merged

__all__ = [
    "CALIBRATION_BINS",
    "MIN_IMAGES",
    "MIN_UNITS",
    "ClassDiversity",
    "ClassScores",
    "ClassificationScores",
    "Difference",
    "FeatureStatistics",
    "InceptionScore",
    "KernelDistance",
    "Memorisation",
    "Prdc",
    "bootstrap_difference",
    "class_diversity",
    "classification_scores",
    "expected_calibration_error",
    "frechet_distance",
    "intra_class_similarity",
    "kernel_distance",
    "mcnemar",
    "memorisation",
    "merged",
    "ms_ssim",
    "nearest",
    "num_scales",
    "paired_bootstrap",
    "prdc",
]
