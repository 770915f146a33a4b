"""Losses and penalties, each kind in a plain dict by its ``kind`` in the configuration. All are stateless."""

from acgan.losses.adversarial import ADVERSARIAL, AdversarialLoss
from acgan.losses.classification import (
    ClassificationLoss,
    CrossEntropy,
    DiscriminativeAuxiliary,
    TwinAuxiliary,
)
from acgan.losses.data_to_data import DataToData
from acgan.losses.penalties import PENALTIES, ImageDraws, Penalty, gradient_of
from acgan.losses.summed import SummedLoss

CLASSIFICATION: dict[str, type[ClassificationLoss]] = {
    "cross_entropy": CrossEntropy,
    "tac": TwinAuxiliary,
    "adc": DiscriminativeAuxiliary,
    "d2d_ce": DataToData,
}

__all__ = [
    "ADVERSARIAL",
    "CLASSIFICATION",
    "PENALTIES",
    "AdversarialLoss",
    "ClassificationLoss",
    "ImageDraws",
    "Penalty",
    "SummedLoss",
    "gradient_of",
]
