"""The discriminator: a trunk with two heads, and the trunks."""

from __future__ import annotations

import math
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models.heads import AuxHead
from acgan.models.layers import (
    DownBlock,
    Dropout,
    apply_spectral_norm,
    channels_at,
    conv3x3,
    init_dcgan,
    outside_autocast,
    widen,
)
from acgan.types import DiscriminatorOutput


class Trunk(nn.Module):
    """Maps images (N, C, R, R) in [-1, 1] to features (N, F), which both heads read.

    Args:
        resolution: R in pixels, one of ``resolutions``.
        image_channels: C.
    """

    resolutions: ClassVar[tuple[int, ...]]
    #: Standard deviation of the heads' first weights; None keeps the variance of the features.
    head_std: ClassVar[float | None] = None
    feature_dim: int

    def __init__(self, *, resolution: int, image_channels: int):
        super().__init__()
        self.resolution = resolution
        self.image_channels = image_channels


class PaperTrunk(Trunk):
    """The AC-GAN paper's discriminator (Odena et al. 2017, appendix A) up to its last, linear layer.

    Args:
        dropout: Probability after each convolution.
    """

    resolutions = (32, 128)
    head_std = 0.02
    widths_and_strides: ClassVar = ((16, 2), (32, 1), (64, 2), (128, 1), (256, 2), (512, 1))

    def __init__(self, *, resolution: int, image_channels: int, dropout: float):
        super().__init__(resolution=resolution, image_channels=image_channels)
        layers: list[nn.Module] = []
        width = image_channels
        for index, (next_width, stride) in enumerate(self.widths_and_strides):
            has_norm = index > 0
            layers.append(nn.Conv2d(width, next_width, 3, stride, padding=1, bias=not has_norm))
            layers += [nn.BatchNorm2d(next_width)] * has_norm
            layers += [nn.LeakyReLU(0.2), Dropout(dropout)]
            width = next_width
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.feature_dim = width * (resolution // 8) ** 2
        self.apply(init_dcgan)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)  # (N, 512 * (R/8)^2)
        return features


class DCGANTrunk(Trunk):
    """DCGAN's discriminator (Radford et al. 2016) up to its last layer.

    Args:
        channels: Feature maps of the first layer; they double with each halving of the side, up to 8 times.
        spectral_norm: Whether the whole discriminator is spectrally normalised, in place of BatchNorm.
    """

    resolutions = (16, 32, 64, 128, 256)
    head_std = 0.02

    def __init__(self, *, resolution: int, image_channels: int, channels: int, spectral_norm: bool):
        super().__init__(resolution=resolution, image_channels=image_channels)
        layers: list[nn.Module] = []
        width, side, next_width = image_channels, resolution, channels
        while side > 4:
            has_norm = side < resolution and not spectral_norm
            layers.append(nn.Conv2d(width, next_width, 4, 2, 1, bias=not has_norm))
            layers += [nn.BatchNorm2d(next_width)] * has_norm
            layers.append(nn.LeakyReLU(0.2))
            width, side, next_width = next_width, side // 2, min(2 * next_width, 8 * channels)
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.feature_dim = width * 16
        self.apply(init_dcgan)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)  # (N, width * 16)
        return features


class ResNetTrunk(Trunk):
    """Residual trunk without normalisation over the batch; a linear layer reads the last 4x4 maps whole.

    Args:
        channels: Feature maps at full resolution; they double with each halving of the side.
        max_channels: Upper bound of the feature maps of a layer, and half the number of features.
        spectral_norm: Whether the whole discriminator is spectrally normalised.
    """

    resolutions = (16, 32, 64, 128, 256)

    def __init__(
        self, *, resolution: int, image_channels: int, channels: int, max_channels: int, spectral_norm: bool
    ):
        super().__init__(resolution=resolution, image_channels=image_channels)
        width = channels_at(resolution, resolution, channels, max_channels)
        self.from_image = conv3x3(image_channels, width)
        self.blocks = nn.Sequential()
        side = resolution
        while side > 4:
            side //= 2
            next_width = channels_at(side, resolution, channels, max_channels)
            self.blocks.append(DownBlock(width, next_width))
            width = next_width
        self.feature_dim = 2 * width
        self.project = nn.Linear(width * 16, self.feature_dim)
        nn.init.kaiming_normal_(self.project.weight, a=0.2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.blocks(self.from_image(x))  # (N, width, 4, 4)
        h = self.project(F.leaky_relu(h, 0.2).flatten(1))  # (N, F)
        return F.leaky_relu(h, 0.2)


class Discriminator(nn.Module):
    """A trunk with two heads: real or fake, and which class (Odena et al. 2017).

    Args:
        trunk: Features of images.
        num_classes: K.
        spectral_norm: Whether every layer, the heads' too, is spectrally normalised.
    """

    def __init__(self, trunk: Trunk, *, num_classes: int, spectral_norm: bool = False):
        super().__init__()
        self.trunk = trunk
        self.adv_head = nn.Linear(trunk.feature_dim, 1)
        self.aux_head = AuxHead(trunk.feature_dim, num_classes)
        std = 1 / math.sqrt(trunk.feature_dim) if trunk.head_std is None else trunk.head_std
        for head in (self.adv_head, self.aux_head.classify):
            nn.init.normal_(head.weight, std=std)
            nn.init.zeros_(head.bias)
        if spectral_norm:
            apply_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images.

        Args:
            x: (N, C, R, R) in [-1, 1].
            y: (N,) labels, for adversarial heads that look at the class; the plain head does not.

        Returns:
            Logits in float32 or wider, whatever the precision of the trunk.
        """
        features = widen(self.trunk(x))  # (N, F)
        with outside_autocast(features.device):
            adv = self.adv_head(features).squeeze(1)  # (N,)
        aux = self.aux_head(features)  # logits (N, K)
        return DiscriminatorOutput(adv=adv, aux=aux, features=features)


TRUNKS: dict[str, type[Trunk]] = {"paper": PaperTrunk, "dcgan": DCGANTrunk, "resnet": ResNetTrunk}
