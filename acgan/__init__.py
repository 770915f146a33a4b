"""acgan: train and sample auxiliary-classifier GANs on any labelled images.

``acgan.train`` and ``acgan.load_generator`` are what most programs need; networks, heads and configuration are
there for those who build their own. Names are imported when first used, so that ``import acgan`` is light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from acgan.api import TrainResult, train
    from acgan.config import RunConfig
    from acgan.models import GENERATORS, TRUNKS, AuxHead, Discriminator
    from acgan.sampling import ClassSampler, load_generator

_HOMES = {
    "AuxHead": "acgan.models",
    "ClassSampler": "acgan.sampling",
    "Discriminator": "acgan.models",
    "GENERATORS": "acgan.models",
    "RunConfig": "acgan.config",
    "TRUNKS": "acgan.models",
    "TrainResult": "acgan.api",
    "load_generator": "acgan.sampling",
    "train": "acgan.api",
}

__all__ = [
    "GENERATORS",
    "TRUNKS",
    "AuxHead",
    "ClassSampler",
    "Discriminator",
    "RunConfig",
    "TrainResult",
    "load_generator",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'acgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
