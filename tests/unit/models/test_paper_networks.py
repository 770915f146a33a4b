"""The AC-GAN paper's networks (Odena et al. 2017, appendix A): its tables row by row, and the first weights."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from acgan.assembly import build_discriminator, build_generator
from acgan.config import RunConfig, load
from acgan.config.recipes import recipes
from acgan.models import GENERATORS, TRUNKS, Discriminator, order_matters
from acgan.models.layers import ActivationNoise, Dropout
from acgan.types import ImageStore

K = 10
RECIPES = {32: "paper-cifar10", 128: "paper-imagenet128"}

#: Rows of G: operation, kernel, stride, feature maps, BatchNorm, dropout, nonlinearity.
_UP = ("transposed convolution", 5, 2)
G_ROWS = {
    32: [
        ("linear", None, None, 384, False, 0.0, "ReLU"),
        (*_UP, 192, True, 0.0, "ReLU"),
        (*_UP, 96, True, 0.0, "ReLU"),
        (*_UP, 3, False, 0.0, "tanh"),
    ],
    128: [
        ("linear", None, None, 768, False, 0.0, "ReLU"),
        (*_UP, 384, True, 0.0, "ReLU"),
        (*_UP, 256, True, 0.0, "ReLU"),
        (*_UP, 192, True, 0.0, "ReLU"),
        (*_UP, 64, True, 0.0, "ReLU"),
        (*_UP, 3, False, 0.0, "tanh"),
    ],
}
#: Rows of D, the same in both tables; "soft-sigmoid" is a softmax over the classes and a sigmoid beside it.
D_ROWS = [
    ("convolution", 3, 2, 16, False, 0.5, "leaky ReLU"),
    ("convolution", 3, 1, 32, True, 0.5, "leaky ReLU"),
    ("convolution", 3, 2, 64, True, 0.5, "leaky ReLU"),
    ("convolution", 3, 1, 128, True, 0.5, "leaky ReLU"),
    ("convolution", 3, 2, 256, True, 0.5, "leaky ReLU"),
    ("convolution", 3, 1, 512, True, 0.5, "leaky ReLU"),
    ("linear", None, None, 11, False, 0.0, "soft-sigmoid"),
]
_OPERATIONS = {nn.Linear: "linear", nn.Conv2d: "convolution", nn.ConvTranspose2d: "transposed convolution"}
_NONLINEARITIES = {nn.ReLU: "ReLU", nn.LeakyReLU: "leaky ReLU", nn.Tanh: "tanh"}


class Table(NamedTuple):
    """A table's recipe: side, configuration, networks."""

    side: int
    config: RunConfig
    g: nn.Module
    d: Discriminator


@pytest.fixture(scope="module", params=[32, 128])
def table(request: pytest.FixtureRequest) -> Table:
    side = request.param
    config = load(RunConfig, recipes()[RECIPES[side]])
    images = np.zeros((K, 3, side, side), np.uint8)
    store = ImageStore(images, np.arange(K), tuple("0123456789"), fingerprint="")
    return Table(side, config, build_generator(config, store), build_discriminator(config, store))


def _rows(layers: list[nn.Module]) -> list[tuple[object, ...]]:
    """Rows of the paper's tables for layers in the order of their calls."""
    starts = [place for place, layer in enumerate(layers) if type(layer) in _OPERATIONS]
    rows = []
    for start, stop in itertools.pairwise([*starts, len(layers)]):
        first, *rest = layers[start:stop]
        maps = first.out_channels if not isinstance(first, nn.Linear) else first.out_features
        kernel, stride = (getattr(first, name, (None, None)) for name in ("kernel_size", "stride"))
        assert kernel[0] == kernel[1]
        assert stride[0] == stride[1]
        norm = [layer for layer in rest if isinstance(layer, nn.BatchNorm2d)]
        dropout = sum(layer.probability for layer in rest if isinstance(layer, Dropout))
        (nonlinearity,) = [_NONLINEARITIES[type(layer)] for layer in rest if type(layer) in _NONLINEARITIES]
        rows.append((_OPERATIONS[type(first)], kernel[0], stride[0], maps, bool(norm), dropout, nonlinearity))
    return rows


