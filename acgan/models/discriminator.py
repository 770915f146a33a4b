"""The discriminator, a trunk with two heads, and the kinds of trunks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models.attention import add_attention
from acgan.models.base import Trunk
from acgan.models.biggan import BigGANTrunk
from acgan.models.blocks import DownBlock, residual_sides
from acgan.models.heads import AuxHead
from acgan.models.layers import (
    ActivationNoise,
    Dropout,
    apply_spectral_norm,
    channels_at,
    conv3x3,
    init_dcgan,
    init_orthogonal,
    widen,
)
from acgan.runtime import outside_autocast
from acgan.sides import RESOLUTIONS, map_sides
from acgan.types import DiscriminatorOutput


class PaperTrunk(Trunk):
    """The AC-GAN paper's discriminator (Odena et al. 2017, appendix A) up to its last, linear layer.

    The paper searched the standard deviation of "activation noise" and does not say where the noise enters. Here it is
    added to the output of every LeakyReLU, before dropout.

    Args:
        dropout: Probability that an activation is dropped, 0 to 1.
        activation_noise: Standard deviation of the noise on activations; 0 for none.
    """

    resolutions = (32, 128)
    only_these = "the AC-GAN paper defines no other"
    head_std = 0.02
    widths_and_strides: ClassVar = ((16, 2), (32, 1), (64, 2), (128, 1), (256, 2), (512, 1))

    def __init__(self, *, resolution: int, image_channels: int, dropout: float, activation_noise: float):
        super().__init__(resolution=resolution, image_channels=image_channels)
        layers: list[nn.Module] = []
        width = image_channels
        for index, (next_width, stride) in enumerate(self.widths_and_strides):
            has_norm = index > 0
            layers.append(nn.Conv2d(width, next_width, 3, stride, padding=1, bias=not has_norm))
            layers += [nn.BatchNorm2d(next_width)] * has_norm
            layers += [nn.LeakyReLU(0.2), ActivationNoise(activation_noise), Dropout(dropout)]
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
        spectral_norm: Leave BatchNorm out, because ``Discriminator`` applies spectral normalisation.
    """

    resolutions = RESOLUTIONS
    head_std = 0.02

    def __init__(self, *, resolution: int, image_channels: int, channels: int, spectral_norm: bool):
        super().__init__(resolution=resolution, image_channels=image_channels)
        layers: list[nn.Module] = []
        width, next_width = image_channels, channels
        last, *others = map_sides(resolution)
        for side in reversed(others):  # of the layers' inputs
            has_norm = side < resolution and not spectral_norm
            layers.append(nn.Conv2d(width, next_width, 4, 2, 1, bias=not has_norm))
            layers += [nn.BatchNorm2d(next_width)] * has_norm
            layers.append(nn.LeakyReLU(0.2))
            width, next_width = next_width, min(2 * next_width, 8 * channels)
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.feature_dim = width * last**2
        self.apply(init_dcgan)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)  # (N, width * s^2), s the last side, 4 to 7
        return features


class ResNetTrunk(Trunk):
    """Residual trunk without normalisation over the batch; a linear layer reads the whole last maps, of side s, 4 to 7.

    Args:
        channels: Feature maps at side R / ``patch``; they double with each halving of the side.
        max_channels: Largest number of feature maps of a layer; the features are twice those of side s.
        spectral_norm: No effect here; ``Discriminator`` applies spectral normalisation.
        patch: Side in pixels of the patches that are read as channels: 1, 2 or 4; an image has at least 8 x 8 of them
            (the inverse of the sub-pixel convolution of Shi et al. 2016).
        attention: Sides of the blocks' outputs that get self-attention, R / ``patch`` / 2 to s (Zhang et al. 2019).

    Raises:
        ValueError: If there are too few patches, or no block has a side of ``attention``.
    """

    resolutions = RESOLUTIONS

    def __init__(
        self,
        *,
        resolution: int,
        image_channels: int,
        channels: int,
        max_channels: int,
        spectral_norm: bool,
        patch: int,
        attention: Sequence[int],
    ):
        super().__init__(resolution=resolution, image_channels=image_channels)
        self.patch = patch
        sides = residual_sides(resolution, patch)[::-1]
        widths = {side: channels_at(side, sides[0], channels, max_channels) for side in sides}
        self.from_image = conv3x3(image_channels * patch**2, widths[sides[0]])
        self.blocks = nn.Sequential(*(DownBlock(widths[a], widths[b]) for a, b in pairwise(sides)))
        self.feature_dim = 2 * widths[sides[-1]]
        self.project = nn.Linear(widths[sides[-1]] * sides[-1] ** 2, self.feature_dim)
        nn.init.kaiming_normal_(self.project.weight, a=0.2)
        add_attention(dict(zip(sides[1:], self.blocks, strict=True)), attention)

    def forward(self, x: Tensor) -> Tensor:
        h = self.from_image(F.pixel_unshuffle(x, self.patch))  # (N, width, R / patch, R / patch)
        h = self.blocks(h)  # (N, width, s, s)
        # Flattened first: the gradient of leaky ReLU is slow where memory formats differ, as they do behind this line.
        h = self.project(F.leaky_relu(h.flatten(1), 0.2))  # (N, F)
        return F.leaky_relu(h, 0.2)


