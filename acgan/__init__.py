"""acgan: train and sample auxiliary-classifier GANs on any labelled images; classifiers with auxiliary heads.

``acgan.train`` and ``acgan.load_generator`` are what most programs need, and for classifiers
``acgan.train_classifier`` and ``acgan.load_classifier``; networks, heads, losses and configuration are there for
those who build their own. Names are imported when first used, so that ``import acgan`` is light. It sees to it that
``import torchvision`` works beside a CPU build of torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from acgan import _torchvision

__version__ = "0.1.0"

if TYPE_CHECKING:
    from acgan.api import (
        EvaluateOptions,
        TrainResult,
        evaluate_classifier,
        load_results,
        train,
        train_classifier,
    )
    from acgan.api.evaluate import evaluate
    from acgan.assembly import register
    from acgan.config import ClassifierConfig, RunConfig
    from acgan.losses import SummedLoss
    from acgan.models import GENERATORS, TRUNKS, AuxClassifier, AuxHead, Discriminator
    from acgan.predicting import load_classifier
    from acgan.sampling import ClassSampler, load_generator

_HOMES = {
    "AuxClassifier": "acgan.models",
    "AuxHead": "acgan.models",
    "ClassSampler": "acgan.sampling",
    "ClassifierConfig": "acgan.config",
    "Discriminator": "acgan.models",
    "EvaluateOptions": "acgan.api",
    "GENERATORS": "acgan.models",
    "RunConfig": "acgan.config",
    "SummedLoss": "acgan.losses",
    "TRUNKS": "acgan.models",
    "TrainResult": "acgan.api",
    "evaluate": "acgan.api",
    "evaluate_classifier": "acgan.api",
    "load_classifier": "acgan.predicting",
    "load_generator": "acgan.sampling",
    "load_results": "acgan.api",
    "register": "acgan.assembly",
    "train": "acgan.api",
    "train_classifier": "acgan.api",
}

__all__ = [
    "GENERATORS",
    "TRUNKS",
    "AuxClassifier",
    "AuxHead",
    "ClassSampler",
    "ClassifierConfig",
    "Discriminator",
    "EvaluateOptions",
    "RunConfig",
    "SummedLoss",
    "TrainResult",
    "evaluate",
    "evaluate_classifier",
    "load_classifier",
    "load_generator",
    "load_results",
    "register",
    "train",
    "train_classifier",
]

_torchvision.mend_when_imported()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'acgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