def _called(network: nn.Module, *inputs: Tensor) -> list[nn.Module]:
    """Layers without layers of their own, in the order in which a pass calls them."""
    called: list[nn.Module] = []
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, out: called.append(layer))
        for layer in network.modules()
        if not list(layer.children())
    ]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return called


def test_every_row_of_the_generator(table: Table) -> None:
    rows = _rows(_called(table.g, torch.randn(2, 100), torch.tensor([3, 9])))
    rows[0] = (*rows[0][:3], rows[0][3] // 4**2, *rows[0][4:])  # maps of 4 x 4
    for place, (ours, papers) in enumerate(itertools.zip_longest(rows, G_ROWS[table.side])):
        assert ours == papers, f"row {place + 1} of G at {table.side} px"
    assert table.g(torch.randn(2, 100), torch.tensor([3, 9])).shape == (2, 3, table.side, table.side)


def test_every_row_of_the_discriminator(table: Table) -> None:
    layers = _called(table.d.trunk, torch.randn(2, 3, table.side, table.side))
    for place, (ours, papers) in enumerate(itertools.zip_longest(_rows(layers), D_ROWS[:-1])):
        assert ours == papers, f"row {place + 1} of D at {table.side} px"
    features = 512 * (table.side // 8) ** 2
    heads = [(head.in_features, head.out_features) for head in _of(table.d, nn.Linear)]
    assert heads == [(features, 1), (features, K)], "row 7 of D: a linear layer with 11 outputs, in two parts"


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("generator optimizer", lambda c: (c.optim.generator.lr, c.optim.generator.betas)),
        ("discriminator optimizer", lambda c: (c.optim.discriminator.lr, c.optim.discriminator.betas)),
        ("batch size", lambda c: c.train.batch_size),
        ("iterations", lambda c: c.train.total_nimg / c.train.batch_size),
        ("activation noise standard deviation", lambda c: c.model.discriminator.activation_noise),
        ("D's updates per G's", lambda c: c.train.d_steps),
        ("inputs of G", lambda c: c.model.latent_dim + K),
    ],
)
def test_every_row_of_the_settings(table: Table, row: str, found: Callable[[RunConfig], Any]) -> None:
    papers = {
        "generator optimizer": (2e-4, (0.5, 0.999)),  # table 2 searched 1e-4, 2e-4 and 3e-4
        "discriminator optimizer": (2e-4, (0.5, 0.999)),
        "batch size": 100,
        "iterations": 50_000,
        "activation noise standard deviation": 0.0,  # table 2 searched 0, 0.1 and 0.2; table 1 has no such row
        "D's updates per G's": 1,
        "inputs of G": 110,
    }
    assert found(table.config) == papers[row], row


def test_leaky_slope_and_first_weights(table: Table) -> None:
    assert {layer.negative_slope for layer in _of(table.d, nn.LeakyReLU)} == {0.2}, "leaky ReLU slope"
    for layer in _of(nn.ModuleList([table.g, table.d]), nn.Linear, nn.Conv2d, nn.ConvTranspose2d):
        spread = 4 / (2 * layer.weight.numel()) ** 0.5
        assert layer.weight.std().item() == pytest.approx(0.02, rel=spread), "weight initialisation"
        assert layer.bias is None or not layer.bias.any(), "bias initialisation"


def _generator(resolution: int, channels: int = 3) -> nn.Module:
    return GENERATORS["paper"](latent_dim=100, num_classes=K, resolution=resolution, image_channels=channels)


def _discriminator(dropout: float = 0.5, activation_noise: float = 0.0) -> Discriminator:
    trunk = TRUNKS["paper"](
        resolution=32, image_channels=3, dropout=dropout, activation_noise=activation_noise
    )
    return Discriminator(trunk, num_classes=K)


