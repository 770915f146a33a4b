"""Images of chosen classes from a generator, and their files."""

from acgan.sampling.sampler import CHUNK, ClassSampler, class_latents, grid, load_generator

__all__ = ["CHUNK", "ClassSampler", "class_latents", "grid", "load_generator"]
