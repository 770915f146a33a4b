"""Random changes of the images that D sees, and of a classifier's training images."""

from acgan.augment.ada import AdaptiveAugment
from acgan.augment.affine import Augmentation
from acgan.augment.base import DiscriminatorAugmentation
from acgan.augment.diff_augment import DiffAugment

DISCRIMINATOR_AUGMENTATIONS: dict[str, type[DiscriminatorAugmentation]] = {
    "diff_augment": DiffAugment,
    "ada": AdaptiveAugment,
}

__all__ = [
    "DISCRIMINATOR_AUGMENTATIONS",
    "AdaptiveAugment",
    "Augmentation",
    "DiffAugment",
    "DiscriminatorAugmentation",
]
