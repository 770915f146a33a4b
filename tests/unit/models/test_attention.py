"""Self-attention against its equations, its second derivatives, and its place in the networks."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.models import GENERATORS, TRUNKS, Discriminator
from acgan.models.attention import SelfAttention
from acgan.models.layers import SpectralNorm


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _layer(channels: int) -> SelfAttention:
    torch.manual_seed(0)
    layer = SelfAttention(channels).double()
    with torch.no_grad():
        for seed, parameter in enumerate(layer.parameters()):
            parameter.copy_(_draw(*parameter.shape, seed=seed))
        layer.gamma.fill_(0.7)
    return layer


def _network(kind: str, seed: int = 0, **changes: Any) -> nn.Module:
    torch.manual_seed(seed)
    keywords: dict[str, Any] = {"resolution": 32, "image_channels": 1, "channels": 8, "max_channels": 24}
    keywords |= {"patch": 1, "attention": ()} | changes
    if kind == "trunk":
        return TRUNKS["resnet"](**{"spectral_norm": False} | keywords)
    keywords = {"modulation": "norm", "mapping_layers": 0, "class_dim": 3} | keywords
    return GENERATORS["resnet"](latent_dim=4, num_classes=2, **keywords)


@pytest.mark.parametrize(("channels", "inner"), [(16, 2), (9, 1), (5, 1)])
def test_it_is_the_papers_equations(channels: int, inner: int) -> None:
    layer, x = _layer(channels), _draw(2, channels, 3, 2)
    f, g, h, v = (
        conv.weight[:, :, 0, 0].detach() for conv in (layer.key, layer.query, layer.value, layer.out)
    )
    assert f.shape == g.shape == h.shape == v.T.shape == (inner, channels)
    expected = torch.empty_like(x)
    for image in range(2):
        at = x[image].reshape(channels, 6).T  # a row for each position
        for j in range(6):
            s = [(f @ at[i]) @ (g @ at[j]) for i in range(6)]  # eq. 1
            beta = [s_i.exp() / sum(s_k.exp() for s_k in s) for s_i in s]
            o = v @ sum(beta[i] * (h @ at[i]) for i in range(6))  # eq. 2
            expected[image, :, j // 2, j % 2] = 0.7 * o + at[j]  # eq. 3
    assert_close(layer(x).detach(), expected)


def test_second_derivatives_are_those_of_differences() -> None:
    layer, x = _layer(8), _draw(2, 8, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


def test_scores_keep_their_precision_under_bf16() -> None:
    layer = SelfAttention(2)
    weights = {layer.key: (1.0, 0.0), layer.query: (0.0, 1.0), layer.value: (8.0, -8.0)}
    with torch.no_grad():
        for conv, weight in weights.items():
            conv.weight.copy_(torch.tensor(weight).view(1, 2, 1, 1))
    # Keys 17 and 17.125, both queries 17, values 0 and 1: in bfloat16 the scores 289 and 291.125 are 288 and 292.
    x = torch.tensor([[17.0, 17.125], [17.0, 17.0]]).view(1, 2, 1, 2)
    found: list[Tensor] = []
    layer.out.register_forward_hook(lambda module, inputs, out: found.append(inputs[0]))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        layer(x)
    expected = 1 / (1 + math.exp(-2.125))
    assert found[0].flatten().tolist() == pytest.approx([expected] * 2, abs=4e-3)


def _on(attention: tuple[int, ...], kind: str) -> tuple[nn.Module, nn.Module]:
    return _network(kind), _network(kind, attention=attention)


@pytest.mark.parametrize(
    ("kind", "attention"), [("generator", (8,)), ("generator", (32, 16)), ("trunk", (4, 16))]
)
def test_at_first_a_network_is_the_one_without(kind: str, attention: tuple[int, ...]) -> None:
    without, network = _on(attention, kind)
    own = network.state_dict()
    assert_close({key: own[key] for key in without.state_dict()}, without.state_dict(), rtol=0, atol=0)
    inputs = (
        (torch.randn(3, 4), torch.tensor([0, 1, 1])) if kind == "generator" else (torch.randn(3, 1, 32, 32),)
    )
    assert torch.equal(network(*inputs), without(*inputs))
    layers = [module for module in network.modules() if isinstance(module, SelfAttention)]
    found: list[int] = []
    for layer in layers:
        assert layer.gamma == 0
        nn.init.ones_(layer.gamma)
        layer.register_forward_hook(lambda module, inputs, out: found.append(out.shape[-1]))
    assert not torch.equal(network(*inputs), without(*inputs))
    assert sorted(found) == sorted(attention)


@pytest.mark.parametrize(
    ("kind", "patch", "sides"),
    [
        ("generator", 1, "8, 16, 32"),
        ("generator", 2, "8, 16"),
        ("trunk", 1, "4, 8, 16"),
        ("trunk", 4, "4"),
    ],
)
def test_a_side_that_no_block_puts_out_is_refused(kind: str, patch: int, sides: str) -> None:
    with pytest.raises(ValueError, match=f"^attention at side 5, 64: the blocks put out {sides}$"):
        _network(kind, patch=patch, attention=(64, 5, int(sides.split(", ")[0])))


def test_it_is_spectrally_normalised_with_the_rest() -> None:
    trunk = _network("trunk", attention=(8,), spectral_norm=True)
    network = Discriminator(trunk, num_classes=2, spectral_norm=True)
    layers = [name for name, module in network.named_modules() if isinstance(module, SpectralNorm)]
    assert sum(".attention." in name for name in layers) == 4


def test_gradient_penalties_differentiate_twice_through_attention_and_patches() -> None:
    network = Discriminator(_network("trunk", patch=2, attention=(4, 8)), num_classes=2).double()
    for layer in network.modules():
        if isinstance(layer, SelfAttention):
            nn.init.constant_(layer.gamma, 0.8)
    x = _draw(2, 1, 32, 32)

    def penalty() -> Tensor:
        images = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(network(images).adv.sum(), images, create_graph=True)
        return gradient.square().sum()

    penalty().backward()
    parameters = [parameter for parameter in network.parameters() if parameter.grad is not None]
    directions = [_draw(*p.shape, seed=seed) for seed, p in enumerate(parameters)]
    slope = sum((p.grad * d).sum() for p, d in zip(parameters, directions, strict=True))
    values = []
    for step in (1e-7, -2e-7):
        with torch.no_grad():
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter += step * direction
        values.append(penalty().detach())
    assert_close((values[0] - values[1]) / 2e-7, slope, rtol=1e-5, atol=0)
    assert all(layer.key.weight.grad.any() for layer in network.modules() if isinstance(layer, SelfAttention))


@pytest.mark.parametrize("kind", ["generator", "trunk"])
def test_finite_under_bf16(kind: str) -> None:
    network = _network(kind, patch=2, attention=(8,))
    inputs = (
        (torch.randn(3, 4), torch.tensor([0, 1, 1])) if kind == "generator" else (torch.randn(3, 1, 32, 32),)
    )
    nn.init.ones_(next(m for m in network.modules() if isinstance(m, SelfAttention)).gamma)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = network(*inputs)
    out.float().square().sum().backward()
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
    assert_close(out.float(), network(*inputs), rtol=0.1, atol=0.1)
