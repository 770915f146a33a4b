"""Sampling of chosen classes from a generator, and files of samples."""

from acgan.sampling.sampler import CHUNK, ClassSampler, class_latents, grid, load_generator

__all__ = ["CHUNK", "ClassSampler", "class_latents", "grid", "load_generator"]
