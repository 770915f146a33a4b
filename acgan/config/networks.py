"""The configuration of the two networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from acgan.config.base import BaseConfig, Positive, Share

_SIDES = (4, 8, 16, 32, 64, 128, 256)


def _sides(value: object) -> tuple[int, ...]:
    sides = value if isinstance(value, (list, tuple)) else [None]
    if not all(type(side) is int and side in _SIDES for side in sides):
        raise ValueError("expected a list of sides of blocks, powers of two from 4 to 256, as in [16]")
    return tuple(sides)


#: Which of them a network's blocks put out is known when it is built.
Sides = Annotated[tuple[int, ...], BeforeValidator(_sides)]


class PaperGeneratorConfig(BaseConfig):
    """The AC-GAN paper's: latent and one-hot label concatenated, transposed convolutions, BatchNorm."""

    kind: Literal["paper"]


class DCGANGeneratorConfig(BaseConfig):
    """DCGAN: latent and label embedding concatenated, 4x4 transposed convolutions, BatchNorm."""

    kind: Literal["dcgan"]
    channels: Positive = 64
    """Feature maps of the last hidden layer; they double with each halving of the side, up to 8 times."""


class ResNetGeneratorConfig(BaseConfig):
    """Residual blocks; class and latent enter every block."""

    kind: Literal["resnet"] = "resnet"
    channels: Positive = 32
    """Feature maps at the side of the patches, resolution / patch; they double with each halving of the side."""
    max_channels: Positive = 128
    """Upper bound of the feature maps of a layer."""
    class_dim: Positive = 64
    """Size of the class embedding."""
    modulation: Literal["norm", "style"] = "norm"
    """How class and latent enter a block: scale and shift of a normalisation, or StyleGAN2's scaled weights."""
    mapping_layers: Annotated[int, Field(ge=0, le=8)] = 0
    """Hidden layers between latent and class and what enters the blocks."""
    attention: Sides = ()
    """Sides at which self-attention follows the block: [16]; [] is none."""
    patch: Literal[1, 2, 4] = 1
    """Pixels a side of the patches the image is painted in: with 2 the blocks end at half the side, and cost less."""


class BaseDiscriminatorConfig(BaseConfig):
    """What every discriminator has."""

    kind: str  # declared here so that it is listed first
    projection: bool = False
    """The adversarial head adds the product of features and a class embedding: the projection discriminator."""

    @property
    def has_batch_norm(self) -> bool:
        """Whether BatchNorm mixes the images of a batch."""
        return False


class PaperDiscriminatorConfig(BaseDiscriminatorConfig):
    """The AC-GAN paper's: six 3x3 convolutions, BatchNorm, LeakyReLU, dropout."""

    kind: Literal["paper"]
    dropout: Share = 0.5
    """Dropout probability after each convolution."""

    @property
    def has_batch_norm(self) -> bool:
        """Always."""
        return True


class DCGANDiscriminatorConfig(BaseDiscriminatorConfig):
    """DCGAN: 4x4 stride-2 convolutions, BatchNorm, LeakyReLU."""

    kind: Literal["dcgan"]
    channels: Positive = 64
    """Feature maps of the first layer; they double with each halving of the side, up to 8 times."""
    spectral_norm: bool = False
    """Spectral normalisation of every layer, in place of BatchNorm."""

    @property
    def has_batch_norm(self) -> bool:
        """Unless spectral normalisation takes its place."""
        return not self.spectral_norm


class ResNetDiscriminatorConfig(BaseDiscriminatorConfig):
    """Residual blocks without normalisation over the batch."""

    kind: Literal["resnet"] = "resnet"
    channels: Positive = 32
    """Feature maps at the side of the patches, resolution / patch; they double with each halving of the side."""
    max_channels: Positive = 128
    """Upper bound of the feature maps of a layer."""
    spectral_norm: bool = False
    """Spectral normalisation of every layer."""
    attention: Sides = ()
    """Sides at which self-attention follows the block: [16]; [] is none."""
    patch: Literal[1, 2, 4] = 1
    """Pixels a side of the patches the image is read in: with 2 the blocks begin at half the side, and cost less."""


GeneratorConfig = Annotated[
    PaperGeneratorConfig | DCGANGeneratorConfig | ResNetGeneratorConfig, Field(discriminator="kind")
]
DiscriminatorConfig = Annotated[
    PaperDiscriminatorConfig | DCGANDiscriminatorConfig | ResNetDiscriminatorConfig,
    Field(discriminator="kind"),
]


class ModelConfig(BaseConfig):
    """The two networks."""

    latent_dim: Positive = 64
    """Size of the latent vector z."""
    generator: GeneratorConfig = ResNetGeneratorConfig()
    """The class-conditional generator."""
    discriminator: DiscriminatorConfig = ResNetDiscriminatorConfig()
    """Trunk, adversarial head and AuxHead."""
