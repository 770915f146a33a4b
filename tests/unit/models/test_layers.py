"""Heads, conditional normalisation and spectral normalisation, each against what it must equal."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.testing import assert_close

from acgan.models import TRUNKS, AuxHead, Discriminator, advance_spectral_norm, has_batch_norm
from acgan.models.blocks import DownBlock, UpBlock
from acgan.models.layers import ConditionalNorm, SpectralNorm, apply_spectral_norm


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- AuxHead


@pytest.mark.parametrize(
    ("features", "pooled"),
    [
        (_draw(5, 7, 3, 2), lambda f: sum(f[:, :, i, j] for i in range(3) for j in range(2)) / 6),
        (_draw(5, 4, 7), lambda f: sum(f[:, t] for t in range(4)) / 4),
        (_draw(5, 7), lambda f: f),
    ],
    ids=["map", "tokens", "vector"],
)
def test_aux_head_is_linear_in_the_pooled_features(features: Tensor, pooled: object) -> None:
    head = AuxHead(7, 3).double()
    logits = head(features).logits
    assert logits.shape == (5, 3)
    assert_close(logits, pooled(features) @ head.classify.weight.T + head.classify.bias)


def test_aux_head_returns_logits() -> None:
    head = AuxHead(2, 3).double()
    with torch.no_grad():
        head.classify.weight.fill_(100.0)
    logits = head(torch.ones(1, 2, dtype=torch.float64)).logits
    assert logits.min() > 100  # no softmax would leave this


@pytest.mark.parametrize("shape", [(5, 8), (5, 7, 8), (5, 8, 7, 7), (5, 8, 1, 1)])
def test_aux_head_refuses_other_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expects 7 channels"):
        AuxHead(7, 3)(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(7,), (5, 7, 1, 1, 1)])
def test_aux_head_refuses_other_dimensions(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected features"):
        AuxHead(7, 3)(torch.zeros(shape))


# ---------------------------------------------------------------- ConditionalNorm and the blocks


@pytest.mark.parametrize("channels", [8, 16, 12, 7])
def test_conditional_norm(channels: int) -> None:
    layer = ConditionalNorm(channels, 5).double()
    x, condition = 3 * _draw(4, channels, 3, 3) + 1, _draw(4, 5, seed=1)
    affine = condition @ layer.affine.weight.T + layer.affine.bias
    scale, shift = affine[:, :channels, None, None], affine[:, channels:, None, None]
    assert_close(layer(x, condition), F.group_norm(x, layer.groups) * (1 + scale) + shift)
    # ... and group normalisation by hand
    assert channels % layer.groups == 0
    grouped = x.reshape(4, layer.groups, -1)
    mean, var = grouped.mean(2, keepdim=True), grouped.var(2, keepdim=True, correction=0)
    by_hand = ((grouped - mean) / (var + 1e-5).sqrt()).view_as(x)
    assert_close(layer(x, condition), by_hand * (1 + scale) + shift)


def test_blocks_double_and_halve_the_side_and_have_a_skip() -> None:
    up, down = UpBlock(6, 4, 5).double(), DownBlock(6, 4).double()
    x, condition = _draw(2, 6, 8, 8), _draw(2, 5)
    assert up(x, condition).shape == (2, 4, 16, 16)
    assert down(x).shape == (2, 4, 4, 4)
    with torch.no_grad():
        for conv in (up.conv2, down.conv2):
            conv.weight.zero_()
    assert_close(up(x, condition), up.skip(x).repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert_close(down(x), down.skip(x) / 2**0.5)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.BatchNorm2d(3), True),
        (nn.BatchNorm1d(3), True),
        (nn.GroupNorm(1, 3), False),
        (nn.Conv2d(3, 3, 1), False),
    ],
)
def test_has_batch_norm(layer: nn.Module, expected: bool) -> None:
    assert has_batch_norm(nn.Sequential(nn.ReLU(), nn.Sequential(layer))) == expected


# ---------------------------------------------------------------- spectral normalisation


def _discriminator(kind: str) -> Discriminator:
    torch.manual_seed(0)
    keywords = {"max_channels": 16, "patch": 1, "attention": ()} if kind == "resnet" else {}
    trunk = TRUNKS[kind](resolution=16, image_channels=3, channels=8, spectral_norm=True, **keywords)
    return Discriminator(trunk, num_classes=4, spectral_norm=True).double()


def _weights(network: nn.Module) -> dict[str, nn.Module]:
    return {name: m for name, m in network.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))}


def _norms(network: nn.Module) -> list[float]:
    layers = _weights(network).values()
    return [torch.linalg.svdvals(layer.weight.detach().flatten(1))[0].item() for layer in layers]


def _us(network: nn.Module) -> list[Tensor]:
    return [m.u.clone() for m in network.modules() if isinstance(m, SpectralNorm)]


@pytest.mark.parametrize("kind", ["resnet", "dcgan"])
def test_every_weight_is_normalised_heads_included(kind: str) -> None:
    network = _discriminator(kind)
    layers = _weights(network)
    assert {"adv_head", "aux_head.classify"} <= layers.keys()
    assert all(parametrize.is_parametrized(layer, "weight") for layer in layers.values())
    assert _norms(network) == pytest.approx([1.0] * len(layers), rel=0.2)  # from the first step on
    for _ in range(300):
        advance_spectral_norm(network)
    assert _norms(network) == pytest.approx([1.0] * len(layers), rel=1e-3)


def test_advancing_follows_a_weight_that_moves() -> None:
    layer = nn.Sequential(nn.Linear(9, 6).double())
    apply_spectral_norm(layer)
    with torch.no_grad():
        layer[0].parametrizations.weight.original.copy_(5 * _draw(6, 9))
    for _ in range(300):
        advance_spectral_norm(layer)
    assert _norms(layer) == pytest.approx([1.0], rel=1e-6)


@pytest.mark.parametrize("layer", [nn.Linear(9, 6), nn.Conv2d(3, 6, 3, bias=False)], ids=["linear", "conv"])
def test_value_and_gradient_are_torchs_at_the_same_vectors(layer: nn.Module) -> None:
    ours, torchs = nn.Sequential(copy.deepcopy(layer)).double(), copy.deepcopy(layer).double()
    apply_spectral_norm(ours)
    parametrizations.spectral_norm(torchs)
    torchs.eval()  # no power iteration in the forward
    u = ours[0].parametrizations.weight[0].u
    theirs = torchs.parametrizations.weight[0]
    theirs._u.copy_(u)
    theirs._v.copy_(F.normalize(torchs.parametrizations.weight.original.detach().flatten(1).T @ u, dim=0))
    assert_close(ours[0].weight, torchs.weight)
    direction = _draw(*layer.weight.shape, seed=3)
    for network in (ours[0], torchs):
        (network.weight * direction).sum().backward()
    assert_close(ours[0].parametrizations.weight.original.grad, torchs.parametrizations.weight.original.grad)


def test_one_step_advances_as_the_power_iteration() -> None:
    layer = nn.Sequential(nn.Linear(9, 6).double())
    apply_spectral_norm(layer)
    weight, u = layer[0].parametrizations.weight.original.detach(), _draw(6)
    layer[0].parametrizations.weight[0].u.copy_(u)
    advance_spectral_norm(layer)
    u = weight @ (weight.T @ u)
    assert_close(layer[0].parametrizations.weight[0].u, u / u.norm())


def test_forward_and_backward_do_not_advance() -> None:
    network = _discriminator("resnet").train()
    before = _us(network)
    for _ in range(2):
        network(_draw(2, 3, 16, 16)).adv.sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, _us(network), strict=True))
    advance_spectral_norm(network)
    assert not any(torch.equal(a, b) for a, b in zip(before, _us(network), strict=True) if len(a) > 1)


def test_the_state_of_the_iteration_is_saved_and_copied() -> None:
    network = _discriminator("resnet")
    twin, other = copy.deepcopy(network), _discriminator("resnet")
    advance_spectral_norm(network)
    assert not all(torch.equal(a, b) for a, b in zip(_us(network), _us(twin), strict=True))
    other.load_state_dict(network.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(_us(network), _us(other), strict=True))
