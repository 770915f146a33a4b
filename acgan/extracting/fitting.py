"""Fitting of images to the size that a network takes, the same way for every origin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from acgan.data.decoding.decode import Target, decode
from acgan.extracting.base import Extractor
from acgan.extracting.classifier import ClassifierExtractor


def target_of(extractor: Extractor) -> Target | None:
    """Form that images are brought to for an extractor; None if it takes any size."""
    if isinstance(extractor, ClassifierExtractor):
        return extractor.classifier.target
    if extractor.size is None:
        return None
    channels, side = extractor.size
    return Target(side, channels, "crop", pad_28=False)


def fitted(images: Tensor | np.ndarray, target: Target | None) -> Tensor:
    """Images of the channels and side that a network takes.

    Args:
        images: (N, C, H, W) uint8, gray or RGB, on the CPU.
        target: Form to bring them to, by the code that decodes training images; None leaves them as they are.

    Returns:
        (N, channels, side, side) uint8; images that fit already are returned unchanged.
    """
    x = images if isinstance(images, Tensor) else torch.from_numpy(np.ascontiguousarray(images))
    if target is None or tuple(x.shape[1:]) == (target.channels, target.resolution, target.resolution):
        return x
    return torch.from_numpy(np.stack([prepared(_picture(image), [target]) for image in x.numpy()]))


def prepared(image: Image.Image, targets: Sequence[Target]) -> np.ndarray:
    """An image (C, R, R) uint8 brought to one target after another; there is at least one."""
    for target in targets:
        pixels = decode(image, target)
        image = _picture(pixels)
    return np.broadcast_to(pixels, (target.channels, *pixels.shape[1:]))


def _picture(pixels: np.ndarray) -> Image.Image:
    """(C, H, W) uint8, of 1 or 3 channels."""
    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, 2)))
