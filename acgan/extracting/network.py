"""Features of other networks, timm's and torchvision's, whose weights the user has in a file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acgan.atomic import sha256
from acgan.errors import RunError, UserError, did_you_mean, first_line
from acgan.extracting.base import Extracted, by_portions
from acgan.extracting.dino import DINO_SIDE, fitted_tensors, is_dino
from acgan.extracting.resizing import WAYS, clean_resized
from acgan.extras import optional_package
from acgan.models.backbones import build_torchvision, cut_last_layer, torchvision_names
from acgan.models.state_files import WantedWeights, describe, find_weights, read_state_file
from acgan.runtime import outside_autocast

_BY_A_CORE = 8
_ON_GPU = 64


@dataclass(frozen=True)
class _Built:
    """A network that returns features, and the images that it takes.

    Attributes:
        side: Side of the images in pixels.
        mean: Means of the channels of [0, 1] that are taken off.
        std: Deviations that the rest is divided by.
    """

    network: nn.Module
    side: int
    mean: Sequence[float]
    std: Sequence[float]


class NetworkExtractor:
    """Extractor of the pooled features that a network has before its last layer.

    Images are resized as clean-fid does, to the side that the network was made for, and normalised as for it. DINOv2's
    networks are shown 224 px: so it is the distance that Stein et al. 2023 recommend, FD-DINOv2.

    Args:
        library: ``timm`` or ``torchvision``.
        network: Name of the network there.
        weights: File of its state dict, as ``read_state_file`` takes it; the last layer may have any classes.
        device: Device to compute on.
        say: Receives a remark if the weights were wrapped.

    Attributes:
        name: Library, network and weights: ``timm:vit_small_patch14_dinov2@1a2b3c4d``.
        dims: F.
        device: Device to compute on.
        portion_size: Number of images that it computes at once.

    Raises:
        UserError: If there is no such network or package, or the file does not hold its weights.
    """

    frechet = "fd"
    inception_score = "classifier_score"
    size = None

    def __init__(
        self,
        library: str,
        network: str,
        weights: str | Path,
        device: str | torch.device = "cpu",
        say: Callable[[str], None] = warnings.warn,
    ):
        file = Path(weights)
        if not file.is_file():
            raise RunError(
                f"--weights {file}: no such file; expected a state dict of {network} of {library} (.safetensors, .pth)."
            )
        self._sha256 = sha256(file)
        self.name = f"{library}:{network}@{self._sha256[:8]}"
        built = NETWORKS[library](network, file, say)
        self.device = torch.device(device)
        # The bits of features may depend on it, so it does not depend on the number of cores.
        self.portion_size = _BY_A_CORE if self.device.type == "cpu" else _ON_GPU
        self._network, self._side = built.network.eval().to(self.device), built.side
        # Of values in [0, 255].
        self._mean, self._std = (
            255 * torch.tensor(values, device=self.device)[:, None, None]
            for values in (built.mean, built.std)
        )
        self._normalised = "; ".join(
            f"{what} {' '.join(f'{value:g}' for value in values)}"
            for what, values in (("mean", built.mean), ("deviation", built.std))
        )
        self.dims = self._probed(f"{library}:{network}")

    def describe(self) -> dict[str, Any]:
        """Facts that are equal for comparable scores."""
        return {
            "name": self.name,
            "sha256": self._sha256,
            "dims": self.dims,
            "resize": f"{self._side} px, {WAYS['clean']}; {self._normalised}",
            "precision": "float32",
        }

    def __call__(self, images: Tensor | np.ndarray) -> Extracted:
        """Features of images (N, C, H, W) uint8, gray or RGB, of any size."""
        found = by_portions(images, self.device, self.portion_size, self._of_portion)
        return Extracted(torch.cat(found), None)

    @torch.inference_mode()
    def _of_portion(self, images: Tensor) -> Tensor:
        """Features (N, F), on the CPU."""
        x = clean_resized(images, self._side).to(self.device).expand(-1, 3, -1, -1)  # (N, 3, S, S)
        with outside_autocast(self.device):
            features: Tensor = self._network((x - self._mean) / self._std)
        return features.float().cpu()

    def _probed(self, network: str) -> int:
        """Number of features."""
        try:
            features = self._of_portion(torch.zeros(1, 3, self._side, self._side, dtype=torch.uint8))
        except (RuntimeError, ValueError, AssertionError, AttributeError) as error:
            raise UserError(
                f"--extractor {network}: does not take RGB images of {self._side} px ({first_line(error)}). Choose "
                "another network."
            ) from None
        if features.ndim != 2:
            raise UserError(
                f"--extractor {network}: found an output of shape {tuple(features.shape)}; expected one vector an "
                "image. Choose another network."
            )
        return features.shape[1]


def _of_timm(name: str, file: Path, say: Callable[[str], None]) -> _Built:
    timm = optional_package("timm", "timm", f"--extractor timm:{name}")
    if not timm.is_model(name):
        raise UserError(
            f"--extractor timm:{name}: no network of timm {timm.__version__} (timm.list_models)."
            f"{did_you_mean(name, timm.list_models())}"
        )
    of_dino = is_dino(name)
    side = {"img_size": DINO_SIDE} if of_dino else {}
    network = timm.create_model(name, pretrained=False, num_classes=0, **side)
    with torch.device("meta"):
        whole = timm.create_model(name, pretrained=False, num_classes=1000, **side)
    # More than the last layer may be of no use: LeViT has a BatchNorm before it.
    unused = {key.rpartition(".")[0] for key in whole.state_dict().keys() - network.state_dict().keys()}
    wanted = WantedWeights(name, network.state_dict(), tuple(unused), fitted_tensors if of_dino else dict)
    found = find_weights(read_state_file(file), wanted, str(file))
    network.load_state_dict(dict(found.tensors), strict=False)  # all but counts that old files lack
    if remark := describe(found, name):
        say(f"{file}: {remark}.")
    form = timm.data.resolve_data_config({}, model=network)
    return _Built(network, DINO_SIDE if of_dino else form["input_size"][-1], form["mean"], form["std"])


def _of_torchvision(name: str, file: Path, say: Callable[[str], None]) -> _Built:
    import torchvision

    if name not in torchvision_names():
        raise UserError(
            f"--extractor torchvision:{name}: no classification network of torchvision {torchvision.__version__} "
            f"(torchvision.models.list_models).{did_you_mean(name, torchvision_names())}"
        )
    network = build_torchvision(name, weights=file, say=say)
    form = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    side = form.crop_size[0]
    cut_last_layer(network, torch.zeros(1, 3, side, side))
    return _Built(network, side, form.mean, form.std)


#: Builders of networks by the library that ``--extractor LIBRARY:NAME`` names.
NETWORKS: dict[str, Callable[[str, Path, Callable[[str], None]], _Built]] = {
    "timm": _of_timm,
    "torchvision": _of_torchvision,
}
