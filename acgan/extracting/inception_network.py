"""FID's network for inference: Inception v3 (Szegedy et al. 2016) as TensorFlow had it in December 2015. N images.

It computes what pytorch-fid's does, arranged for speed:

- Batch normalisation is folded into the convolutions, in float64.
- 1x1 convolutions are matrix products, since a pixel is a row in channels-last memory; those of one input are one.
- The mean of neighbours follows its 1x1 convolution, with which it commutes: it has fewer channels then.
- ReLU follows a maximum, with which it commutes, and is computed once for all branches of a block.
- On a CPU the first layers see one image at a time: allocating their maps, the largest, for several takes longer than
  their larger products save.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgan.extracting.resizing import clean_resized
from acgan.types import INCEPTION_DIMS

SIDE = 299
_EPS = 1e-3  # of the batch normalisation

Weights = Mapping[str, Tensor]


class InceptionNetwork(nn.Module):
    """The network as far as the features, which are means over the maps of one of four layers.

    Args:
        weights: State dict of pytorch-fid's network.
        dims: Number of features, one of ``INCEPTION_DIMS``.
        resize: The way to bring images to its size, one of ``RESIZES``.
    """

    def __init__(self, weights: Weights, dims: int, resize: str = "bilinear"):
        super().__init__()
        self._resized = {"bilinear": _bilinear, "clean": _clean}[resize]
        parts = (_stem_64, _stem_192, _mixed_768, _mixed_2048)[: INCEPTION_DIMS.index(dims) + 1]
        self.stem = nn.Sequential(*(part(weights) for part in parts[:2]))
        self.mixed = nn.Sequential(*(part(weights) for part in parts[2:]))

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, F) of images (N, C, H, W) uint8, gray or RGB, of any size."""
        at_once = 1 if images.device.type == "cpu" else len(images)
        x = torch.cat([self.stem(self._resized(part)) for part in images.split(at_once)])
        return F.adaptive_avg_pool2d(self.mixed(x), 1).flatten(1)


