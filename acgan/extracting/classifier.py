"""Features of a classifier trained in classification mode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acgan.atomic import sha256
from acgan.extracting.base import Extracted, float32_on
from acgan.predicting import find_classifier, load_classifier, shipped

#: Images that are so many times wider than a classifier's lose most of what is to be judged.
_FAR_LESS = 4


class ClassifierExtractor:
    """Extractor of the features that a classifier's main head reads, and of its logits.

    Args:
        path: A run directory or file of `acgan classify train`, or a shipped extractor's name.
        device: Device to compute on.

    Raises:
        RunError: If there is no classifier, or the file is not one.
    """

    frechet = "fcd"
    inception_score = "classifier_score"

    def __init__(self, path: str | Path, device: str | torch.device = "cpu"):
        file = find_classifier(path)
        self.classifier = load_classifier(file, device)
        self._sha256 = sha256(file)
        info = self.classifier.info
        known = shipped().get(file.stem) == file
        self.name = f"{file.stem if known else info.provenance.get('data', 'classifier')}@{self._sha256[:8]}"
        probe = np.zeros((1, info.channels, info.resolution, info.resolution), np.uint8)
        self.dims = self(probe).features.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """(channels, side) of the images it takes."""
        return self.classifier.info.channels, self.classifier.info.resolution

    @property
    def device(self) -> torch.device:
        """The device that it computes on."""
        return next(self.classifier.parameters()).device

    @property
    def portion_size(self) -> int:
        """Number of images that it computes at once."""
        return self.classifier.portion_size

    def describe(self) -> dict[str, Any]:
        """Facts that are equal for comparable scores."""
        return {
            "name": self.name,
            "sha256": self._sha256,
            "dims": self.dims,
            "resize": f"{self.size[1]} px, {self.classifier.target.fit}",
            "precision": self.classifier.precision,
        }

    def unlike(self, class_names: Sequence[str], channels: int, side: int) -> list[str]:
        """Properties of images that its training had nothing of, in words that follow its name.

        Args:
            class_names: Classes of the images; none if they are unknown.
            channels: Their channels.
            side: Their side in pixels.
        """
        own_channels, own_side = self.size
        found = []
        if class_names and not set(class_names) & set(self.classifier.class_names):
            found.append("knows none of these classes")
        if own_channels < channels:
            found.append("sees no colours, which these images have")
        if own_side * _FAR_LESS <= side:
            found.append(f"sees {own_side} px of {side}")
        return found

    def __call__(self, images: Tensor | np.ndarray) -> Extracted:
        """Features and logits of images (N, C, H, W) uint8, of the classifier's size."""
        with float32_on(self.device):
            return Extracted(*self.classifier.features_and_logits(images))


def strange_in_words(name: str, unlike: Sequence[str]) -> str:
    """A sentence on a classifier that was made for images of another kind.

    Args:
        name: The classifier's.
        unlike: What its training had nothing of, one at least; see ``ClassifierExtractor.unlike``.
    """
    *others, last = unlike
    what = f"{', '.join(others)} and {last}" if others else last
    return (
        f"Strange judge: the classifier {name} {what}: its scores tell little. One that was trained on these images "
        "tells more."
    )
