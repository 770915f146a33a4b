"""Measures of generated images."""

from acgan.metrics.collapse import MIN_IMAGES, ClassDiversity, class_diversity

__all__ = ["MIN_IMAGES", "ClassDiversity", "class_diversity"]
