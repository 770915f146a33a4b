"""AuxClassifier on torchvision's networks, on the small one and on networks of one's own."""

import copy
import io
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.testing import assert_close

from acgan._torchvision import torchvision
from acgan.errors import UserError
from acgan.models import TRUNKS, AuxClassifier, AuxHead, Discriminator
from acgan.models.backbones import OWN_AUX, build_torchvision, cut_last_layer, run_once, torchvision_names
from acgan.models.small import SmallNet

K = 5
N = 2
SIZE = 64
LABELS = torch.tensor([1, 3])


def _images(size: int = SIZE, count: int = N, channels: int = 3) -> Tensor:
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(1))


def _classifier(backbone: str | nn.Module, aux: dict[str, float] | None = None, **changes: Any) -> AuxClassifier:
    torch.manual_seed(0)
    return AuxClassifier(backbone, K, aux, **changes)


def _torchvision(name: str, **changes: Any) -> nn.Module:
    """torchvision's own, whose initialisation is slow where it is not to be seen."""
    torch.manual_seed(3)
    if name in OWN_AUX:
        changes = {"init_weights": False, **changes}
    return torchvision.models.get_model(name, weights=None, num_classes=K, **changes)


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _changed(network: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def _hooks(network: nn.Module) -> int:
    return sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in network.modules())


def _scramble(network: nn.Module) -> None:
    """Give BatchNorm something to do in eval mode, and biases values other than 0."""
    generator = torch.Generator().manual_seed(4)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 2.0, generator=generator)


class Toy(nn.Module):
    """A network of one's own, with the odd layers that those have."""

    def __init__(self, last: nn.Module | None = None):
        super().__init__()
        self.main = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.pair = _Pair()
        self.idle = nn.Linear(4, 4)
        self.hidden = nn.Linear(4, 6)
        self.last = last or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.pair(self.norm(self.main(x)))
        return self.last(self.hidden(h.mean(dim=(2, 3))).tanh())


class _Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        return F.relu(x), 1


# Every network of torchvision's, without memory for its parameters


@pytest.fixture
def meta(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tensors have shapes alone; but RegNets compute their widths with tensors."""
    regnet = torchvision.models.regnet.BlockParams
    original = regnet.from_init_params.__func__

    def with_values(cls: type, *args: Any, **keywords: Any) -> Any:
        with torch.device("cpu"):
            return original(cls, *args, **keywords)

    monkeypatch.setattr(regnet, "from_init_params", classmethod(with_values))
    with torch.device("meta"):
        yield


def test_all_of_torchvision_s_networks_are_tested_here() -> None:
    assert len(torchvision_names()) >= 80
    assert {"resnet18", "inception_v3", "googlenet", "vit_b_16"} <= set(torchvision_names())


@pytest.mark.usefixtures("meta")
@pytest.mark.parametrize("name", torchvision_names())
def test_the_main_head_sits_on_every_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A file with weights for other classes, and with the network's own auxiliary classifiers, fits all of them.
    original = _torchvision(name)
    monkeypatch.setattr("acgan.models.backbones._read_state", lambda file: original.state_dict())
    model = AuxClassifier(name, 7, {}, weights="file.pth")
    size = 299 if name == "inception_v3" else 224
    assert model.eval()(torch.zeros(N, 3, size, size)).shape == (N, 7)
    assert list(model.heads) == ["main"]
    last = [weight for weight in original.parameters() if weight.ndim > 1 and len(weight) == K][-1]
    assert model.heads["main"].in_channels == last.shape[1]
    (main,) = model.reach()
    assert main.reached == main.backbone == sum(parameter.numel() for parameter in model.backbone.parameters())
    own_aux = sum(
        parameter.numel()
        for key, parameter in original.named_parameters()
        if key.startswith(("AuxLogits.", "aux1.", "aux2."))
    )
    last_bias = K * any(bias.shape == (K,) for bias in original.parameters())
    assert main.backbone == (
        sum(parameter.numel() for parameter in original.parameters()) - own_aux - last.numel() - last_bias
    )
    widths = {
        getattr(layer, "out_features", None) or getattr(layer, "out_channels", None)
        for layer in model.modules()
        if not list(layer.children()) and list(layer.parameters())
    }
    assert widths.isdisjoint({K, 1000} - {getattr(original, "_none", None)}) or 1000 in _body_widths(original)
