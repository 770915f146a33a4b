"""Fixed networks that turn images into features to be compared."""

from acgan.extracting.base import Extracted, Extractor, metric_name
from acgan.extracting.classifier import ClassifierExtractor

__all__ = ["ClassifierExtractor", "Extracted", "Extractor", "metric_name"]
