"""Losses and penalties, each kind in a plain dict by its ``kind`` in the configuration. All are stateless."""

from acgan.losses.adversarial import ADVERSARIAL, AdversarialLoss
from acgan.losses.classification import CLASSIFICATION, ClassificationLoss
from acgan.losses.penalties import PENALTIES, Penalty
from acgan.losses.summed import SummedLoss

__all__ = [
    "ADVERSARIAL",
    "CLASSIFICATION",
    "PENALTIES",
    "AdversarialLoss",
    "ClassificationLoss",
    "Penalty",
    "SummedLoss",
]
