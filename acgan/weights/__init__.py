"""Safetensors files of trained networks: generators and classifiers."""

from acgan.weights.classifier import CLASSIFIER_FILE, ClassifierInfo, build_classifier
from acgan.weights.file import WeightsFile, holds, is_foreign
from acgan.weights.generator import (
    GENERATOR_FILE,
    GeneratorInfo,
    find_generator,
    read_generator,
    save_generator,
)

__all__ = [
    "CLASSIFIER_FILE",
    "GENERATOR_FILE",
    "ClassifierInfo",
    "GeneratorInfo",
    "WeightsFile",
    "build_classifier",
    "find_generator",
    "holds",
    "is_foreign",
    "read_generator",
    "save_generator",
]
