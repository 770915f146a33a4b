"""Modulated weights against StyleGAN2's equations, and the generator made of them against one written out."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.models.blocks import StyleUpBlock
from acgan.models.generator import ResNetGenerator
from acgan.models.layers import ConditionalNorm, ModulatedConv2d

GAIN = math.sqrt(2 / (1 + 0.2**2))  # of He's initialisation, for leaky ReLU


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _shaken(network: nn.Module) -> nn.Module:
    """With no parameter left at 0, in float64."""
    with torch.no_grad():
        for seed, parameter in enumerate(network.double().parameters()):
            parameter += 0.1 * _draw(*parameter.shape, seed=seed)
    return network


def _by_image(conv: ModulatedConv2d, x: Tensor, condition: Tensor, demodulate: bool = True) -> Tensor:
    """The equations as they stand: weights of its own for each image."""
    out = []
    for image, c in zip(x, condition, strict=True):
        s = 1 + conv.affine.weight @ c + conv.affine.bias
        weight = s[None, :, None, None] * conv.weight  # eq. 1
        if demodulate:
            weight = GAIN * weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()  # eq. 3
        out.append(F.conv2d(image[None], weight, conv.bias, padding=1))
    return torch.cat(out)


@pytest.mark.parametrize("demodulate", [True, False])
def test_scaling_maps_is_scaling_weights(demodulate: bool) -> None:
    torch.manual_seed(0)
    conv = _shaken(ModulatedConv2d(5, 7, 3, demodulate=demodulate))
    x, condition = _draw(4, 5, 6, 6), _draw(4, 3, seed=1)
    assert_close(conv(x, condition), _by_image(conv, x, condition, demodulate))


def test_no_weights_give_the_bias() -> None:
    conv = ModulatedConv2d(5, 7, 3).double()
    nn.init.zeros_(conv.weight)
    nn.init.constant_(conv.bias, 0.5)
    assert_close(conv(_draw(2, 5, 4, 4), _draw(2, 3)), torch.full((2, 7, 4, 4), 0.5, dtype=torch.float64))


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_scales_are_float32_under_bf16(size: float) -> None:
    torch.manual_seed(0)
    conv, x, condition = ModulatedConv2d(32, 16, 8), torch.randn(4, 32, 8, 8), size * torch.randn(4, 8)
    scales: list[Tensor] = []
    conv.affine.register_forward_hook(lambda module, inputs, out: scales.append(out))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = conv(x, condition.bfloat16())
    assert out.dtype is torch.bfloat16
    assert scales[0].dtype is torch.float32
    expected = _by_image(conv.double(), x.double(), condition.bfloat16().double())
    assert (out.double() - expected).square().mean() < 1e-4 * expected.square().mean()


def test_block_written_out() -> None:
    torch.manual_seed(0)
    block = _shaken(StyleUpBlock(5, 4, 3))
    x, condition = _draw(2, 5, 4, 4), _draw(2, 3, seed=1)
    h = F.leaky_relu(_by_image(block.conv1, x, condition), 0.2)
    h = h.repeat_interleave(2, 2).repeat_interleave(2, 3)
    h = F.leaky_relu(_by_image(block.conv2, h, condition), 0.2)
    skip = F.conv2d(x, block.skip.weight).repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert_close(block(x, condition), (skip + h) / math.sqrt(2))


def test_a_block_keeps_the_mean_square() -> None:
    torch.manual_seed(0)
    block = StyleUpBlock(64, 48, 16).double()
    with torch.no_grad():
        out = block(_draw(16, 64, 16, 16), _draw(16, 16, seed=1))[:, :, 4:-4, 4:-4]  # away from the padding
    assert out.square().mean().item() == pytest.approx(1, abs=0.1)


# ---------------------------------------------------------------- the generator


def _generator(**changes: Any) -> ResNetGenerator:
    torch.manual_seed(0)
    keywords: dict[str, Any] = {"channels": 8, "max_channels": 16, "class_dim": 5, "patch": 1}
    keywords |= {"modulation": "style", "mapping_layers": 0, "attention": ()} | changes
    return ResNetGenerator(
        **{"latent_dim": 6, "num_classes": 3, "resolution": 32, "image_channels": 3} | keywords
    )


def _inputs(num: int = 4) -> tuple[Tensor, Tensor]:
    return 2 * _draw(num, 6), torch.arange(num) % 3


def test_generator_written_out() -> None:
    network, (z, y) = _shaken(_generator(patch=2, mapping_layers=2)), _inputs()
    state = network.state_dict()
    condition = torch.cat((z, state["embed.weight"][y]), dim=1)
    for layer in (0, 2):
        weight, bias = state[f"mapping.{layer}.weight"], state[f"mapping.{layer}.bias"]
        condition = F.leaky_relu(condition @ weight.T + bias, 0.2)
    x = (condition @ state["project.weight"].T + state["project.bias"]).view(4, 16, 4, 4)
    for block in network.blocks:
        x = block(x, condition)
    x = _by_image(network.to_image, x, condition, demodulate=False)
    assert_close(network(*_inputs()), F.pixel_shuffle(x, 2).tanh())


def test_style_has_no_normalisation_and_norm_no_modulation() -> None:
    found = {
        modulation: {type(module) for module in _generator(modulation=modulation).modules()}
        for modulation in ("style", "norm")
    }
    assert ModulatedConv2d in found["style"] - found["norm"]
    assert ConditionalNorm in found["norm"] - found["style"]


@pytest.mark.parametrize("modulation", ["norm", "style"])
def test_the_mapping_serves_both_modulations(modulation: str) -> None:
    network, (z, y) = _generator(modulation=modulation, mapping_layers=3).double(), _inputs()
    seen: list[Tensor] = []
    network.project.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0]))
    network(z, y)
    linear = [layer for layer in network.mapping if isinstance(layer, nn.Linear)]
    assert [tuple(layer.weight.shape) for layer in linear] == [(11, 11)] * 3
    assert_close(seen[0], network.mapping(torch.cat((z, network.embed(y)), dim=1)))


def test_the_mean_square_stays_near_1_at_first() -> None:
    network = _generator(
        resolution=64, channels=16, max_channels=64, latent_dim=32, class_dim=32, patch=2
    ).double()
    found: list[Tensor] = []
    for layer in (network.project, *network.blocks, network.to_image):
        layer.register_forward_hook(lambda module, inputs, out: found.append(out.detach().square().mean()))
    with torch.no_grad():
        network(_draw(32, 32), torch.arange(32) % 3)
    assert len(found) == 5
    assert all(0.5 < mean_square < 1.5 for mean_square in found), (
        found
    )  # the padding with zeros takes its share


@pytest.mark.parametrize("modulation", ["norm", "style"])
def test_finite_under_bf16(modulation: str) -> None:
    network = _generator(modulation=modulation, mapping_layers=1, patch=2, attention=(8,))
    z, y = _inputs()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = network(z.float(), y)
    x.float().square().sum().backward()
    assert torch.isfinite(x).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
    assert_close(x.float(), network(z.float(), y), rtol=0.1, atol=0.1)


def test_the_mapping_keeps_the_mean_square_and_full_precision() -> None:
    network = _generator(latent_dim=64, class_dim=64, mapping_layers=3)
    seen: list[Tensor] = []
    network.project.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        network(_draw(64, 64).float(), torch.arange(64) % 3)
    assert seen[0].dtype is torch.float32
    assert 0.6 < seen[0].square().mean() < 1.6
