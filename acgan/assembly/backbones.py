"""Backbones of classifiers: their descriptions for files, and their first weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from acgan.assembly.gan import build_discriminator, check_resolution
from acgan.config import ClassifierConfig, RunConfig, load
from acgan.errors import ConfigError, RunError
from acgan.models import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    OWN_AUX,
    TRUNKS,
    AuxHead,
    Discriminator,
    build_torchvision,
    remove_spectral_norm,
)
from acgan.training.checkpoint import read_latest
from acgan.types import ImageStore
from acgan.weights import find_generator, read_generator


class Backbone(ABC):
    """A kind of backbone, from its section of the configuration and the training images."""

    #: Layers with auxiliary heads and the weights of their losses, if the configuration names none.
    own_aux: Mapping[str, float]
    in_channels: int

    def __init__(self, settings: Any, store: ImageStore):
        self.settings, self.store = settings, store
        self.own_aux, self.in_channels = {}, store.channels

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Its kind in ``acgan.models.BACKBONES`` and every keyword of its constructor."""

    def normalisation(self) -> dict[str, Any]:
        """``mean`` and ``std`` of the images that its first weights expect; empty for the defaults."""
        return {}

    def start(self, dropout: float, say: Callable[[str], None]) -> tuple[nn.Module | None, AuxHead | None]:
        """A network and a main head with trained weights; None for each that starts with random weights.

        ``dropout`` is the dropout probability of the main head. ``say`` is called with a remark on the weights.
        """
        return None, None


class _Small(Backbone):
    def describe(self) -> dict[str, Any]:
        return {
            "kind": "small",
            "image_channels": self.store.channels,
            "resolution": self.store.resolution,
            "channels": self.settings.channels,
        }


class _Torchvision(Backbone):
    def __init__(self, settings: Any, store: ImageStore):
        super().__init__(settings, store)
        self.own_aux, self.in_channels = OWN_AUX.get(settings.name, {}), 3
        self._pretrained = settings.pretrained or settings.weights is not None

    def describe(self) -> dict[str, Any]:
        name = self.settings.name
        described = {"kind": "torchvision", "name": name, "image_size": self.store.resolution}
        return {**described, "transform_input": self._pretrained} if name in OWN_AUX else described

    def normalisation(self) -> dict[str, Any]:
        return {"mean": IMAGENET_MEAN, "std": IMAGENET_STD} if self._pretrained else {}

    def start(self, dropout: float, say: Callable[[str], None]) -> tuple[nn.Module | None, AuxHead | None]:
        if not self._pretrained:
            return None, None
        size, weights = self.store.resolution, self.settings.weights
        network = build_torchvision(
            self.settings.name, image_size=size, pretrained=True, weights=weights, say=say
        )
        return network, None


class _DiscriminatorTrunk(Backbone):
    def describe(self) -> dict[str, Any]:
        discriminator = _run_config(Path(self.settings.run)).model.discriminator
        trunk = discriminator.model_dump(mode="json", exclude={"projection"})
        kind = trunk.pop("kind")
        if not self.settings.trained:  # trained weights are for one side, which ``start`` checks
            where = f"model.backbone.run {self.settings.run}: its trunk {kind}"
            check_resolution(where, TRUNKS[kind], self.store)
        return {
            "kind": f"{kind}_trunk",
            "image_channels": self.store.channels,
            "resolution": self.store.resolution,
            **trunk,
        }

    def start(self, dropout: float, say: Callable[[str], None]) -> tuple[nn.Module | None, AuxHead | None]:
        if not self.settings.trained:
            return None, None
        discriminator, class_names = read_discriminator(Path(self.settings.run))
        _check_fits(discriminator, self.store, self.settings.run)
        head = discriminator.aux_head
        if head is None or dropout or class_names != self.store.class_names:
            return discriminator.trunk, None
        return discriminator.trunk, head.as_classifier()


_KINDS: dict[str, type[Backbone]] = {
    "small": _Small,
    "torchvision": _Torchvision,
    "discriminator": _DiscriminatorTrunk,
}


def backbone_of(config: ClassifierConfig, store: ImageStore) -> Backbone:
    """The configured backbone."""
    return _KINDS[config.model.backbone.kind](config.model.backbone, store)


def read_discriminator(run: Path) -> tuple[Discriminator, tuple[str, ...]]:
    """The discriminator of a run's last checkpoint, without spectral normalisation, and its class names.

    Raises:
        RunError: If the run has no checkpoint.
    """
    config = _run_config(run)
    payload = read_latest(run / "checkpoints", lambda message: None)
    if payload is None:
        raise RunError(f"{run}: no checkpoint in it, and so no discriminator. Train it on.")
    architecture = read_generator(find_generator(run))[1].architecture
    names, side = tuple(payload["meta"]["class_names"]), architecture["resolution"]
    no_images = np.empty((0, architecture["image_channels"], side, side), np.uint8)
    empty = ImageStore(no_images, np.empty(0, np.int64), names, "")
    discriminator = build_discriminator(config, empty)
    discriminator.load_state_dict(payload["state"]["discriminator"])
    remove_spectral_norm(discriminator)
    return discriminator, names


def _run_config(run: Path) -> RunConfig:
    file = run / "config.yaml"
    if not file.is_file():
        raise RunError(f"{run}: no config.yaml in it; expected a run directory of `acgan train`.")
    return load(RunConfig, file)


def _check_fits(discriminator: Discriminator, store: ImageStore, run: str) -> None:
    trunk = discriminator.trunk
    if (trunk.image_channels, trunk.resolution) != (store.channels, store.resolution):
        raise ConfigError(
            f"model.backbone.run {run}: its discriminator takes {trunk.image_channels} x {trunk.resolution} px, the "
            f"images are {store.channels} x {store.resolution} px; set data.resolution and data.channels."
        )
