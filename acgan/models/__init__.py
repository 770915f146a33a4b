"""Networks and heads, each family in a plain dict by its ``kind`` in the configuration."""

from collections.abc import Callable

from torch import nn

from acgan.models.backbones import IMAGENET_MEAN, IMAGENET_STD, OWN_AUX, build_torchvision, load_weights
from acgan.models.base import Generator, Trunk
from acgan.models.batch_norm import share_batch_statistics
from acgan.models.classifier import AuxClassifier
from acgan.models.discriminator import TRUNKS, Discriminator
from acgan.models.generator import GENERATORS
from acgan.models.heads import AUX_HEADS, AuxHead
from acgan.models.layers import (
    advance_spectral_norm,
    class_columns,
    class_rows,
    has_batch_norm,
    name_in_state,
    order_matters,
    remove_spectral_norm,
)
from acgan.models.random_layers import draw_by_image
from acgan.models.reach import Reach
from acgan.models.small import SmallNet
from acgan.models.standing import standing_statistics
from acgan.models.state_files import read_state_file

#: Backbones of classifiers by the ``kind`` in their files, each from its keywords.
BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "small": SmallNet,
    "torchvision": build_torchvision,
    **{f"{kind}_trunk": trunk for kind, trunk in TRUNKS.items()},
}

__all__ = [
    "AUX_HEADS",
    "BACKBONES",
    "GENERATORS",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "OWN_AUX",
    "TRUNKS",
    "AuxClassifier",
    "AuxHead",
    "Discriminator",
    "Generator",
    "Reach",
    "SmallNet",
    "Trunk",
    "advance_spectral_norm",
    "build_torchvision",
    "class_columns",
    "class_rows",
    "draw_by_image",
    "has_batch_norm",
    "load_weights",
    "name_in_state",
    "order_matters",
    "read_state_file",
    "remove_spectral_norm",
    "share_batch_statistics",
    "standing_statistics",
]
