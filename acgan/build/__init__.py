"""From a configuration to objects: the only place that knows both."""

from acgan.build.classifier import build_classification
from acgan.build.feed import build_feed, data_keywords
from acgan.build.gan import architecture, build_discriminator, build_gan, build_generator, build_objective
from acgan.build.score import build_score_extractor, choose_score

__all__ = [
    "architecture",
    "build_classification",
    "build_discriminator",
    "build_feed",
    "build_gan",
    "build_generator",
    "build_objective",
    "build_score_extractor",
    "choose_score",
    "data_keywords",
]
