"""Sampling of chosen classes from a generator, files of samples, and samples that are given."""

from acgan.sampling.given import GivenSamples, Samples
from acgan.sampling.sampler import CHUNK, ClassSampler, class_latents, grid, load_generator
from acgan.weights import find_generator

__all__ = [
    "CHUNK",
    "ClassSampler",
    "GivenSamples",
    "Samples",
    "class_latents",
    "find_generator",
    "grid",
    "load_generator",
]
