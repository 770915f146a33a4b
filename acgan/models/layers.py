"""Layers of the networks, and functions on all layers of a network."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils import parametrize

from acgan.runtime import outside_autocast, stateless_dropout, stateless_noise


class Dropout(nn.Module):
    """Dropout whose mask a resumed run and a split batch reproduce (see ``acgan.runtime.layer_draws``)."""

    def __init__(self, probability: float):
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        return stateless_dropout(x, self.probability) if self.training and self.probability else x


class ActivationNoise(nn.Module):
    """Normal noise of standard deviation ``std``, added in training; a resumed run and a split batch reproduce it."""

    def __init__(self, std: float):
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return stateless_noise(x, self.std) if self.training and self.std else x


class ConditionalNorm(nn.Module):
    """Group normalisation (Wu & He 2018) whose scale and shift are predicted from a condition.

    Statistics are of one image, so samples do not depend on their batch and there are no running means. There are 8
    groups of channels, or fewer if 8 does not divide their number.
    """

    def __init__(self, channels: int, condition_dim: int):
        super().__init__()
        self.groups = math.gcd(8, channels)
        self.affine = nn.Linear(condition_dim, 2 * channels)
        nn.init.normal_(self.affine.weight, std=0.5 / math.sqrt(condition_dim))
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.affine(condition)[:, :, None, None].chunk(2, dim=1)  # (N, C, 1, 1) each
        return torch.addcmul(shift, _group_norm(x, self.groups), 1 + scale)


def _group_norm(x: Tensor, groups: int) -> Tensor:
    """Group normalisation in the memory format of its input.

    On a CPU torch's own is several times slower in channels last, where convolutions are quicker.
    """
    if x.device.type != "cpu" or x.is_contiguous():
        return F.group_norm(x, groups)
    normalised: Tensor = _GroupNormOfChannelsLast.apply(x, groups)
    return normalised


class _GroupNormOfChannelsLast(torch.autograd.Function):
    """Group normalisation in plain memory of a map in channels last, and so its gradient."""

    eps: ClassVar[float] = 1e-5  # that of F.group_norm

    @staticmethod
    def forward(ctx: Any, x: Tensor, groups: int) -> Tensor:
        num, channels, height, width = x.shape
        ctx.sizes, x = (num, channels, height * width, groups), x.contiguous()
        eps = _GroupNormOfChannelsLast.eps
        y, mean, deviation = torch.native_group_norm(
            x, None, None, num, channels, height * width, groups, eps
        )
        ctx.save_for_backward(x, mean, deviation)
        return y.contiguous(memory_format=torch.channels_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        x, mean, deviation = ctx.saved_tensors
        found = torch.ops.aten.native_group_norm_backward(
            gradient.contiguous(), x, mean, deviation, None, *ctx.sizes, [True, False, False]
        )[0]
        return found.contiguous(memory_format=torch.channels_last), None


class ModulatedConv2d(nn.Module):
    """A 3x3 convolution whose weights are scaled for each image (Karras et al. 2020, section 2.2, eq. 1-3).

    Input channel i is scaled by s_i = 1 + affine(condition)_i. If ``demodulate``, output channel j is divided by the
    norm of its scaled weights, sqrt(sum_ik (s_i w_jik)^2 + eps), and multiplied by He's gain, so that maps keep a mean
    square of 1 after the leaky ReLU. The code scales maps instead of weights: the same function, with one convolution
    for the whole batch.
    """

    eps: ClassVar[float] = 1e-8
    gain: ClassVar[float] = nn.init.calculate_gain("leaky_relu", 0.2)

    def __init__(self, in_channels: int, out_channels: int, condition_dim: int, demodulate: bool = True):
        super().__init__()
        self.demodulate = demodulate
        self.affine = nn.Linear(condition_dim, in_channels)
        nn.init.normal_(self.affine.weight, std=0.5 / math.sqrt(condition_dim))
        nn.init.zeros_(self.affine.bias)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3) / math.sqrt(9 * in_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        with outside_autocast(x.device):  # 8 bits are too few for sums of squares
            scale = 1 + self.affine(widen(condition))  # (N, in)
            if self.demodulate:
                squares = scale.square() @ self.weight.square().sum(dim=(2, 3)).T  # (N, out)
                norm = self.gain * (squares + self.eps).rsqrt()
        h = F.conv2d(x * scale.to(x.dtype)[:, :, None, None], self.weight, padding=1)  # (N, out, H, W)
        if self.demodulate:
            h = h * norm.to(h.dtype)[:, :, None, None]
        return h + self.bias.to(h.dtype)[:, None, None]


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution with He's initialisation, padded to keep the side (or halve it)."""
    conv = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)
    nn.init.kaiming_normal_(conv.weight, a=0.2)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


@torch.no_grad()
def init_subpixels(weight: Tensor, patch: int) -> None:
    """Make the first weights of a sub-pixel convolution alike for all pixels of a patch (Aitken et al. 2017).

    Its output is then that of a convolution and nearest upsampling: patches of one colour. ``weight`` is
    (C * patch^2, in, k, k), changed in place.
    """
    pixels = weight.unflatten(0, (-1, patch**2))  # (C, patch^2, in, k, k)
    pixels.copy_(pixels[:, :1].clone().expand_as(pixels))