def _bilinear(images: Tensor) -> Tensor:
    """(N, 3, 299, 299) float32 in [-1, 1], as pytorch-fid makes them."""
    x = images.to(torch.float32, memory_format=torch.channels_last).div(127.5).sub_(1)
    x = F.interpolate(x, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return _coloured(x)


def _clean(images: Tensor) -> Tensor:
    """(N, 3, 299, 299) float32 from -1 to 127 / 128, as clean-fid makes them."""
    return _coloured(clean_resized(images, SIDE).sub_(128).div_(128))


def _coloured(x: Tensor) -> Tensor:
    return x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def _stem_64(weights: Weights) -> nn.Module:
    """Layers that end with 64 maps of 73 x 73."""
    return nn.Sequential(
        _conv(weights, "Conv2d_1a_3x3", stride=2, padded=False),
        nn.ReLU(inplace=True),
        _conv(weights, "Conv2d_2a_3x3", padded=False),
        nn.ReLU(inplace=True),
        _conv(weights, "Conv2d_2b_3x3"),
        nn.MaxPool2d(3, 2),
        nn.ReLU(inplace=True),
    )


def _stem_192(weights: Weights) -> nn.Module:
    """Layers that end with 192 maps of 35 x 35."""
    return nn.Sequential(
        _conv(weights, "Conv2d_3b_1x1"),
        nn.ReLU(inplace=True),
        _conv(weights, "Conv2d_4a_3x3", padded=False),
        nn.MaxPool2d(3, 2),
        nn.ReLU(inplace=True),
    )


def _mixed_768(weights: Weights) -> nn.Module:
    """Blocks that end with 768 maps of 17 x 17."""
    return nn.Sequential(
        *(_Mixed(weights, f"Mixed_5{letter}", branch5x5=2, branch3x3dbl=3) for letter in "bcd"),
        _Halving(weights, "Mixed_6a", branch3x3=0, branch3x3dbl=3),
        *(_Mixed(weights, f"Mixed_6{letter}", branch7x7=3, branch7x7dbl=5) for letter in "bcde"),
    )


def _mixed_2048(weights: Weights) -> nn.Module:
    """Blocks that end with 2,048 maps of 8 x 8."""
    return nn.Sequential(
        _Halving(weights, "Mixed_7a", branch3x3=2, branch7x7x3=4),
        _Widest(weights, "Mixed_7b", maximum=False),
        # A slip in TensorFlow's network, which FID is defined by: elsewhere it is a mean.
        _Widest(weights, "Mixed_7c", maximum=True),
    )


class _Mixed(nn.Module):
    """A block of 1x1 convolutions of one input, two of which begin a branch, and one of which is averaged.

    Args:
        weights: State dict of the network.
        name: Name of the block.
        branches: Number of convolutions of each branch.
    """

    def __init__(self, weights: Weights, name: str, **branches: int):
        super().__init__()
        firsts = [f"{branch}_1" for branch in branches]
        self.firsts = _Beside(weights, name, "branch1x1", *firsts, "branch_pool")
        self.branches = nn.ModuleList(
            _chain(weights, [f"{name}.{branch}_{number}" for number in range(2, count + 1)])
            for branch, count in branches.items()
        )

    def forward(self, x: Tensor) -> Tensor:
        one, *parts, pooled = self.firsts(x)
        maps = (branch(part.relu()) for branch, part in zip(self.branches, parts, strict=True))
        return torch.cat([one, *maps, _mean_of_neighbours(pooled)], dim=1).relu_()


class _Halving(nn.Module):
    """A block of branches with stride 2 in the end, beside a maximum with stride 2.

    Args:
        weights: State dict of the network.
        name: Name of the block.
        branches: Number of convolutions of each branch; 0 is one, whose name has no number.
    """

    def __init__(self, weights: Weights, name: str, **branches: int):
        super().__init__()
        names = (
            [f"{name}.{branch}_{number}" for number in range(1, count + 1)] or [f"{name}.{branch}"]
            for branch, count in branches.items()
        )
        self.branches = nn.ModuleList(_chain(weights, of_branch, stride=2) for of_branch in names)

    def forward(self, x: Tensor) -> Tensor:
        maps = (branch(x) for branch in self.branches)
        return torch.cat([*maps, F.max_pool2d(x, 3, stride=2)], dim=1).relu_()


class _Widest(nn.Module):
    """A block of 1x1 convolutions of one input, two of which begin a branch that ends in two.

    Args:
        weights: State dict of the network.
        name: Name of the block.
        maximum: Take the maximum of neighbours in place of the mean.
    """

    def __init__(self, weights: Weights, name: str, maximum: bool):
        super().__init__()
        pooled = [] if maximum else ["branch_pool"]
        self.firsts = _Beside(weights, name, "branch1x1", "branch3x3_1", "branch3x3dbl_1", *pooled)
        self.of_maximum = _conv(weights, f"{name}.branch_pool") if maximum else None
        self.second = _conv(weights, f"{name}.branch3x3dbl_2")
        self.ends, self.ends_of_second = (
            nn.ModuleList(_conv(weights, f"{name}.{branch}{letter}") for letter in "ab")
            for branch in ("branch3x3_2", "branch3x3dbl_3")
        )

    def forward(self, x: Tensor) -> Tensor:
        one, threes, doubles, *pooled = self.firsts(x)
        threes, doubles = threes.relu(), self.second(doubles.relu()).relu_()
        if self.of_maximum is None:
            last = _mean_of_neighbours(*pooled)
        else:
            last = self.of_maximum(F.max_pool2d(x, 3, stride=1, padding=1))
        maps = [*(end(threes) for end in self.ends), *(end(doubles) for end in self.ends_of_second)]
        return torch.cat([one, *maps, last], dim=1).relu_()


def _mean_of_neighbours(x: Tensor) -> Tensor:
    """The mean of those neighbours that there are, as TensorFlow's at the border."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _chain(weights: Weights, names: list[str], stride: int = 1) -> nn.Module:
    """Convolutions with ReLU between them; a stride is the last one's, which is not padded then."""
    layers: list[nn.Module] = []
    for name in names[:-1]:
        layers += [_conv(weights, name), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, _conv(weights, names[-1], stride=stride, padded=stride == 1))


class _Beside(nn.Module):
    """1x1 convolutions of one input, as one; their outputs share memory."""

    def __init__(self, weights: Weights, block: str, *names: str):
        super().__init__()
        folded = [_folded(weights, f"{block}.{name}") for name in names]
        self.sizes = [len(bias) for _, bias in folded]
        weight, bias = (torch.cat(values) for values in zip(*folded, strict=True))
        self.conv = _Conv(weight, bias)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = self.conv(x).split(self.sizes, dim=1)
        return parts


class _Conv(nn.Module):
    """A convolution whose output has the size of its input, divided by the stride, if it is padded."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, stride: int = 1, padded: bool = True):
        super().__init__()
        weight = weight.to(torch.float32, memory_format=torch.channels_last)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias.float())
        self.stride = stride
        self.padding = [side // 2 if padded else 0 for side in weight.shape[2:]]

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.shape[2:] == (1, 1):
            return F.linear(x.permute(0, 2, 3, 1), self.weight[:, :, 0, 0], self.bias).permute(0, 3, 1, 2)
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)


def _conv(weights: Weights, name: str, stride: int = 1, padded: bool = True) -> _Conv:
    return _Conv(*_folded(weights, name), stride=stride, padded=padded)


def _folded(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    """Weight and bias, float64, of a convolution and the batch normalisation after it."""
    weight, mean, variance, scale, shift = (
        weights[f"{name}.{key}"].double()
        for key in ("conv.weight", "bn.running_mean", "bn.running_var", "bn.weight", "bn.bias")
    )
    factor = scale / (variance + _EPS).sqrt()
    return weight * factor[:, None, None, None], shift - mean * factor
