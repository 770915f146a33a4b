"""The AC-GAN paper's networks (Odena et al. 2017, appendix A): layer by layer, and their first weights."""

import pytest
import torch
from torch import Tensor, nn

from acgan.models import GENERATORS, TRUNKS, Discriminator
from acgan.models.layers import Dropout

K = 10


def _generator(resolution: int, channels: int = 3) -> nn.Module:
    return GENERATORS["paper"](latent_dim=100, num_classes=K, resolution=resolution, image_channels=channels)


def _discriminator(resolution: int, channels: int = 3, dropout: float = 0.5) -> Discriminator:
    trunk = TRUNKS["paper"](resolution=resolution, image_channels=channels, dropout=dropout)
    return Discriminator(trunk, num_classes=K)


def _of(network: nn.Module, *kinds: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("resolution", "widths"), [(32, [384, 192, 96]), (128, [768, 384, 256, 192, 64])])
def test_generator_layers(resolution: int, widths: list[int], channels: int) -> None:
    network = _generator(resolution, channels)
    (linear,) = _of(network, nn.Linear)
    assert (linear.in_features, linear.out_features) == (110, widths[0] * 4 * 4)
    ups = _of(network, nn.ConvTranspose2d)
    assert [up.in_channels for up in ups] == widths
    assert [up.out_channels for up in ups] == [*widths[1:], channels]
    assert {(up.kernel_size, up.stride) for up in ups} == {((5, 5), (2, 2))}
    order = [type(layer) for layer in network.modules() if not list(layer.children())]
    block = [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    assert order == [
        nn.Linear,
        nn.BatchNorm2d,
        nn.ReLU,
        *block * (len(widths) - 1),
        nn.ConvTranspose2d,
        nn.Tanh,
    ]


def test_generator_reads_latent_and_one_hot_label_side_by_side() -> None:
    network = _generator(32).eval()
    seen: list[Tensor] = []
    network.get_submodule("project").register_forward_hook(lambda layer, inputs, out: seen.append(inputs[0]))
    z = torch.randn(2, 100)
    network(z, torch.tensor([3, 9]))
    assert torch.equal(seen[0], torch.cat((z, torch.eye(10)[[3, 9]]), dim=1))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resolution", [32, 128])
def test_discriminator_layers(resolution: int, channels: int) -> None:
    network = _discriminator(resolution, channels, dropout=0.25)
    convolutions = _of(network, nn.Conv2d)
    assert [c.in_channels for c in convolutions] == [channels, 16, 32, 64, 128, 256]
    assert [c.out_channels for c in convolutions] == [16, 32, 64, 128, 256, 512]
    assert [c.stride for c in convolutions] == [(2, 2), (1, 1), (2, 2), (1, 1), (2, 2), (1, 1)]
    assert {(c.kernel_size, c.padding) for c in convolutions} == {((3, 3), (1, 1))}
    order = [type(layer) for layer in network.trunk.modules() if not list(layer.children())]
    with_norm = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU, Dropout]
    assert order == [nn.Conv2d, nn.LeakyReLU, Dropout, *with_norm * 5, nn.Flatten]
    assert {layer.negative_slope for layer in _of(network, nn.LeakyReLU)} == {0.2}
    assert {layer.probability for layer in _of(network.trunk, Dropout)} == {0.25}
    assert network.trunk.feature_dim == 512 * (resolution // 8) ** 2
    heads = _of(network, nn.Linear)
    assert [(head.in_features, head.out_features) for head in heads] == [
        (network.trunk.feature_dim, 1),
        (network.trunk.feature_dim, K),
    ]


def test_dropout_is_half_by_default_of_the_configuration() -> None:
    from acgan.config.networks import PaperDiscriminatorConfig

    assert PaperDiscriminatorConfig(kind="paper").dropout == 0.5


def test_dropout_acts_in_training_alone() -> None:
    network, x = _discriminator(32), torch.rand(8, 3, 32, 32)
    with torch.no_grad():
        assert not torch.equal(network(x).adv, network(x).adv)
        network.eval()
        assert torch.equal(network(x).adv, network(x).adv)
        off = _discriminator(32, dropout=0.0)
        assert torch.equal(off(x).adv, off(x).adv)


def _dcgan_generator() -> nn.Module:
    return GENERATORS["dcgan"](latent_dim=100, num_classes=K, resolution=32, image_channels=3, channels=64)


def _dcgan_discriminator() -> nn.Module:
    trunk = TRUNKS["dcgan"](resolution=32, image_channels=3, channels=64, spectral_norm=False)
    return Discriminator(trunk, num_classes=K)


@pytest.mark.parametrize(
    "make", [lambda: _generator(32), lambda: _discriminator(32), _dcgan_generator, _dcgan_discriminator]
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
