"""Residual networks of SNGAN (Miyato & Koyama 2018) and BigGAN (Brock et al. 2019), as PyTorch-StudioGAN has them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models.attention import add_attention
from acgan.models.base import Generator, Trunk
from acgan.models.layers import (
    apply_spectral_norm,
    embedded,
    init_orthogonal,
    memory_format_of,
    widen,
)
from acgan.sides import doubled_sides, map_sides

_EPS = 1e-4  # of every BatchNorm
_ONLY_THESE = "their tables of widths begin at 32 px"


class ConditionalBatchNorm(nn.Module):
    """BatchNorm with gains 1 + A c and biases B c from a condition c (N, D) (Dumoulin et al. 2017; Brock et al. 2019).

    Args:
        channels: C of the maps.
        condition_dim: D.
        of_class: The condition is the class alone, one-hot: A and B are tables of the classes.
    """

    def __init__(self, channels: int, condition_dim: int, of_class: bool):
        super().__init__()
        self.class_columns = ("gain.weight", "bias.weight") if of_class else ()
        self.norm = nn.BatchNorm2d(channels, eps=_EPS, affine=False)
        self.gain = nn.Linear(condition_dim, channels, bias=False)
        self.bias = nn.Linear(condition_dim, channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain, bias = ((f(condition))[:, :, None, None] for f in (self.gain, self.bias))  # (N, C, 1, 1) each
        return torch.addcmul(bias, self.norm(x), 1 + gain)


class BigGANUpBlock(nn.Module):
    """Residual block that doubles the side (Brock et al. 2019, fig. 15b; Miyato & Koyama 2018, fig. 14)."""

    def __init__(self, in_channels: int, out_channels: int, condition_dim: int, of_class: bool):
        super().__init__()
        self.out_channels = out_channels
        self.norm1 = ConditionalBatchNorm(in_channels, condition_dim, of_class)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = ConditionalBatchNorm(out_channels, condition_dim, of_class)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = nn.Conv2d(in_channels, out_channels, 1)
        self.attention: nn.Module = nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = F.interpolate(F.relu(self.norm1(x, condition)), scale_factor=2.0)  # (N, in, 2H, 2W)
        h = self.conv1(h)  # (N, out, 2H, 2W)
        h = self.conv2(F.relu(self.norm2(h, condition)))
        # The 1x1 convolution commutes with the upsampling, and is cheaper before it.
        out: Tensor = self.attention(F.interpolate(self.skip(x), scale_factor=2.0) + h)
        return out


class BigGANGenerator(Generator):
    """BigGAN's generator (Brock et al. 2019, table 4), or SNGAN's; class and latent enter by BatchNorm.

    First weights are orthogonal, biases 0.

    Args:
        channels: Unit of the widths; at 32 px all maps have 4 times as many.
        class_dim: Size of the class embedding that all blocks share; None gives every BatchNorm a table of the classes.
        skip_z: Cut the latent into as many parts as there are blocks and one; each block's condition has a part of
            Z // (blocks + 1) numbers beside the class, and the first layer reads the rest. False: the first layer reads
            all of it, as in SNGAN.
        spectral_norm: Spectral normalisation of every layer but the class embedding.
        attention: Sides of the blocks' outputs that get self-attention.

    Raises:
        ValueError: If no block has a side of ``attention``.
    """

    resolutions = doubled_sides(32, 512)
    only_these = _ONLY_THESE
    class_rows = ("embed",)
    #: Widths of all maps in units of ``channels``, by the number of blocks.
    multiples: ClassVar[dict[int, tuple[int, ...]]] = {
        3: (4, 4, 4, 4),
        4: (16, 8, 4, 2, 1),
        5: (16, 16, 8, 4, 2, 1),
        6: (16, 16, 8, 8, 4, 2, 1),
        7: (16, 16, 8, 8, 4, 2, 1, 1),
    }

    def __init__(
        self,
        *,
        latent_dim: int,
        num_classes: int,
        resolution: int,
        image_channels: int,
        channels: int,
        class_dim: int | None,
        skip_z: bool,
        spectral_norm: bool,
        attention: Sequence[int],
    ):
        super().__init__(
            latent_dim=latent_dim,
            num_classes=num_classes,
            resolution=resolution,
            image_channels=image_channels,
        )
        sides = map_sides(resolution)
        widths = [channels * times for times in self.multiples[len(sides) - 1]]
        self.first_side = sides[0]
        self.embed = None if class_dim is None else nn.Embedding(num_classes, class_dim)
        self.part = latent_dim // len(sides) if skip_z else 0
        own = latent_dim - self.part * (len(sides) - 1)
        condition_dim = self.part + (num_classes if class_dim is None else class_dim)
        self.project = nn.Linear(own, widths[0] * self.first_side**2)
        self.blocks = nn.ModuleList(
            BigGANUpBlock(a, b, condition_dim, class_dim is None) for a, b in pairwise(widths)
        )
        self.norm = nn.BatchNorm2d(widths[-1], eps=_EPS)
        self.to_image = nn.Conv2d(widths[-1], image_channels, 3, padding=1)
        add_attention(dict(zip(sides[1:], self.blocks, strict=True)), attention, pooled=True)
        init_orthogonal(self)
        if spectral_norm:
            apply_spectral_norm(self, spare=(self.embed,))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        of_class, parts = self._of_class(z, y), self._parts(z)
        x = self.project(parts[0]).unflatten(1, (-1, self.first_side, self.first_side))  # (N, width, s, s)
        x = x.contiguous(memory_format=memory_format_of(self.to_image.weight))
        for number, block in enumerate(self.blocks, 1):
            condition = torch.cat((parts[number], of_class), dim=1) if self.part else of_class  # (N, D)
            x = block(x, condition)  # the side doubles
        return torch.tanh(self.to_image(F.relu(self.norm(x))))  # (N, C, R, R)

    def _of_class(self, z: Tensor, y: Tensor) -> Tensor:
        """The classes' part of the condition (N, class_dim), or (N, K)."""
        if self.embed is not None:
            return embedded(self.embed, y)
        return F.one_hot(y, self.num_classes).to(z.dtype) if y.ndim == 1 else y

    def _parts(self, z: Tensor) -> tuple[Tensor, ...]:
        """The latents (N, Z) in parts: for the first layer, and for each block if they have one."""
        if not self.part:
            return (z,)
        blocks = len(self.blocks)
        parts: tuple[Tensor, ...] = z.split(
            [self.latent_dim - blocks * self.part, *[self.part] * blocks], dim=1
        )
        return parts


