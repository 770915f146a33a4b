"""What every network owes, over the registries: a new family or resolution is tested for being there."""

import copy
import inspect
from typing import Any, TypeVar

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.models import GENERATORS, TRUNKS, Discriminator, Generator, Trunk, has_batch_norm
from acgan.models.attention import SelfAttention
from acgan.sides import RESOLUTIONS

Network = TypeVar("Network", bound=nn.Module)
K = 3
Z = 6
N = 4
#: Small values for the keywords that only some families have. 16 channels are the fewest that leave group
#: normalisation more than one channel a group.
SMALL: dict[str, Any] = {
    "channels": 16,
    "max_channels": 32,
    "class_dim": 5,
    "dropout": 0.5,
    "activation_noise": 0.1,
    "spectral_norm": False,
    "patch": 1,
    "modulation": "norm",
    "mapping_layers": 0,
    "attention": (),
    "skip_z": True,
    "skip_relu": False,
}
#: Other values where a family's widths are up to 16 times the key.
SMALL_OF: dict[str, dict[str, Any]] = {"BigGANGenerator": {"channels": 2}, "BigGANTrunk": {"channels": 2}}
COMMON = {"self", "latent_dim", "num_classes", "resolution", "image_channels"}


def _own_keywords(network: type[nn.Module]) -> dict[str, Any]:
    names = [name for name in inspect.signature(network).parameters if name not in COMMON]
    unknown = set(names) - SMALL.keys()
    assert not unknown, f"{network.__name__} has new keywords; add small values for {unknown} to SMALL"
    return {name: SMALL[name] for name in names} | SMALL_OF.get(network.__name__, {})


def _generator(kind: str, resolution: int, image_channels: int = 3, **changes: Any) -> Generator:
    torch.manual_seed(0)
    network = GENERATORS[kind]
    shape = {
        "latent_dim": Z,
        "num_classes": K,
        "resolution": resolution,
        "image_channels": image_channels,
    }
    return _attentive(network(**shape, **_own_keywords(network) | changes))


def _discriminator(kind: str, resolution: int, image_channels: int = 3, **changes: Any) -> Discriminator:
    torch.manual_seed(0)
    own = _own_keywords(TRUNKS[kind]) | changes
    trunk = _attentive(TRUNKS[kind](resolution=resolution, image_channels=image_channels, **own))
    return Discriminator(trunk, num_classes=K, spectral_norm=own.get("spectral_norm", False))


def _attentive(network: Network) -> Network:
    """With attention that has learned to count, where there is some."""
    for layer in network.modules():
        if isinstance(layer, SelfAttention):
            nn.init.constant_(layer.gamma, 0.5)
    return network