def init_dcgan(module: nn.Module) -> None:
    """N(0, 0.02) weights and zero biases, as DCGAN (Radford et al. 2016) and the AC-GAN paper; for ``apply``."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
        nn.init.zeros_(module.bias)


def init_orthogonal(network: nn.Module) -> None:
    """Orthogonal first weights of convolutions, linear layers and embeddings (Saxe et al. 2014), and zero biases."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear, nn.Embedding)):
            nn.init.orthogonal_(layer.weight)
            if getattr(layer, "bias", None) is not None:
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value (Miyato et al. 2018), as a parametrisation.

    Unlike torch's own, it advances its power iteration only when ``advance_spectral_norm`` is called, once a
    step, so that accumulating gradients over micro-batches gives those of the whole batch.
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
        # In place: copies of the layer share it.
        self.u.copy_(F.normalize(matrix @ F.normalize(matrix.T @ self.u, dim=0), dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        with outside_autocast(weight.device):  # 8 bits are too few for a singular value
            matrix = weight.flatten(1)
            v = F.normalize(matrix.detach().T @ self.u, dim=0)
            return weight / torch.dot(self.u, matrix @ v)


def apply_spectral_norm(network: nn.Module, spare: Collection[nn.Module | None] = ()) -> None:
    """Normalise the weight of each convolution, linear layer and embedding of a network, in place; not of ``spare``."""
    for layer in list(network.modules()):
        if isinstance(layer, (nn.Conv2d, nn.Linear, nn.Embedding)) and layer not in spare:
            parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight))


def remove_spectral_norm(network: nn.Module) -> None:
    """Replace the parametrised weights by the normalised ones: the same function, without normalisation from now on."""
    for layer in list(network.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
            # The weight comes back after the bias. Restore the order of a layer that was never normalised: a resumed
            # run builds such a layer, and the order of a sum over parameters decides its last bit.
            if "bias" in layer._parameters:
                layer._parameters["bias"] = layer._parameters.pop("bias")


@torch.no_grad()
def advance_spectral_norm(network: nn.Module) -> None:
    """Advance every spectrally normalised weight by one power iteration, once a step before the forward passes."""
    for layer in network.modules():
        if isinstance(layer, parametrize.ParametrizationList):
            for parametrization in layer:
                if isinstance(parametrization, SpectralNorm):
                    parametrization.advance(layer.original)


def widen(x: Tensor) -> Tensor:
    """A bfloat16 tensor in float32; any other stays."""
    return x.float() if x.dtype is torch.bfloat16 else x


def has_batch_norm(network: nn.Module) -> bool:
    """True if a network mixes the images of a batch in BatchNorm."""
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in network.modules())


def memory_format_of(weight: Tensor) -> torch.memory_format:
    """Memory format of a convolution's weight, which its maps are best in too."""
    plain = weight.is_contiguous() or not weight.is_contiguous(memory_format=torch.channels_last)
    return torch.contiguous_format if plain else torch.channels_last


def order_matters(network: nn.Module) -> bool:
    """True if the output for an image depends on the others of its batch, or on its place among them.

    BatchNorm mixes the images; dropout and noise draw by place.
    """
    draws = any(
        isinstance(layer, nn.modules.dropout._DropoutNd)
        or (isinstance(layer, Dropout) and layer.probability)
        or (isinstance(layer, ActivationNoise) and layer.std)
        for layer in network.modules()
    )
    return draws or has_batch_norm(network)


def channels_at(side: int, resolution: int, channels: int, max_channels: int) -> int:
    """Feature maps at a side: ``channels`` at ``resolution``, doubled with each halving, at most ``max_channels``."""
    return min(channels * resolution // side, max_channels)


def class_rows(network: nn.Module) -> frozenset[str]:
    """Names of state dict tensors with a row for each class; modules list the layers in ``class_rows``."""
    layers = tuple(
        f"{prefix}.{layer}.".removeprefix(".")
        for prefix, module in network.named_modules()
        for layer in getattr(module, "class_rows", ())
    )
    # Compare the layer's name only: spectral normalisation changes the rest.
    return frozenset(key for key in network.state_dict() if key.startswith(layers))


def class_columns(network: nn.Module) -> frozenset[str]:
    """Names of state dict tensors with a last column for each class; modules list them in ``class_columns``."""
    own = network.state_dict()
    return frozenset(
        name_in_state(f"{prefix}.{name}".removeprefix("."), own)
        for prefix, module in network.named_modules()
        for name in getattr(module, "class_columns", ())
    )


def name_in_state(key: str, state: Mapping[str, Tensor]) -> str:
    """Name of a tensor in a state dict; a layer with spectral normalisation keeps its weight under another one."""
    original = key.removesuffix("weight") + "parametrizations.weight.original"
    return original if original in state else key


def embedded(table: nn.Embedding, y: Tensor) -> Tensor:
    """Embeddings (N, D) of labels (N,), or means of the classes' embeddings by shares (N, K)."""
    if y.ndim == 1:
        rows: Tensor = table(y)
        return rows
    return y.to(table.weight.dtype) @ table.weight