class Discriminator(nn.Module):
    """A trunk with two heads: real or fake, and which class (Odena et al. 2017).

    With ``projection`` the adversarial logit is w.f + b + e_y.f, e_y an embedding of the class (Miyato & Koyama 2018,
    eq. 3): the projection discriminator, which needs no auxiliary head.

    Args:
        trunk: Computes the features.
        num_classes: K.
        aux_head: The class predictor; None for none.
        adversarial: It has the adversarial head; without it there is no projection either.
        projection: The adversarial head uses the class.
        spectral_norm: All layers, also of the heads, are spectrally normalised.
    """

    class_rows: ClassVar[tuple[str, ...]] = ("embed",)

    def __init__(
        self,
        trunk: Trunk,
        *,
        num_classes: int,
        aux_head: AuxHead | Literal["linear"] | None = "linear",
        adversarial: bool = True,
        projection: bool = False,
        spectral_norm: bool = False,
    ):
        super().__init__()
        assert adversarial or not projection, "a projection is a part of the adversarial logit"
        self.trunk = trunk
        self.adv_head = nn.Linear(trunk.feature_dim, 1) if adversarial else None
        self.aux_head = AuxHead(trunk.feature_dim, num_classes) if aux_head == "linear" else aux_head
        self.embed = nn.Embedding(num_classes, trunk.feature_dim) if projection else None
        if trunk.orthogonal_heads:
            for head in (self.adv_head, self.aux_head, self.embed):
                if head is not None:
                    init_orthogonal(head)
        else:
            self._init_normal(1 / math.sqrt(trunk.feature_dim) if trunk.head_std is None else trunk.head_std)
        if spectral_norm:
            apply_spectral_norm(self)

    def _init_normal(self, std: float) -> None:
        """Draw the heads' first weights from N(0, std)."""
        if self.adv_head is not None:
            nn.init.normal_(self.adv_head.weight, std=std)
            nn.init.zeros_(self.adv_head.bias)
        if self.aux_head is not None:
            self.aux_head.initialise(std)
        if self.embed is not None:
            nn.init.normal_(self.embed.weight, std=std)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images.

        Args:
            x: (N, C, R, R) in [-1, 1].
            y: (N,) labels, needed with ``projection``.

        Returns:
            Logits in float32 or wider, whatever the precision of the trunk.
        """
        features = widen(self.trunk(x))  # (N, F)
        adv = None
        if self.adv_head is not None:
            with outside_autocast(features.device):
                adv = self.adv_head(features).squeeze(1)  # (N,)
                if self.embed is not None:
                    assert y is not None, "a projection discriminator needs labels"
                    adv = adv + (self.embed(y) * features).sum(dim=1)
        aux = None if self.aux_head is None else self.aux_head(features)
        return DiscriminatorOutput(adv=adv, aux=aux, features=features)


TRUNKS: dict[str, type[Trunk]] = {
    "paper": PaperTrunk,
    "dcgan": DCGANTrunk,
    "resnet": ResNetTrunk,
    "biggan": BigGANTrunk,
}