def _inputs(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(N, Z, generator=generator).to(dtype), torch.arange(N) % K


def _images(resolution: int, channels: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return (2 * torch.rand(N, channels, resolution, resolution, generator=generator) - 1).to(dtype)


def _smallest(network: type[Generator] | type[Trunk]) -> list[int]:
    """The smallest side, and 28 where the network takes it, whose maps begin or end at 7."""
    return [min(network.resolutions), *[28] * (28 in network.resolutions)]


#: Powers of two, each other first side (5, 6, 7) twice, and the largest.
SIDES = (16, 20, 24, 28, 32, 48, 64, 80, 112, 128, 256, 512)
G_CASES = [(kind, r) for kind, network in GENERATORS.items() for r in SIDES if r in network.resolutions]
D_CASES = [(kind, r) for kind, network in TRUNKS.items() for r in SIDES if r in network.resolutions]
D_SMALLEST = [(kind, min(network.resolutions)) for kind, network in TRUNKS.items()]
G_VARIANTS: list[tuple[str, int, dict[str, Any]]] = [
    (kind, resolution, changes)
    for kind, network in GENERATORS.items()
    for resolution in _smallest(network)
    for changes in (
        {},
        {"modulation": "style"},
        {"patch": 2, "mapping_layers": 1, "attention": (resolution // 2,)},
        {"modulation": "style", "mapping_layers": 2, "attention": (resolution // 2, resolution)},
        {"skip_z": False, "class_dim": None},
        {"spectral_norm": True, "skip_z": True, "attention": (resolution // 2,)},
    )
    if changes.keys() <= _own_keywords(network).keys()
]
D_VARIANTS: list[tuple[str, int, dict[str, Any]]] = [
    (kind, resolution, changes)
    for kind, network in TRUNKS.items()
    for resolution in _smallest(network)
    for changes in (
        {},
        {"spectral_norm": True},
        {"patch": 2},
        {"attention": (resolution // 4, resolution // 2), "spectral_norm": True},
        {"spectral_norm": True, "skip_relu": True},
    )
    if changes.keys() <= _own_keywords(TRUNKS[kind]).keys()
]


@pytest.mark.parametrize("network", [*GENERATORS.values(), *TRUNKS.values()])
def test_declared_resolutions_are_those_that_data_can_have(network: type[nn.Module]) -> None:
    assert network.resolutions
    assert set(network.resolutions) <= set(RESOLUTIONS)
    assert list(network.resolutions) == sorted(set(network.resolutions))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("kind", "resolution"), G_CASES)
def test_generator_makes_images(kind: str, resolution: int, channels: int) -> None:
    network = _generator(kind, resolution, channels)
    with torch.no_grad():
        x = network(*_inputs())
    assert x.shape == (N, channels, resolution, resolution)
    assert x.dtype is torch.float32
    assert torch.isfinite(x).all()
    assert x.abs().max() <= 1
    assert x.flatten(1).std(dim=1).min() > 0.01  # not a flat picture
    assert x.std(dim=0).max() > 0.01  # not the same picture each time
    attributes = (network.latent_dim, network.num_classes, network.resolution, network.image_channels)
    assert attributes == (Z, K, resolution, channels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("kind", "resolution"), D_CASES)
def test_discriminator_judges_images(kind: str, resolution: int, channels: int) -> None:
    network = _discriminator(kind, resolution, channels)
    with torch.no_grad():
        out = network(_images(resolution, channels), torch.arange(N) % K)
    assert out.adv.shape == (N,)
    assert out.aux.logits.shape == (N, K)
    assert out.features.shape == (N, network.trunk.feature_dim)
    for tensor in (out.adv, out.aux.logits, out.features):
        assert tensor.dtype is torch.float32
        assert torch.isfinite(tensor).all()
    assert out.adv.std() > 1e-4


def _with_fixed_statistics(network: Network) -> Network:
    """BatchNorm with its first running statistics: by those of the batch, biases before it have no effect."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()
    return network


def _assert_gradients_reach(network: nn.Module, loss: Tensor) -> None:
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, f"{name} has no gradient"
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 1e-10, f"{name} has no effect"


@pytest.mark.parametrize(("kind", "resolution", "changes"), G_VARIANTS)
def test_gradients_reach_every_parameter_of_the_generator(
    kind: str, resolution: int, changes: dict[str, Any]
) -> None:
    network = _with_fixed_statistics(_generator(kind, resolution, **changes).double())
    x = network(*_inputs(torch.float64))
    _assert_gradients_reach(network, (x * torch.randn_like(x)).sum())


@pytest.mark.parametrize(("kind", "resolution", "changes"), D_VARIANTS)
def test_gradients_reach_every_parameter_of_the_discriminator(
    kind: str, resolution: int, changes: dict[str, Any]
) -> None:
    network = _with_fixed_statistics(_discriminator(kind, resolution, **changes).double())
    out = network(_images(resolution, dtype=torch.float64))
    weights = torch.randn(N, K + 1, dtype=torch.float64)
    _assert_gradients_reach(network, (torch.cat((out.adv[:, None], out.aux.logits), dim=1) * weights).sum())


@pytest.mark.parametrize("head", ["adv", "aux"])
@pytest.mark.parametrize(("kind", "resolution"), D_SMALLEST)
def test_each_head_is_on_the_trunk_and_apart_from_the_other(kind: str, resolution: int, head: str) -> None:
    network = _discriminator(kind, resolution)
    out = network(_images(resolution))
    (out.adv.sum() if head == "adv" else out.aux.logits.square().sum()).backward()
    assert (network.adv_head.weight.grad is None) == (head == "aux")
    assert (network.aux_head.classify.weight.grad is None) == (head == "adv")
    assert next(network.trunk.parameters()).grad is not None


@pytest.mark.parametrize(("kind", "resolution", "changes"), G_VARIANTS)
def test_the_label_changes_the_image(kind: str, resolution: int, changes: dict[str, Any]) -> None:
    network = _generator(kind, resolution, **changes).eval()
    z = _inputs()[0][:1].repeat(K, 1)
    with torch.no_grad():
        x = network(z, torch.arange(K))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (x[a] - x[b]).abs().max() > 1e-5


@pytest.mark.parametrize(("kind", "resolution", "changes"), G_VARIANTS)
def test_generator_is_deterministic_copies_and_reloads(
    kind: str, resolution: int, changes: dict[str, Any]
) -> None:
    network = _generator(kind, resolution, **changes)
    with torch.no_grad():
        network(*_inputs())  # moves running statistics, where there are any
        network.eval()
        x = network(*_inputs())
        assert torch.equal(network(*_inputs()), x)
        twin = copy.deepcopy(network)
        reloaded = _generator(kind, resolution, **changes).eval()
        for parameter in reloaded.parameters():
            parameter.normal_()
        reloaded.load_state_dict(network.state_dict())
        for parameter in network.parameters():
            parameter.zero_()
        assert torch.equal(twin(*_inputs()), x)
        assert torch.equal(reloaded(*_inputs()), x)


@pytest.mark.parametrize(("kind", "resolution", "changes"), D_VARIANTS)
def test_discriminator_is_deterministic_copies_and_reloads(
    kind: str, resolution: int, changes: dict[str, Any]
) -> None:
    network = _discriminator(kind, resolution, **changes)
    images = _images(resolution)
    with torch.no_grad():
        network(images)
        network.eval()
        out = network(images)
        assert torch.equal(network(images).adv, out.adv)
        twin = copy.deepcopy(network)
        reloaded = _discriminator(kind, resolution, **changes).eval()
        for parameter in reloaded.parameters():
            parameter.normal_()
        reloaded.load_state_dict(network.state_dict())
        for parameter in network.parameters():
            parameter.fill_(1e-3)
        for other in (twin, reloaded):
            assert torch.equal(other(images).adv, out.adv)
            assert torch.equal(other(images).aux.logits, out.aux.logits)


@pytest.mark.parametrize(("kind", "resolution", "changes"), G_VARIANTS)
def test_generator_in_float64_agrees_with_float32(
    kind: str, resolution: int, changes: dict[str, Any]
) -> None:
    network = _generator(kind, resolution, **changes).eval()
    with torch.no_grad():
        x = network(*_inputs())
        wide = network.double()(*_inputs(torch.float64))
    assert wide.dtype is torch.float64
    assert_close(wide.float(), x, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "resolution", "changes"), D_VARIANTS)
def test_discriminator_in_float64_agrees_with_float32(
    kind: str, resolution: int, changes: dict[str, Any]
) -> None:
    network = _discriminator(kind, resolution, **changes).eval()
    with torch.no_grad():
        narrow = network(_images(resolution))
        wide = network.double()(_images(resolution, dtype=torch.float64))
    for a, b in ((narrow.adv, wide.adv), (narrow.aux.logits, wide.aux.logits)):
        assert b.dtype is torch.float64
        assert_close(b.float(), a, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "resolution"), D_SMALLEST)
def test_logits_are_float32_under_bf16(kind: str, resolution: int) -> None:
    network = _discriminator(kind, resolution).eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        out = network(_images(resolution))
    assert out.adv.dtype is out.aux.logits.dtype is out.features.dtype is torch.float32
    by_hand = out.features.double() @ network.adv_head.weight.double().T + network.adv_head.bias.double()
    assert_close(out.adv.double(), by_hand.squeeze(1), rtol=1e-5, atol=1e-5)  # no bf16 rounding in the head


def test_batch_statistics_are_where_the_design_says() -> None:
    for kind, resolution, changes in G_VARIANTS:
        has_norm = kind in ("paper", "dcgan", "biggan")
        assert has_batch_norm(_generator(kind, resolution, **changes)) == has_norm, kind
    for kind, resolution, changes in D_VARIANTS:
        expected = kind == "paper" or (kind in ("dcgan", "biggan") and "spectral_norm" not in changes)
        assert has_batch_norm(_discriminator(kind, resolution, **changes)) == expected, kind


@pytest.mark.parametrize(("kind", "resolution", "changes"), G_VARIANTS)
def test_a_sample_does_not_depend_on_its_batch(kind: str, resolution: int, changes: dict[str, Any]) -> None:
    network = _generator(kind, resolution, **changes).double()
    network.train(not has_batch_norm(network))
    z, y = _inputs(torch.float64)
    with torch.no_grad():
        assert_close(network(z, y)[1:2], network(z[1:2], y[1:2]))


@pytest.mark.parametrize(("kind", "resolution", "changes"), D_VARIANTS)
def test_a_judgement_does_not_depend_on_its_batch(
    kind: str, resolution: int, changes: dict[str, Any]
) -> None:
    network = _discriminator(kind, resolution, **changes).double()
    network.train(not has_batch_norm(network))
    images = _images(resolution, dtype=torch.float64)
    with torch.no_grad():
        whole, alone = network(images), network(images[1:2])
    assert_close((whole.adv[1:2], whole.aux.logits[1:2]), (alone.adv, alone.aux.logits))


@pytest.mark.parametrize(("kind", "resolution", "changes"), G_VARIANTS)
def test_initial_weights_follow_the_global_seed(kind: str, resolution: int, changes: dict[str, Any]) -> None:
    one, two = _generator(kind, resolution, **changes), _generator(kind, resolution, **changes)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