class BigGANInputBlock(nn.Module):
    """First residual block of the trunk, which halves the side (Miyato & Koyama 2018, fig. 14c)."""

    def __init__(self, in_channels: int, out_channels: int, batch_norm: bool):
        super().__init__()
        self.out_channels = out_channels
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm = _norm(out_channels, batch_norm)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.norm_skip = _norm(in_channels, batch_norm)
        self.skip = nn.Conv2d(in_channels, out_channels, 1)
        self.attention: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(F.relu(self.norm(self.conv1(x))))  # (N, out, H, W)
        skipped = self.skip(self.norm_skip(F.avg_pool2d(x, 2)))  # (N, out, H/2, W/2)
        out: Tensor = self.attention(F.avg_pool2d(h, 2) + skipped)
        return out


class BigGANDownBlock(nn.Module):
    """Residual block of the trunk (Brock et al. 2019, fig. 15c).

    Args:
        in_channels: Feature maps of the input.
        out_channels: Feature maps of the output.
        halve: Halve the side, by average pooling.
        batch_norm: BatchNorm before each ReLU, and in the skip path.
        skip_relu: The skip path reads the input behind the block's first ReLU.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, halve: bool, batch_norm: bool, skip_relu: bool
    ):
        super().__init__()
        self.out_channels = out_channels
        self.halve = halve
        self.skip_relu = skip_relu
        self.norm1 = _norm(in_channels, batch_norm)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = _norm(out_channels, batch_norm)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        has_skip = halve or in_channels != out_channels
        self.norm_skip = _norm(in_channels, batch_norm and has_skip)
        self.skip = nn.Conv2d(in_channels, out_channels, 1) if has_skip else nn.Identity()
        self.attention: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.relu(self.norm1(x)))  # (N, out, H, W)
        h = self.conv2(F.relu(self.norm2(h)))
        skipped = self.norm_skip(F.relu(x) if self.skip_relu else x)
        # The 1x1 convolution commutes with the pooling, and is cheaper behind it.
        h, skipped = (F.avg_pool2d(one, 2) if self.halve else one for one in (h, skipped))
        out: Tensor = self.attention(h + self.skip(skipped))  # (N, out, H/2, W/2) if halved
        return out


class BigGANTrunk(Trunk):
    """BigGAN's discriminator (Brock et al. 2019, table 4), or SNGAN's, up to the sum of the last maps' pixels.

    The side is halved to s, 4 to 7, and at 32 to 56 px to 2 s. First weights are orthogonal, biases 0.

    Args:
        channels: Unit of the widths; at 32 px all maps have twice as many.
        spectral_norm: Leave BatchNorm out, because ``Discriminator`` applies spectral normalisation.
        skip_relu: Without BatchNorm, skip paths read a block's input behind its first ReLU, as in PyTorch-StudioGAN,
            whose ReLU works in place. In BigGAN they read the input itself.
        attention: Sides of the blocks' outputs that get self-attention, behind the first block with such a side.

    Raises:
        ValueError: If no block has a side of ``attention``.
    """

    resolutions = doubled_sides(32, 512)
    only_these = _ONLY_THESE
    orthogonal_heads = True
    #: Widths of the blocks in units of ``channels``, and how many blocks halve the side; by the halvings to s.
    multiples_and_halvings: ClassVar[dict[int, tuple[tuple[int, ...], int]]] = {
        3: ((2, 2, 2, 2), 2),
        4: ((1, 2, 4, 8, 16), 4),
        5: ((1, 2, 4, 8, 16, 16), 5),
        6: ((1, 2, 4, 8, 8, 16, 16), 6),
        7: ((1, 1, 2, 4, 8, 8, 16, 16), 7),
    }

    def __init__(
        self,
        *,
        resolution: int,
        image_channels: int,
        channels: int,
        spectral_norm: bool,
        skip_relu: bool,
        attention: Sequence[int],
    ):
        super().__init__(resolution=resolution, image_channels=image_channels)
        sides = map_sides(resolution)[::-1]
        multiples, halvings = self.multiples_and_halvings[len(sides) - 1]
        widths = [channels * times for times in multiples]
        batch_norm = not spectral_norm
        self.blocks = nn.Sequential(BigGANInputBlock(image_channels, widths[0], batch_norm))
        for number, (a, b) in enumerate(pairwise(widths), 1):
            block = BigGANDownBlock(
                a, b, halve=number < halvings, batch_norm=batch_norm, skip_relu=skip_relu and not batch_norm
            )
            self.blocks.append(block)
        self.feature_dim = widths[-1]
        put_out = zip(sides[1 : halvings + 1], self.blocks, strict=False)  # the later ones keep the last side
        add_attention(dict(put_out), attention, pooled=True)
        init_orthogonal(self)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = widen(F.relu(self.blocks(x))).sum(dim=(2, 3))  # (N, F)
        return features


def _norm(channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=_EPS) if batch_norm else nn.Identity()
