"""The configuration of the two networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from acgan.config.base import BaseConfig, Kinds, NonNegative, Share, Width
from acgan.sides import DOUBLED, MAP_SIDES


def _sides(value: object) -> tuple[int, ...]:
    sides = value if isinstance(value, (list, tuple)) else [None]
    if not all(type(side) is int and side in MAP_SIDES for side in sides):
        raise ValueError(
            f"expected a list of sides of blocks up to {MAP_SIDES[-1]}, each {DOUBLED}, as in [16]"
        )
    return tuple(sides)


#: Sides of blocks; the network checks when it is built that it has such blocks.
Sides = Annotated[tuple[int, ...], BeforeValidator(_sides)]


class PaperGeneratorConfig(BaseConfig):
    """The AC-GAN paper's generator: latent and one-hot label concatenated, transposed convolutions, BatchNorm."""

    kind: Literal["paper"]


class DCGANGeneratorConfig(BaseConfig):
    """DCGAN: latent and label embedding concatenated, 4x4 transposed convolutions, BatchNorm."""

    kind: Literal["dcgan"]
    channels: Width = 64
    """Feature maps of the last hidden layer; they double with each halving of the side, up to 8 times."""


class ResNetGeneratorConfig(BaseConfig):
    """Residual blocks; class and latent modulate every block."""

    kind: Literal["resnet"] = "resnet"
    channels: Width = 32
    """Feature maps at the finest side, resolution / patch; they double with each halving of the side."""
    max_channels: Width = 128
    """Largest number of feature maps of a layer."""
    class_dim: Width = 64
    """Size of the class embedding."""
    modulation: Literal["norm", "style"] = "norm"
    """Class and latent in a block: norm scales and shifts a normalisation; style scales weights, as StyleGAN2."""
    mapping_layers: Annotated[int, Field(ge=0, le=8)] = 0
    """Layers that latent and class pass before they enter the blocks, as StyleGAN's mapping network; 0 for none."""
    attention: Sides = ()
    """Sides of feature maps at which self-attention is added, such as [16]; [] for none."""
    patch: Literal[1, 2, 4] = 1
    """Side of the pixel patches that the image is drawn in; with 2 the blocks end at half the side and cost less."""


class BaseDiscriminatorConfig(BaseConfig):
    """A discriminator: its kind, and the keys of every kind."""

    kind: str  # declared here so that it is listed first
    projection: bool = False
    """Add the product of features and a class embedding to the adversarial logit: the projection discriminator."""

    @property
    def has_batch_norm(self) -> bool:
        """True if BatchNorm mixes the images of a batch."""
        return False

    @classmethod
    def part_keys(cls) -> set[str]:
        return super().part_keys() - {"projection"}


class PaperDiscriminatorConfig(BaseDiscriminatorConfig):
    """The AC-GAN paper's discriminator: six 3x3 convolutions, BatchNorm, LeakyReLU, dropout."""

    kind: Literal["paper"]
    dropout: Share = 0.5
    """Dropout probability after each convolution."""
    activation_noise: NonNegative = 0.0
    """Standard deviation of normal noise on the output of each LeakyReLU, in training; the paper tried 0, 0.1, 0.2."""

    @property
    def has_batch_norm(self) -> bool:
        return True


class DCGANDiscriminatorConfig(BaseDiscriminatorConfig):
    """DCGAN: 4x4 stride-2 convolutions, BatchNorm, LeakyReLU."""

    kind: Literal["dcgan"]
    channels: Width = 64
    """Feature maps of the first layer; they double with each halving of the side, up to 8 times."""
    spectral_norm: bool = False
    """Spectral normalisation of every layer in place of BatchNorm."""

    @property
    def has_batch_norm(self) -> bool:
        return not self.spectral_norm


class ResNetDiscriminatorConfig(BaseDiscriminatorConfig):
    """Residual blocks without BatchNorm."""

    kind: Literal["resnet"] = "resnet"
    channels: Width = 32
    """Feature maps at the finest side, resolution / patch; they double with each halving of the side."""
    max_channels: Width = 128
    """Largest number of feature maps of a layer."""
    spectral_norm: bool = False
    """Spectral normalisation of every layer."""
    attention: Sides = ()
    """Sides of feature maps at which self-attention is added, such as [16]; [] for none."""
    patch: Literal[1, 2, 4] = 1
    """Side of the pixel patches that the image is read in; with 2 the blocks start at half the side and cost less."""


class BigGANGeneratorConfig(BaseConfig):
    """BigGAN's residual blocks with conditional BatchNorm, or SNGAN's, as PyTorch-StudioGAN has them."""

    kind: Literal["biggan"]
    channels: Width = 64
    """Unit of the widths: at 32 px all maps have 4 times as many, else those of the last block have as many."""
    class_dim: Width | None = 128
    """Size of the class embedding that all blocks share; null: a table of the classes in every BatchNorm, as SNGAN."""
    skip_z: bool = True
    """Give every block a part of the latent, and the first layer the rest; false: all to the first layer, as SNGAN."""
    spectral_norm: bool = True
    """Spectral normalisation of every layer but the class embedding."""
    attention: Sides = ()
    """Sides of feature maps at which self-attention is added, such as [16]; [] for none."""


class BigGANDiscriminatorConfig(BaseDiscriminatorConfig):
    """BigGAN's residual blocks, or SNGAN's, and the sum of the last maps' pixels, as PyTorch-StudioGAN has them."""

    kind: Literal["biggan"]
    channels: Width = 64
    """Unit of the widths: at 32 px all maps have twice as many, else those of the first block have as many."""
    spectral_norm: bool = True
    """Spectral normalisation of every layer in place of BatchNorm."""
    skip_relu: bool = False
    """Skip paths without BatchNorm begin behind the block's first ReLU, as in PyTorch-StudioGAN; false: before it."""
    attention: Sides = ()
    """Sides of feature maps at which self-attention is added, such as [16]; [] for none."""

    @property
    def has_batch_norm(self) -> bool:
        return not self.spectral_norm


_Generator = PaperGeneratorConfig | DCGANGeneratorConfig | ResNetGeneratorConfig | BigGANGeneratorConfig
GENERATOR_KINDS = Kinds(_Generator)
_Discriminator = (
    PaperDiscriminatorConfig
    | DCGANDiscriminatorConfig
    | ResNetDiscriminatorConfig
    | BigGANDiscriminatorConfig
)
DISCRIMINATOR_KINDS = Kinds(_Discriminator)


class ModelConfig(BaseConfig):
    """The two networks."""

    latent_dim: Width = 64
    """Size of the latent vector z."""
    generator: Annotated[_Generator, GENERATOR_KINDS] = ResNetGeneratorConfig()
    """The class-conditional generator."""
    discriminator: Annotated[_Discriminator, DISCRIMINATOR_KINDS] = ResNetDiscriminatorConfig()
    """The discriminator: a trunk with an adversarial head and an AuxHead for the class."""
    starter: bool = False
    """Start G and D from shipped weights, trained on photographs of 64 px, where both networks fit them."""
