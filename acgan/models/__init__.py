"""Networks and heads, each family in a plain dict by its ``kind`` in the configuration."""

from acgan.models.discriminator import TRUNKS, Discriminator, Trunk
from acgan.models.generator import GENERATORS, Generator
from acgan.models.heads import AuxHead
from acgan.models.layers import advance_spectral_norm, has_batch_norm

__all__ = [
    "GENERATORS",
    "TRUNKS",
    "AuxHead",
    "Discriminator",
    "Generator",
    "Trunk",
    "advance_spectral_norm",
    "has_batch_norm",
]
