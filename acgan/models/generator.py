"""Class-conditional generators: (z, y) -> x."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models.attention import add_attention
from acgan.models.base import Generator
from acgan.models.biggan import BigGANGenerator
from acgan.models.blocks import StyleUpBlock, UpBlock, residual_sides
from acgan.models.layers import (
    ConditionalNorm,
    ModulatedConv2d,
    channels_at,
    conv3x3,
    embedded,
    init_dcgan,
    init_subpixels,
    memory_format_of,
)
from acgan.runtime import outside_autocast
from acgan.sides import RESOLUTIONS, map_sides

_MOST_LAYERS = 1000  # a file may ask for any number: building them would not end


class PaperGenerator(Generator):
    """The AC-GAN paper's generator (Odena et al. 2017, appendix A).

    Latent and one-hot label, concatenated, become 4x4 maps through a linear layer and a ReLU; then 5x5 transposed
    convolutions of stride 2 with BatchNorm and ReLU, the last with tanh alone. The CIFAR-10 network serves 32 px, the
    ImageNet network 128 px. The paper's tables name 384 and 768 maps for the linear layer and not their side; three
    and five doublings to 32 and 128 px begin at 4.
    """

    resolutions = (32, 128)
    only_these = "the AC-GAN paper defines no other"
    class_columns = ("project.weight",)
    widths: ClassVar[dict[int, tuple[int, ...]]] = {32: (384, 192, 96), 128: (768, 384, 256, 192, 64)}

    def __init__(self, *, latent_dim: int, num_classes: int, resolution: int, image_channels: int):
        super().__init__(
            latent_dim=latent_dim,
            num_classes=num_classes,
            resolution=resolution,
            image_channels=image_channels,
        )
        first, *rest = self.widths[resolution]
        self.project = nn.Linear(latent_dim + num_classes, first * 16)
        layers: list[nn.Module] = [nn.ReLU()]
        width = first
        for next_width in rest:
            layers += [_up5x5(width, next_width, bias=False), nn.BatchNorm2d(next_width), nn.ReLU()]
            width = next_width
        self.layers = nn.Sequential(*layers, _up5x5(width, image_channels, bias=True), nn.Tanh())
        self.apply(init_dcgan)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        shares = F.one_hot(y, self.num_classes).to(z.dtype) if y.ndim == 1 else y  # (N, K)
        x = self.project(torch.cat((z, shares), dim=1)).unflatten(1, (-1, 4, 4))  # (N, width, 4, 4)
        images: Tensor = self.layers(x)  # (N, C, R, R)
        return images


class DCGANGenerator(Generator):
    """DCGAN's generator (Radford et al. 2016) with a label embedding beside the latent.

    Args:
        channels: Feature maps of the last hidden layer; they double with each halving of the side, up to 8 times.
    """

    resolutions = RESOLUTIONS
    class_rows = ("embed",)

    def __init__(
        self, *, latent_dim: int, num_classes: int, resolution: int, image_channels: int, channels: int
    ):
        super().__init__(
            latent_dim=latent_dim,
            num_classes=num_classes,
            resolution=resolution,
            image_channels=image_channels,
        )
        self.embed = nn.Embedding(num_classes, latent_dim)
        first, *others = map_sides(resolution)[:-1]
        width = channels_at(first, resolution // 2, channels, 8 * channels)
        layers: list[nn.Module] = [nn.ConvTranspose2d(2 * latent_dim, width, first, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        for side in others:
            next_width = channels_at(side, resolution // 2, channels, 8 * channels)
            layers += [nn.ConvTranspose2d(width, next_width, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(next_width), nn.ReLU()]
            width = next_width
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(width, image_channels, 4, 2, 1), nn.Tanh())
        self.apply(init_dcgan)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        condition = torch.cat((z, embedded(self.embed, y)), dim=1)  # (N, 2Z)
        images: Tensor = self.layers(condition[:, :, None, None])  # (N, C, R, R)
        return images


class ResNetGenerator(Generator):
    """Residual generator; class and latent, the condition, enter every block. The first maps have side s, 4 to 7.

    Args:
        channels: Feature maps at side R / ``patch``; they double with each halving of the side.
        max_channels: Largest number of feature maps of a layer.
        class_dim: Size of the class embedding.
        patch: Side in pixels of the patches that are drawn at once, by sub-pixel convolution (Shi et al. 2016): 1, 2
            or 4; an image has at least 8 x 8 of them.
        modulation: ``norm`` is conditional normalisation as in SAGAN and BigGAN (Zhang et al. 2019, Brock et al. 2019),
            with statistics of one image instead of the batch. ``style`` modulates weights as StyleGAN2 (Karras et al.
            2020); latents keep their length, so that truncation works as for ``norm``.
        mapping_layers: Fully connected layers that the condition passes first (Karras et al. 2019); 0 for none.
        attention: Sides of the blocks' outputs that get self-attention, 2 s to R / ``patch`` (Zhang et al. 2019).

    Raises:
        ValueError: If there are too few patches, or no block has a side of ``attention``.
    """

    resolutions = RESOLUTIONS
    class_rows = ("embed",)

    def __init__(
        self,
        *,
        latent_dim: int,
        num_classes: int,
        resolution: int,
        image_channels: int,
        channels: int,
        max_channels: int,
        class_dim: int,
        patch: int,
        modulation: Literal["norm", "style"],
        mapping_layers: int,
        attention: Sequence[int],
    ):
        super().__init__(
            latent_dim=latent_dim,
            num_classes=num_classes,
            resolution=resolution,
            image_channels=image_channels,
        )
        self.patch = patch
        self.modulation = modulation
        sides = residual_sides(resolution, patch)
        widths = {side: channels_at(side, sides[-1], channels, max_channels) for side in sides}
        self.first_side = sides[0]
        condition_dim = latent_dim + class_dim
        self.embed = nn.Embedding(num_classes, class_dim)
        self.mapping = _mapping(condition_dim, mapping_layers)
        self.project = nn.Linear(condition_dim, widths[self.first_side] * self.first_side**2)
        block = {"norm": UpBlock, "style": StyleUpBlock}[modulation]
        self.blocks = nn.ModuleList(block(widths[a], widths[b], condition_dim) for a, b in pairwise(sides))
        width, painted = widths[sides[-1]], image_channels * patch**2
        if modulation == "norm":
            self.norm = ConditionalNorm(width, condition_dim)
            self.to_image: nn.Conv2d | ModulatedConv2d = conv3x3(width, painted)
        else:
            self.to_image = ModulatedConv2d(width, painted, condition_dim, demodulate=False)
            # Demodulation expects maps of mean square 1.
            nn.init.normal_(self.project.weight, std=condition_dim**-0.5)
        init_subpixels(self.to_image.weight, patch)
        add_attention(dict(zip(sides[1:], self.blocks, strict=True)), attention)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        condition = self._condition(z, y)
        x = self.project(condition).unflatten(1, (-1, self.first_side, self.first_side))  # (N, width, s, s)
        x = x.contiguous(memory_format=memory_format_of(self.to_image.weight))
        for block in self.blocks:
            x = block(x, condition)  # the side doubles
        if self.modulation == "norm":
            x = self.to_image(F.leaky_relu(self.norm(x, condition), 0.2))
        else:
            x = self.to_image(x, condition)  # (N, C * patch^2, R / patch, R / patch)
        return torch.tanh(F.pixel_shuffle(x, self.patch))  # (N, C, R, R)

    def _condition(self, z: Tensor, y: Tensor) -> Tensor:
        with outside_autocast(z.device):  # every layer depends on it, and it is small
            condition: Tensor = self.mapping(
                torch.cat((z, embedded(self.embed, y)), dim=1)
            )  # (N, Z + class_dim)
        return condition


def _mapping(condition_dim: int, layers: int) -> nn.Sequential:
    """Fully connected layers with leaky ReLU that keep the mean square."""
    if layers > _MOST_LAYERS:
        raise ValueError(f"found {layers} mapping layers; expected at most {_MOST_LAYERS}")
    mapping = nn.Sequential()
    for _ in range(layers):
        layer = nn.Linear(condition_dim, condition_dim)
        nn.init.kaiming_normal_(layer.weight, a=0.2)
        nn.init.zeros_(layer.bias)
        mapping.extend((layer, nn.LeakyReLU(0.2)))
    return mapping


def _up5x5(in_channels: int, out_channels: int, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(in_channels, out_channels, 5, stride=2, padding=2, output_padding=1, bias=bias)


GENERATORS: dict[str, type[Generator]] = {
    "paper": PaperGenerator,
    "dcgan": DCGANGenerator,
    "resnet": ResNetGenerator,
    "biggan": BigGANGenerator,
}
