"""Features of FID's own network: Inception v3 as TensorFlow had it in December 2015, through pytorch-fid."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgan._torchvision import torchvision  # before pytorch_fid, which imports torchvision, too
from acgan.extracting.base import Extracted, float32_on
from acgan.extracting.inception_weights import InceptionWeights, read_inception_weights
from acgan.parallel import in_order_on
from acgan.types import FID_DIMS, INCEPTION_DIMS

_SIDE = 299
#: Images the network sees at once: no slower than more, and little memory.
_PORTION = 16


class InceptionExtractor:
    """Extractor of FID's features (Heusel et al. 2017), equal to pytorch-fid's, and of the Inception score's logits
    (Salimans et al. 2016).

    Images are resized to 299 x 299 by bilinear interpolation without antialiasing, whatever their size. The
    network is pytorch-fid's, but batch normalisation is folded into the convolutions. The logits leave out the bias,
    as TensorFlow's code for the score does ("logits_unbiased").

    Args:
        dims: F, one of ``INCEPTION_DIMS``. Below ``FID_DIMS`` the features are means over an earlier map, and there
            are no logits.
        weights: A state dict's file; None is the hub's cache, which is filled if it is empty.
        device: Device to compute on.
        warn: Receives a warning if the weights are not those of FID's definition.

    Attributes:
        name: Empty for plain FID; else features and weights: ``inception-768@6726825d``.
        dims: F.
        device: Device to compute on.

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
    ):
        if dims not in INCEPTION_DIMS:
            raise ValueError(f"expected one of {INCEPTION_DIMS} features, got {dims}")
        self.dims = dims
        read = read_inception_weights(weights, warn)
        self._sha256 = read.sha256
        plain = read.official and dims == FID_DIMS
        self.name = "" if plain else f"inception-{dims}@{read.sha256[:8]}"
        self.device = torch.device(device)
        self._blocks = _blocks(read, dims).to(self.device)
        self._to_logits = read.tensors["fc.weight"].float().to(self.device) if dims == FID_DIMS else None

    def describe(self) -> dict[str, Any]:
        """Facts that are equal for comparable scores."""
        return {
            "name": self.name,
            "sha256": self._sha256,
            "dims": self.dims,
            "resize": f"{_SIDE} px, bilinear",
            "precision": "float32",
        }

    def __call__(self, images: Tensor | np.ndarray) -> Extracted:
        """Features and logits of images (N, C, H, W) uint8, gray or RGB."""
        x = images if isinstance(images, Tensor) else torch.from_numpy(np.ascontiguousarray(images))
        with float32_on(self.device):
            found = list(in_order_on(self.device, self._of_portion, x.split(_PORTION)))
        features, logits = (torch.cat(parts) for parts in zip(*found, strict=True))
        return Extracted(features, None if self._to_logits is None else logits)

    @torch.inference_mode()
    def _of_portion(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, F) and logits (N, K), K being 0 if there are none, on the CPU."""
        x = images.to(self.device, torch.float32, memory_format=torch.channels_last).div_(255)
        x = F.interpolate(x, size=(_SIDE, _SIDE), mode="bilinear", align_corners=False)
        x = (2 * x - 1).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        for block in self._blocks:
            x = block(x)
        features = F.adaptive_avg_pool2d(x, 1).flatten(1)
        logits = features[:, :0] if self._to_logits is None else features @ self._to_logits.T
        return features.cpu(), logits.cpu()


def _blocks(weights: InceptionWeights, dims: int) -> nn.ModuleList:
    """pytorch-fid's network as far as the features, for inference."""
    from pytorch_fid.inception import InceptionV3

    # It starts from random weights, only to overwrite them.
    with _handed(weights.tensors), torch.random.fork_rng(devices=[]):
        network = InceptionV3([InceptionV3.BLOCK_INDEX_BY_DIM[dims]]).eval()
    for module in network.modules():
        if isinstance(module, torchvision.models.inception.BasicConv2d):
            module.conv = torch.nn.utils.fusion.fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = nn.Identity()
    blocks: nn.ModuleList = network.blocks.to(memory_format=torch.channels_last)
    return blocks


@contextmanager
def _handed(tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Give pytorch-fid these weights; by itself it takes weights only from the hub."""
    from pytorch_fid import inception

    own = inception.load_state_dict_from_url
    inception.load_state_dict_from_url = lambda *args, **kwargs: tensors
    try:
        yield
    finally:
        inception.load_state_dict_from_url = own
