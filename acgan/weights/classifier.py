"""``classifier.safetensors``: the file that holds a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acgan.errors import UnknownKindError, bounded
from acgan.models import BACKBONES, AuxClassifier
from acgan.sides import MAX_SIDE
from acgan.weights.file import WeightsFile


@dataclass(frozen=True)
class ClassifierInfo:
    """Metadata of a classifier file.

    Attributes:
        architecture: ``backbone``, its kind and every keyword of its constructor; the keywords of ``AuxClassifier``.
        class_names: K names.
        channels: Channels of the images, 1 or 3.
        resolution: Side of the images in pixels.
        mean: Mean by channel, subtracted from images in [0, 1].
        std: Deviation by channel, by which they are then divided.
        provenance: Origin of the weights: data, images shown, config, seed, versions, machine.
    """

    architecture: dict[str, Any]
    class_names: tuple[str, ...]
    channels: int
    resolution: int
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.5,)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Gray images also go into a network for RGB.
        taken = self.architecture.get("in_channels", self.channels)
        fits = taken == self.channels or (self.channels, taken) == (1, 3)
        if not 1 <= self.resolution <= MAX_SIDE or not fits:
            raise ValueError(f"images of {self.channels} channels and {self.resolution} px")
        if not all(len(one) in (1, taken) for one in (self.mean, self.std)) or not all(self.std):
            raise ValueError(
                f"mean {bounded(self.mean)} and std {bounded(self.std)} of {self.channels} channels"
            )


def build_classifier(architecture: Mapping[str, Any]) -> AuxClassifier:
    """The network that an architecture describes, with any weights."""
    keywords = dict(architecture)
    backbone = dict(keywords.pop("backbone"))
    kind = backbone.pop("kind")
    if kind not in BACKBONES:
        raise UnknownKindError(kind, BACKBONES)
    network = BACKBONES[kind](**backbone)
    return AuxClassifier(network, **keywords)


CLASSIFIER_FILE: WeightsFile[ClassifierInfo, AuxClassifier] = WeightsFile(
    product="classifier",
    name="classifier.safetensors",
    command="acgan classify train",
    info=ClassifierInfo,
    build=build_classifier,
)
