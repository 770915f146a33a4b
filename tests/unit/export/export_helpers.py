"""What tests of exports share: generators of all kinds, a classifier, and files of them."""

import pytest
import torch
from sampler_helpers import make_sampler

from acgan.models import GENERATORS
from acgan.predicting import ImageClassifier
from acgan.weights import CLASSIFIER_FILE, ClassifierInfo, build_classifier, save_generator

#: Settings of the kinds that have some, each to be exported beside the plain one.
SETTINGS = {
    "resnet": (
        {"modulation": "style"},
        {"attention": [16], "mapping_layers": 2},
        {"modulation": "style", "attention": [16], "mapping_layers": 1},
    ),
    "biggan": ({"class_dim": None, "skip_z": False, "spectral_norm": False}, {"attention": [16]}),
}
FAMILIES = [(kind, changes) for kind in GENERATORS for changes in ({}, *SETTINGS.get(kind, ()))]
FAMILY_NAMES = ["-".join((kind, *map(str, changes.values()))) for kind, changes in FAMILIES]
#: The families with those settings that take long to export marked so; each kind has a quick one.
FAMILIES_TO_TRY = [
    pytest.param(kind, changes, id=name, marks=[pytest.mark.slow] * (kind == "biggan" and bool(changes)))
    for (kind, changes), name in zip(FAMILIES, FAMILY_NAMES, strict=True)
]


def save_run(directory, sampler, name="generator.safetensors"):
    """A run directory with nothing but a generator."""
    directory.mkdir(parents=True, exist_ok=True)
    save_generator(directory / name, sampler.generator, sampler.info)
    return directory


def make_classifier(backbone=None, channels=3, names=("cat", "dog", "1"), resolution=16):
    """A small classifier that nothing trained, in the form of a file."""
    keywords = {
        "backbone": backbone
        or {"kind": "small", "image_channels": channels, "resolution": resolution, "channels": 4},
        "num_classes": len(names),
        "aux": {},
        "head": "linear",
        "dropout": 0.0,
        "in_channels": channels,
        "image_size": resolution,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_classifier(keywords).eval().requires_grad_(False)
    info = ClassifierInfo(
        keywords, tuple(names), channels, resolution, (0.4,) * channels, (0.3,) * channels, {"nimg": 7}
    )
    return ImageClassifier(network, info)


def save_classifier_run(directory, classifier):
    """A run directory with nothing but a classifier."""
    directory.mkdir(parents=True, exist_ok=True)
    CLASSIFIER_FILE.save(directory / CLASSIFIER_FILE.name, classifier.network, classifier.info)
    return directory


__all__ = [
    "FAMILIES",
    "FAMILIES_TO_TRY",
    "FAMILY_NAMES",
    "make_classifier",
    "make_sampler",
    "save_classifier_run",
    "save_run",
]
