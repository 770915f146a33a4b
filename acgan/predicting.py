"""Prediction of classes by a trained classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from acgan import runtime
from acgan.data.decoding.decode import Target, trained_target
from acgan.models import AuxClassifier
from acgan.parallel import in_order_on
from acgan.signals import StopSignal
from acgan.weights import CLASSIFIER_FILE, ClassifierInfo, holds

_EXTRACTORS = Path(__file__).with_name("extractors")
#: Images in a portion on a GPU.
PREDICTED_AT_ONCE = 250
#: Images in a portion on a CPU, where each core has a portion: no slower than more, and little memory.
PREDICTED_BY_A_CORE = 32


@dataclass(frozen=True)
class Normalisation:
    """Conversion of images in [-1, 1] to the range that a network was trained on.

    Attributes:
        mean: By channel, of images in [0, 1].
        std: By channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W); gray ones become as many channels as there are means."""
        if set(self.mean) | set(self.std) == {0.5}:
            return x
        mean, std = (x.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (x - (2 * mean - 1)) / (2 * std)


class ImageClassifier(nn.Module):
    """A classifier that knows its classes by name.

    Args:
        network: The network; it predicts in eval mode and then returns to its own.
        info: Metadata of its file.
        precision: ``float32``, or ``bf16``, which is faster and less exact.
    """

    def __init__(self, network: AuxClassifier, info: ClassifierInfo, precision: str = "float32"):
        super().__init__()
        self.network = network
        self.info = info
        self.precision = precision
        self._normalise = Normalisation(info.mean, info.std)

    @property
    def class_names(self) -> tuple[str, ...]:
        """K names; a label's index is its class."""
        return self.info.class_names

    @property
    def target(self) -> Target:
        """Form of its training images, to which all images are brought.

        A single image of 28 x 28 is padded to 32 x 32; training pads all images of a set or none.
        """
        info = self.info
        return trained_target(info.resolution, info.channels, info.provenance, pad_28=info.resolution == 32)

    @property
    def portion_size(self) -> int:
        """Number of images that are computed at once."""
        on_cpu = next(self.network.parameters()).device.type == "cpu"
        return PREDICTED_BY_A_CORE if on_cpu else PREDICTED_AT_ONCE

    def logits(self, images: Tensor | np.ndarray, stop: StopSignal | None = None) -> Tensor:
        """Logits (N, K), on the CPU, of images (N, C, H, W) uint8.

        Raises:
            CutShortError: Between portions, if there is the signal to stop.
        """
        return self._over(images, self.network, stop)

    def features(self, images: Tensor | np.ndarray) -> Tensor:
        """Features (N, F) that the main head reads, on the CPU, of images (N, C, H, W) uint8."""
        return self._over(images, self.network.features)

    def features_and_logits(self, images: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
        """Both, (N, F) and (N, K), in one pass."""
        both = self._over(images, lambda x: torch.cat(self.network.features_and_logits(x), dim=1))
        features, logits = both.float().tensor_split([both.shape[1] - len(self.class_names)], dim=1)
        return features, logits

    def head_logits(self, images: Tensor | np.ndarray) -> dict[str, Tensor]:
        """Logits (N, K) of every head by name, on the CPU, of images (N, C, H, W) uint8."""
        names = list(self.network.weights)
        stacked = self._over(images, lambda x: torch.stack(list(self.network.all_logits(x).values()), dim=1))
        return dict(zip(names, stacked.unbind(1), strict=True))

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities (N, K) of images (N, C, H, W) uint8."""
        return self.logits(images).softmax(dim=1)

    @torch.no_grad()
    def _over(
        self,
        images: Tensor | np.ndarray,
        function: Callable[[Tensor], Tensor],
        stop: StopSignal | None = None,
    ) -> Tensor:
        """Results of a function for images, computed in portions.

        The bits of a result may depend on the size of its portion, so that does not depend on the number of cores.
        """
        parameter = next(self.network.parameters())

        def of_portion(portion: Tensor) -> Tensor:
            return function(self._prepare(portion, parameter)).cpu()

        portions = _portions(images, self.portion_size)
        if stop is not None:
            portions = stop.between(portions)
        with _evaluating(self.network), runtime.autocast(self.precision, parameter.device):
            return torch.cat(list(in_order_on(parameter.device, of_portion, portions)))

    def _prepare(self, images: Tensor, like: Tensor) -> Tensor:
        x = images.to(like.device, like.dtype).div_(127.5).sub_(1)
        return self._normalise(x).contiguous(memory_format=torch.channels_last)


def shipped() -> dict[str, Path]:
    """Classifiers that come with acgan by name: fixed extractors of features."""
    return {file.stem: file for file in sorted(_EXTRACTORS.glob("*.safetensors"))}


def find_classifier(path: str | Path) -> Path:
    """Find the classifier file of a run directory, path or shipped extractor.

    A shipped extractor wins over a path of the same name.

    Raises:
        RunError: If there is none.
    """
    if str(path) in shipped() and not holds(CLASSIFIER_FILE, Path(path)):
        return shipped()[str(path)]
    return CLASSIFIER_FILE.find(Path(path))


def load_classifier(path: str | Path, device: str | torch.device = "cpu") -> ImageClassifier:
    """Load a classifier.

    Args:
        path: A ``.safetensors`` file, a run directory, or a shipped extractor's name.
        device: Device to compute on.

    Raises:
        RunError: If there is no classifier, or the file is not one.
    """
    network, info = CLASSIFIER_FILE.read(find_classifier(path))
    network = network.float().eval().requires_grad_(False)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return ImageClassifier(network, info).to(runtime.choose_device(device))


def _portions(images: Tensor | np.ndarray, size: int) -> Iterator[Tensor]:
    for start in range(0, len(images), size):
        part = images[start : start + size]
        yield part if isinstance(part, Tensor) else torch.from_numpy(np.ascontiguousarray(part))


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Eval mode; several threads may be inside if the network was in it before."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        if was_training:
            network.train()
