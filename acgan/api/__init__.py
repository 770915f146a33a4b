"""Train, sample, classify: compositions of the parts, for the command line and for Python."""

from acgan.api.classifier import compare_with_synthetic, evaluate_classifier, train_classifier
from acgan.api.gan import train
from acgan.api.session import TrainOptions, TrainResult, load_data, resolve_config
from acgan.predicting import load_classifier
from acgan.sampling import load_generator

__all__ = [
    "TrainOptions",
    "TrainResult",
    "compare_with_synthetic",
    "evaluate_classifier",
    "load_classifier",
    "load_data",
    "load_generator",
    "resolve_config",
    "train",
    "train_classifier",
]
