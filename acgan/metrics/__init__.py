"""Measures of generated images and of classifiers. Import each from its own module.

This file imports nothing, so that ``acgan.metrics.catalogue`` loads without torch.
"""
