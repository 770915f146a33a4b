"""Layers that the networks are made of."""

from __future__ import annotations

import contextlib
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from acgan.runtime import stateless_dropout


class Dropout(nn.Module):
    """Dropout whose mask a resumed run and a split batch reproduce (see ``acgan.runtime.dropout_draws``).

    Args:
        probability: Of setting an element to zero.
    """

    def __init__(self, probability: float):
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        return stateless_dropout(x, self.probability) if self.training and self.probability else x


class ConditionalNorm(nn.Module):
    """Group normalisation (Wu & He 2018) whose scale and shift are predicted from a condition.

    Statistics are of one image, so samples do not depend on their batch and nothing is learned in running means.

    Args:
        channels: Channels of the feature map; in 8 groups, or as many as divide them evenly.
        condition_dim: Size of the condition.
    """

    def __init__(self, channels: int, condition_dim: int):
        super().__init__()
        self.groups = math.gcd(8, channels)
        self.affine = nn.Linear(condition_dim, 2 * channels)
        nn.init.normal_(self.affine.weight, std=0.5 / math.sqrt(condition_dim))
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.affine(condition)[:, :, None, None].chunk(2, dim=1)  # (N, C, 1, 1) each
        normalised: Tensor = F.group_norm(x, self.groups) * (1 + scale) + shift
        return normalised


class UpBlock(nn.Module):
    """Residual block that doubles the side; the wide convolution runs at the lower one, where it is cheap.

    Pre-activation residual block (He et al. 2016) with conditional normalisation, as in SAGAN and BigGAN.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        condition_dim: Size of the condition of its normalisations.
    """

    def __init__(self, in_channels: int, out_channels: int, condition_dim: int):
        super().__init__()
        self.norm1 = ConditionalNorm(in_channels, condition_dim)
        self.conv1 = conv3x3(in_channels, out_channels)
        self.norm2 = ConditionalNorm(out_channels, condition_dim)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.skip = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.conv1(F.leaky_relu(self.norm1(x, condition), 0.2))  # (N, out, H, W)
        h = F.interpolate(h, scale_factor=2.0)  # (N, out, 2H, 2W)
        h = self.conv2(F.leaky_relu(self.norm2(h, condition), 0.2))
        out: Tensor = F.interpolate(self.skip(x), scale_factor=2.0) + h
        return out


class DownBlock(nn.Module):
    """Residual block that halves the side, without normalisation (Miyato & Koyama 2018, strided).

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv1 = conv3x3(in_channels, in_channels)
        self.conv2 = conv3x3(in_channels, out_channels, stride=2)
        self.skip = nn.Conv2d(in_channels, out_channels, 2, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.leaky_relu(x, 0.2))  # (N, in, H, W)
        h = self.conv2(F.leaky_relu(h, 0.2))  # (N, out, H/2, W/2)
        out: Tensor = (self.skip(x) + h) * math.sqrt(0.5)  # keeps the variance of a sum of two
        return out


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution with He's initialisation, padded to keep the side (or halve it)."""
    conv = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)
    nn.init.kaiming_normal_(conv.weight, a=0.2)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


def init_dcgan(module: nn.Module) -> None:
    """N(0, 0.02) weights and zero biases, as DCGAN (Radford et al. 2016) and the AC-GAN paper; for ``apply``."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
        nn.init.zeros_(module.bias)


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value (Miyato et al. 2018), as a parametrisation.

    Unlike torch's own, it advances its power iteration only when ``advance_spectral_norm`` is called, once a
    step, so that accumulating gradients over micro-batches gives those of the whole batch.

    Args:
        weight: The weight to begin with.
    """

    u: Tensor

    def __init__(self, weight: Tensor):
        super().__init__()
        u = F.normalize(torch.randn(len(weight), dtype=weight.dtype, device=weight.device), dim=0)
        self.register_buffer("u", u)
        for _ in range(15):
            self.advance(weight.detach())

    def advance(self, weight: Tensor) -> None:
        """One power iteration."""
        matrix = weight.flatten(1)
        self.u = F.normalize(matrix @ F.normalize(matrix.T @ self.u, dim=0), dim=0)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):  # a singular value to 8 bits would not do
            matrix = weight.flatten(1)
            v = F.normalize(matrix.detach().T @ self.u, dim=0)
            return weight / torch.dot(self.u, matrix @ v)


def apply_spectral_norm(network: nn.Module) -> None:
    """Normalise the weight of every convolution and linear layer of a network, in place."""
    for layer in list(network.modules()):
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight))


def remove_spectral_norm(network: nn.Module) -> None:
    """Put the normalised weights in place of the parametrised ones: the same function, trained freely from then on."""
    for layer in list(network.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
            # The weight comes back after the bias. Parameters keep the order of a layer that never was normalised:
            # a resumed run builds such a one, and the order of a sum over them decides its last bit.
            layer._parameters["bias"] = layer._parameters.pop("bias")


@torch.no_grad()
def advance_spectral_norm(network: nn.Module) -> None:
    """One power iteration for every spectrally normalised weight: once a step, before the forward passes."""
    for layer in network.modules():
        if isinstance(layer, parametrize.ParametrizationList):
            for parametrization in layer:
                if isinstance(parametrization, SpectralNorm):
                    parametrization.advance(layer.original)


def outside_autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Full precision for what is inside; nothing where autocast is off, so that exported graphs hold no trace of it."""
    if device.type != "meta" and torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return contextlib.nullcontext()


def widen(x: Tensor) -> Tensor:
    """A bfloat16 tensor in float32; any other stays."""
    return x.float() if x.dtype is torch.bfloat16 else x


def has_batch_norm(network: nn.Module) -> bool:
    """Whether a network mixes the images of a batch in BatchNorm."""
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in network.modules())


def channels_at(side: int, resolution: int, channels: int, max_channels: int) -> int:
    """Feature maps at a side: ``channels`` at full resolution, doubling with each halving, bounded."""
    return min(channels * resolution // side, max_channels)