def _of(network: nn.Module, *kinds: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


@pytest.mark.parametrize("resolution", [32, 128])
def test_gray_images(resolution: int) -> None:
    images = _generator(resolution, channels=1)(torch.randn(2, 100), torch.tensor([3, 9]))
    assert images.shape == (2, 1, resolution, resolution)


def test_generator_reads_latent_and_one_hot_label_side_by_side() -> None:
    network = _generator(32).eval()
    seen: list[Tensor] = []
    network.get_submodule("project").register_forward_hook(lambda layer, inputs, out: seen.append(inputs[0]))
    z = torch.randn(2, 100)
    network(z, torch.tensor([3, 9]))
    assert torch.equal(seen[0], torch.cat((z, torch.eye(10)[[3, 9]]), dim=1))


def test_dropout_is_half_by_default_of_the_configuration() -> None:
    from acgan.config.networks import PaperDiscriminatorConfig

    assert PaperDiscriminatorConfig(kind="paper").dropout == 0.5


def test_dropout_acts_in_training_alone() -> None:
    network, x = _discriminator(), torch.rand(8, 3, 32, 32)
    with torch.no_grad():
        assert not torch.equal(network(x).adv, network(x).adv)
        network.eval()
        assert torch.equal(network(x).adv, network(x).adv)
        off = _discriminator(dropout=0.0)
        assert torch.equal(off(x).adv, off(x).adv)


def test_noise_on_every_activation_in_training_alone() -> None:
    std = 0.2
    network, x = _discriminator(dropout=0.0, activation_noise=std), torch.rand(64, 3, 32, 32)
    layers = _called(network.trunk, x)
    follow = [type(after) for before, after in itertools.pairwise(layers) if isinstance(before, nn.LeakyReLU)]
    assert follow == [ActivationNoise] * 6
    for layer in _of(network, ActivationNoise):
        maps = torch.rand(64, 16, 16, 16)
        added = (layer.train()(maps) - maps).double()
        assert added.std().item() == pytest.approx(std, rel=0.01)
        assert abs(added.mean().item()) < 5 * std / added.numel() ** 0.5
        assert torch.equal(layer.eval()(maps), maps)
    for norm in _of(network, nn.BatchNorm2d):
        norm.__class__ = nn.Identity
    assert order_matters(network)
    with torch.no_grad():
        assert torch.equal(network.eval()(x).adv, network(x).adv)
        assert not torch.equal(network.train()(x).adv, network(x).adv)


def _dcgan_generator() -> nn.Module:
    return GENERATORS["dcgan"](latent_dim=100, num_classes=K, resolution=32, image_channels=3, channels=64)


def _dcgan_discriminator() -> nn.Module:
    trunk = TRUNKS["dcgan"](resolution=32, image_channels=3, channels=64, spectral_norm=False)
    return Discriminator(trunk, num_classes=K)


@pytest.mark.parametrize(
    "make", [lambda: _generator(32), _discriminator, _dcgan_generator, _dcgan_discriminator]
)
def test_weights_start_as_normal_draws_of_standard_deviation_002(make: object) -> None:
    torch.manual_seed(0)
    for layer in _of(make(), nn.Conv2d, nn.ConvTranspose2d, nn.Linear):
        weight, n = layer.weight.detach().double(), layer.weight.numel()
        assert abs(weight.mean()) < 5 * 0.02 / n**0.5
        assert weight.std().item() == pytest.approx(0.02, rel=4 / (2 * n) ** 0.5), layer
        kurtosis = (weight - weight.mean()).pow(4).mean() / weight.var() ** 2
        assert kurtosis.item() == pytest.approx(3, abs=5 * (24 / n) ** 0.5)  # normal, not uniform (1.8)
        assert layer.bias is None or not layer.bias.any()
    for layer in _of(make(), nn.BatchNorm2d):
        assert abs(layer.weight.mean().item() - 1) < 0.02
        assert not layer.bias.any()
