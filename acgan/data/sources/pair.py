"""Images and labels that are handed over as a pair, as in ``(images, labels)``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

from acgan.errors import DataError


class PairDataset:
    """Map-style dataset of the items of images and labels.

    Args:
        images: N images: an array (N, H, W[, C]), a tensor (N, C, H, W) or a list.
        labels: N labels: an array, a tensor or a list.
    """

    def __init__(self, images: Any, labels: Any):
        self._images, self._labels = images, labels

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._images[index], self._labels[index]


def as_dataset(data: Any, name: str) -> Any:
    """A pair of images and labels as a dataset; anything else as it is.

    Args:
        data: What was handed over.
        name: Its name, for messages.

    Raises:
        DataError: There are not as many labels as images.
    """
    if not isinstance(data, tuple | list) or len(data) != 2 or not _are_images(data[0]):
        return data
    images, labels = data
    if not isinstance(labels, np.ndarray | torch.Tensor | list | tuple) or getattr(labels, "ndim", 1) == 0:
        raise DataError(
            f"{name} is a pair of images and {type(labels).__name__}; expected as many labels as images."
        )
    if len(images) != len(labels):
        raise DataError(
            f"{name} is a pair of {len(images):,} images and {len(labels):,} labels; expected a label for each image."
        )
    return PairDataset(images, labels)


def _are_images(value: Any) -> bool:
    """True for many images; a list that holds an image and its label is an item."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return value.ndim in (3, 4)
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_image, value))


def _is_image(value: Any) -> bool:
    return isinstance(value, Image.Image) or (
        isinstance(value, np.ndarray | torch.Tensor) and value.ndim in (2, 3)
    )
