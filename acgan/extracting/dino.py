"""DINOv2's networks for images of 224 px, as FD-DINOv2 has them. D features of a token."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

#: Side of the images that Stein et al. 2023 show DINOv2's networks; their weights are made for 518 px.
DINO_SIDE = 224
_PATCH = 14
_POSITIONS = "pos_embed"
_OF_TRAINING = "mask_token"  # a token that only the training used
_OFFSET = 0.1  # patches, by which DINOv2's own code makes the new grid larger


def is_dino(name: str) -> bool:
    """True for the name of one of DINOv2's networks in timm."""
    return f"patch{_PATCH}" in name and "dinov2" in name


def fitted_tensors(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """A state dict of one of DINOv2's networks, of any side, as the network for images of 224 px has it."""
    kept = {name: tensor for name, tensor in tensors.items() if name != _OF_TRAINING}
    if _POSITIONS in kept and kept[_POSITIONS].ndim == 3:
        kept[_POSITIONS] = positions(kept[_POSITIONS], DINO_SIDE // _PATCH)
    return kept


def positions(embedding: Tensor, side: int) -> Tensor:
    """Position embedding of another grid of patches, by DINOv2's own rule.

    It is resized by bicubic interpolation. DINOv2's models without registers take the new grid for a tenth of a patch
    larger than it is, and do not smooth. Those with registers, whose class token has no position here, take it as it
    is, and smooth.

    Args:
        embedding: (1, S² or 1 + S², D); the class token comes first, if it has a position.
        side: Patches on a side of the new grid.

    Returns:
        (1, side² or 1 + side², D).
    """
    grid = math.isqrt(embedding.shape[1])
    of_class = embedding[:, : embedding.shape[1] - grid**2]
    if grid == side or of_class.shape[1] > 1:  # what is no square is reported as a wrong shape
        return embedding
    old = embedding[:, of_class.shape[1] :].float().reshape(1, grid, grid, -1).movedim(3, 1)  # (1, D, S, S)
    if of_class.shape[1]:
        new = F.interpolate(old, scale_factor=(side + _OFFSET) / grid, mode="bicubic")
    else:
        new = F.interpolate(old, size=(side, side), mode="bicubic", antialias=True)
    return torch.cat((of_class, new.flatten(2).mT.to(of_class.dtype)), dim=1)
