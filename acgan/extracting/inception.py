"""Features of FID's own network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acgan.extracting.base import Extracted, by_portions
from acgan.extracting.inception_network import SIDE, InceptionNetwork
from acgan.extracting.inception_weights import read_inception_weights
from acgan.extracting.resizing import WAYS
from acgan.runtime import outside_autocast
from acgan.types import FID_DIMS, INCEPTION_DIMS

#: Images that the network sees at once on a CPU: no slower than more, and little memory.
_BY_A_CORE = 8
_ON_GPU = 64


class InceptionExtractor:
    """Extractor of FID's features (Heusel et al. 2017), equal to pytorch-fid's, and of the Inception score's logits
    (Salimans et al. 2016).

    Images are resized to 299 x 299, whatever their size: by bilinear interpolation without antialiasing, or as
    clean-fid does (Parmar, Zhang, Zhu 2022), which also brings values to -1 to 127 / 128 in place of [-1, 1]. The
    logits leave out the bias, as TensorFlow's code for the score does ("logits_unbiased").

    Args:
        dims: F, one of ``INCEPTION_DIMS``. Below ``FID_DIMS`` the features are means over an earlier map, and there
            are no logits.
        weights: A state dict's file; None is the hub's cache, which is filled if it is empty.
        device: Device to compute on.
        warn: Receives a warning if the weights are not those of FID's definition.
        resize: ``bilinear``, or ``clean`` as clean-fid does.

    Attributes:
        name: Empty for plain FID; else features, another resizing, weights: ``inception-768-clean@6726825d``.
        dims: F.
        device: Device to compute on.
        portion: Number of images that it computes at once.

    Raises:
        RunError: If there are no weights, or they are not of this network.
        ValueError: If ``dims`` is none of them.
    """

    frechet = "fid"
    inception_score = "inception_score"
    size = None

    def __init__(
        self,
        dims: int = FID_DIMS,
        weights: str | Path | None = None,
        device: str | torch.device = "cpu",
        warn: Callable[[str], None] = warnings.warn,
        resize: str = "bilinear",
    ):
        if dims not in INCEPTION_DIMS:
            raise ValueError(f"expected one of {INCEPTION_DIMS} features, got {dims}")
        self.dims, self._resize = dims, resize
        read = read_inception_weights(weights, warn)
        self._sha256 = read.sha256
        plain = read.official and dims == FID_DIMS and resize == "bilinear"
        clean = "-clean" if resize == "clean" else ""
        self.name = "" if plain else f"inception-{dims}{clean}@{read.sha256[:8]}"
        self.device = torch.device(device)
        # The bits of features may depend on it, so it does not depend on the number of cores.
        self.portion_size = _BY_A_CORE if self.device.type == "cpu" else _ON_GPU
        self._network = InceptionNetwork(read.tensors, dims, resize).eval().to(self.device)
        self._to_logits = read.tensors["fc.weight"].float().to(self.device) if dims == FID_DIMS else None

    def describe(self) -> dict[str, Any]:
        """Facts that are equal for comparable scores."""
        return {
            "name": self.name,
            "sha256": self._sha256,
            "dims": self.dims,
            "resize": f"{SIDE} px, {WAYS[self._resize]}",
            "precision": "float32",
        }

    def __call__(self, images: Tensor | np.ndarray) -> Extracted:
        """Features and logits of images (N, C, H, W) uint8, gray or RGB."""
        found = by_portions(images, self.device, self.portion_size, self._of_portion)
        features, logits = (torch.cat(parts) for parts in zip(*found, strict=True))
        return Extracted(features, None if self._to_logits is None else logits)

    @torch.inference_mode()
    def _of_portion(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, F) and logits (N, K), K being 0 if there are none, on the CPU."""
        with outside_autocast(self.device):  # bfloat16 would make other features than pytorch-fid's
            features = self._network(images.to(self.device))
            logits = features[:, :0] if self._to_logits is None else features @ self._to_logits.T
        return features.cpu(), logits.cpu()
