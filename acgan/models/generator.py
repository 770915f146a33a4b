"""Class-conditional generators: (z, y) -> x."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models.layers import ConditionalNorm, UpBlock, channels_at, conv3x3, init_dcgan


class Generator(nn.Module):
    """Maps latents z (N, Z) and labels y (N,) to images (N, C, R, R) in [-1, 1].

    Args:
        latent_dim: Z.
        num_classes: K.
        resolution: R in pixels, one of ``resolutions``.
        image_channels: C.
    """

    resolutions: ClassVar[tuple[int, ...]]
    #: Weights whose last K columns belong to the classes.
    class_columns: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, latent_dim: int, num_classes: int, resolution: int, image_channels: int):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.resolution = resolution
        self.image_channels = image_channels


class PaperGenerator(Generator):
    """The AC-GAN paper's generator (Odena et al. 2017, appendix A).

    Latent and one-hot label, concatenated, become 4x4 maps through a linear layer; then 5x5 transposed
    convolutions of stride 2 with BatchNorm and ReLU, tanh at the end. For 32 px the CIFAR-10 network, for 128 px
    the ImageNet one.
    """

    resolutions = (32, 128)
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
        layers: list[nn.Module] = [nn.BatchNorm2d(first), nn.ReLU()]
        width = first
        for next_width in rest:
            layers += [_up5x5(width, next_width, bias=False), nn.BatchNorm2d(next_width), nn.ReLU()]
            width = next_width
        self.layers = nn.Sequential(*layers, _up5x5(width, image_channels, bias=True), nn.Tanh())
        self.apply(init_dcgan)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        one_hot = F.one_hot(y, self.num_classes).to(z.dtype)  # (N, K)
        x = self.project(torch.cat((z, one_hot), dim=1)).unflatten(1, (-1, 4, 4))  # (N, width, 4, 4)
        images: Tensor = self.layers(x)  # (N, C, R, R)
        return images


class DCGANGenerator(Generator):
    """DCGAN's generator (Radford et al. 2016) with a label embedding beside the latent.

    Args:
        channels: Feature maps of the last hidden layer; they double with each halving of the side, up to 8 times.
    """

    resolutions = (16, 32, 64, 128, 256)

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
        side = 4
        width = channels_at(side, resolution // 2, channels, 8 * channels)
        layers: list[nn.Module] = [nn.ConvTranspose2d(2 * latent_dim, width, 4, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        while side < resolution // 2:
            side *= 2
            next_width = channels_at(side, resolution // 2, channels, 8 * channels)
            layers += [nn.ConvTranspose2d(width, next_width, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(next_width), nn.ReLU()]
            width = next_width
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(width, image_channels, 4, 2, 1), nn.Tanh())
        self.apply(init_dcgan)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        condition = torch.cat((z, self.embed(y)), dim=1)  # (N, 2Z)
        images: Tensor = self.layers(condition[:, :, None, None])  # (N, C, R, R)
        return images


class ResNetGenerator(Generator):
    """Residual generator; class and latent enter every block through conditional normalisation.

    The scheme of SAGAN and BigGAN (Zhang et al. 2019, Brock et al. 2019), with statistics of one image in place
    of those of the batch.

    Args:
        channels: Feature maps at full resolution; they double with each halving of the side.
        max_channels: Upper bound of the feature maps of a layer.
        class_dim: Size of the class embedding.
    """

    resolutions = (16, 32, 64, 128, 256)

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
    ):
        super().__init__(
            latent_dim=latent_dim,
            num_classes=num_classes,
            resolution=resolution,
            image_channels=image_channels,
        )
        condition_dim = latent_dim + class_dim
        self.embed = nn.Embedding(num_classes, class_dim)
        width = channels_at(4, resolution, channels, max_channels)
        self.project = nn.Linear(condition_dim, width * 16)
        self.blocks = nn.ModuleList()
        side = 4
        while side < resolution:
            side *= 2
            next_width = channels_at(side, resolution, channels, max_channels)
            self.blocks.append(UpBlock(width, next_width, condition_dim))
            width = next_width
        self.norm = ConditionalNorm(width, condition_dim)
        self.to_image = conv3x3(width, image_channels)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        condition = torch.cat((z, self.embed(y)), dim=1)  # (N, Z + class_dim)
        x = self.project(condition).unflatten(1, (-1, 4, 4))  # (N, width, 4, 4)
        for block in self.blocks:
            x = block(x, condition)  # the side doubles
        x = F.leaky_relu(self.norm(x, condition), 0.2)
        return torch.tanh(self.to_image(x))  # (N, C, R, R)


def _up5x5(in_channels: int, out_channels: int, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(in_channels, out_channels, 5, stride=2, padding=2, output_padding=1, bias=bias)


GENERATORS: dict[str, type[Generator]] = {
    "paper": PaperGenerator,
    "dcgan": DCGANGenerator,
    "resnet": ResNetGenerator,
}
