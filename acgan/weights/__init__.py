"""Safetensors files of trained networks: generators, classifiers, and the pair to start from."""

from acgan.weights.classifier import CLASSIFIER_FILE, ClassifierInfo, build_classifier
from acgan.weights.file import WeightsFile, holds, state_in_words
from acgan.weights.generator import (
    GENERATOR_FILE,
    GeneratorInfo,
    find_generator,
    read_generator,
    save_generator,
)
from acgan.weights.hub import HUB_WEIGHTS, HubPlace
from acgan.weights.starter import STARTER, STARTER_FILE, Starter, read_starter, save_starter
from acgan.weights.tensors import is_foreign

__all__ = [
    "CLASSIFIER_FILE",
    "GENERATOR_FILE",
    "HUB_WEIGHTS",
    "STARTER",
    "STARTER_FILE",
    "ClassifierInfo",
    "GeneratorInfo",
    "HubPlace",
    "Starter",
    "WeightsFile",
    "build_classifier",
    "find_generator",
    "holds",
    "is_foreign",
    "read_generator",
    "read_starter",
    "save_generator",
    "save_starter",
    "state_in_words",
]
