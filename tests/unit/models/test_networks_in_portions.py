"""Portions of a batch compute what the whole batch does in every network that a configuration can name.

Layers that mix the images of a batch, or draw random numbers, must be among those that are made ready for portions. A
network with others makes these tests fail: add its layer to ``share_batch_statistics`` or ``draw_by_image``.
"""

from collections.abc import Iterator

import pytest
import torchvision
from gan_helpers import gan_config, gan_store
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.module import register_module_parameter_registration_hook

from acgan.assembly.gan import build_discriminator, build_generator
from acgan.assembly.portions import prepare_for_portions
from acgan.models import GENERATORS, TRUNKS, AuxHead, SmallNet
from acgan.models.backbones import OWN_AUX, torchvision_names
from acgan.models.batch_norm import _BatchNormOverParts
from acgan.models.random_layers import _DropoutByImage, _StochasticDepthByImage

P = 0.3


@pytest.fixture
def no_weights() -> Iterator[None]:
    """Parameters take no memory, and no time to be drawn: some networks have a billion."""

    def without_memory(module: nn.Module, name: str, parameter: Tensor | None) -> Tensor | None:
        return None if parameter is None else nn.Parameter(parameter.detach().to("meta"))

    handle = register_module_parameter_registration_hook(without_memory)
    yield
    handle.remove()


def _not_for_portions(network: nn.Module) -> list[str]:
    prepare_for_portions(network)
    return [f"{name}: {layer}" for name, layer in network.named_modules() if _is_left(layer)]


def _is_left(layer: nn.Module) -> bool:
    if isinstance(layer, _NormBase):
        mixes = not isinstance(layer, nn.modules.instancenorm._InstanceNorm) or layer.track_running_stats
        return mixes and not isinstance(layer, _BatchNormOverParts)
    if isinstance(layer, (_DropoutNd, torchvision.ops.StochasticDepth)):
        return layer.p > 0 and not isinstance(layer, (_DropoutByImage, _StochasticDepthByImage))
    if isinstance(layer, (nn.MultiheadAttention, nn.RNNBase)):
        return layer.dropout > 0
    return isinstance(layer, (nn.RReLU, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d))


@pytest.mark.parametrize("kind", GENERATORS)
def test_generators(kind: str) -> None:
    config = gan_config(f"model.generator.kind={kind}")
    assert _not_for_portions(build_generator(config, gan_store(32))) == []


@pytest.mark.parametrize("kind", TRUNKS)
def test_discriminators(kind: str) -> None:
    config = gan_config(f"model.discriminator.kind={kind}", "loss.penalty=null")
    assert _not_for_portions(build_discriminator(config, gan_store(32))) == []


def test_classifiers(no_weights: None) -> None:
    assert _not_for_portions(AuxHead(8, 3, kind="stem", dropout=P)) == []
    assert _not_for_portions(SmallNet(image_channels=3, resolution=32, channels=8)) == []
    for name in _torchvision_s_families():
        own = {"aux_logits": False, "init_weights": False} if name in OWN_AUX else {}
        network = torchvision.models.get_model(name, weights=None, **own)
        assert _not_for_portions(network) == [], name


def _torchvision_s_families() -> set[str]:
    """The first and the last name of each module: all networks of torchvision take ten times the time of a test."""
    families: dict[str, list[str]] = {}
    for name in torchvision_names():
        families.setdefault(torchvision.models.get_model_builder(name).__module__, []).append(name)
    return {name for names in families.values() for name in (names[0], names[-1])}


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm1d(4),
        nn.SyncBatchNorm(4),
        nn.InstanceNorm2d(4, track_running_stats=True),
        nn.AlphaDropout(P),
        nn.Dropout2d(P),
        torchvision.ops.StochasticDepth(P, "batch"),
        nn.MultiheadAttention(4, 2, dropout=P),
        nn.LSTM(4, 4, num_layers=2, dropout=P),
        nn.RReLU(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_these_tests_know_layers_that_need_the_whole_batch(layer: nn.Module) -> None:
    assert len(_not_for_portions(nn.Sequential(nn.Conv2d(4, 4, 1), layer))) == 1
