"""Builders of objects from a configuration: the only place that knows both."""

from acgan.assembly import register
from acgan.assembly.classifier import build_classifier_task
from acgan.assembly.feed import build_feed
from acgan.assembly.gan import architecture, build_discriminator, build_gan, build_generator, build_objective
from acgan.assembly.images import data_options
from acgan.assembly.score import build_monitor, build_score, build_score_extractor, choose_score

__all__ = [
    "architecture",
    "build_classifier_task",
    "build_discriminator",
    "build_feed",
    "build_gan",
    "build_generator",
    "build_monitor",
    "build_objective",
    "build_score",
    "build_score_extractor",
    "choose_score",
    "data_options",
    "register",
]
