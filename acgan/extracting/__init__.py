"""Fixed networks that turn images into features to be compared."""

from acgan.extracting.base import Extracted, Extractor, metric_name
from acgan.extracting.choose import choose_extractor, extractor_at_hand, shipped_for
from acgan.extracting.classifier import ClassifierExtractor, strange_in_words
from acgan.extracting.fitting import fitted, prepared, target_of
from acgan.extracting.inception import InceptionExtractor
from acgan.extracting.inception_weights import inception_weights_present
from acgan.extracting.network import NetworkExtractor

__all__ = [
    "ClassifierExtractor",
    "Extracted",
    "Extractor",
    "InceptionExtractor",
    "NetworkExtractor",
    "choose_extractor",
    "extractor_at_hand",
    "fitted",
    "inception_weights_present",
    "metric_name",
    "prepared",
    "shipped_for",
    "strange_in_words",
    "target_of",
]
