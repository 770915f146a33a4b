"""Freezing by bytes: no parameter and no buffer of the frozen part changes in a training, whatever the module."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from classifier_helpers import LABELS, N, make_classifier
from torch import Tensor, nn
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils.parametrizations import spectral_norm

from acgan.models import AuxClassifier

CHANNELS, SIDE = 4, 8


class RunningMean(nn.Module):
    """Subtracts a running mean; its buffers change in training mode, and one is replaced rather than written to."""

    mean: Tensor
    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, CHANNELS, 1, 1))
        self.register_buffer("seen", torch.tensor(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.mean.lerp_(x.detach().mean(dim=(0, 2, 3), keepdim=True), 0.1)
            self.seen = self.seen + len(x)
        return x - self.mean


class Observer(nn.Module):
    """Notes the range of what it sees in training mode and in eval mode, as observers of quantisation do."""

    largest: Tensor
    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("largest", torch.zeros(CHANNELS))
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        self.largest.copy_(torch.maximum(self.largest, x.detach().amax(dim=(0, 2, 3))))
        self.calls = self.calls + 1
        return x


class Codebook(nn.Module):
    """Returns what it computed without gradient, and counts its use."""

    use: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("use", torch.zeros(CHANNELS))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            if self.training:
                self.use += x.abs().mean(dim=(0, 2, 3))
            return x.round(decimals=1)


class Quantised(nn.Module):
    """Values of a codebook, with the gradient passed straight through."""

    def __init__(self) -> None:
        super().__init__()
        self.codebook = Codebook()

    def forward(self, x: Tensor) -> Tensor:
        quantised: Tensor = self.codebook(x)
        return x + (quantised - x).detach()


class Container(nn.Module):
    """Has buffers beside its layers, one of them dropout; returns a pair."""

    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.norm = nn.BatchNorm2d(CHANNELS, affine=False)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        if self.training:
            self.steps += 1
        return self.drop(self.norm(self.convolution(x))), 1


class First(nn.Module):
    def forward(self, pair: tuple[Tensor, int]) -> Tensor:
        return pair[0]


def _convolution() -> nn.Module:
    return nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)


KINDS: dict[str, Callable[[], nn.Module]] = {
    "batch norm": lambda: nn.BatchNorm2d(CHANNELS),
    "batch norm, no parameters": lambda: nn.BatchNorm2d(CHANNELS, affine=False),
    "batch norm, cumulative": lambda: nn.BatchNorm2d(CHANNELS, affine=False, momentum=None),
    "instance norm": lambda: nn.InstanceNorm2d(CHANNELS, affine=True, track_running_stats=True),
    "instance norm, no parameters": lambda: nn.InstanceNorm2d(CHANNELS, track_running_stats=True),
    "lazy batch norm": lambda: nn.LazyBatchNorm2d(affine=False),
    "spectral norm": lambda: spectral_norm(_convolution()),
    "spectral norm, the old one": lambda: old_spectral_norm(_convolution()),
    "buffers in training mode": RunningMean,
    "buffers in either mode": Observer,
    "no gradient": Quantised,
    "a container": lambda: nn.Sequential(Container(), First()),
}


def _network(kind: str) -> nn.Module:
    """The module first of all, in a block, before and after the layer ``middle``."""
    torch.manual_seed(0)
    make = KINDS[kind]
    network = nn.Sequential()
    network.add_module("colour", nn.Conv2d(3, CHANNELS, 1))
    network.add_module("below", nn.Sequential(make(), nn.ReLU(inplace=True), _convolution(), make()))
    network.add_module("middle", nn.Sequential(_convolution(), make()))
    network.add_module("above", nn.Sequential(_convolution(), make(), nn.ReLU()))
    network.add_module("last", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 6)))
    network(torch.randn(2, 3, SIDE, SIDE))  # lazy modules take their shape
    return network


def _bytes(network: nn.Module) -> dict[str, bytes]:
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {name: tensor.detach().clone().numpy().tobytes() for name, tensor in tensors.items()}


def _train(model: AuxClassifier, steps: int = 3) -> None:
    """Train, with an evaluation after each step, as a training does."""
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1)
    loss, generator = model.summed_loss(), torch.Generator().manual_seed(2)
    for _ in range(steps):
        x = 3 + 2 * torch.randn(N, 3, SIDE, SIDE, generator=generator)
        optimiser.zero_grad()
        loss(model.train()(x), LABELS).backward()
        optimiser.step()
        with torch.no_grad():
            model.eval()(x + 1)


def _changed(model: AuxClassifier, before: dict[str, bytes]) -> set[str]:
    return {name for name, found in _bytes(model.backbone).items() if found != before[name]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("freeze", "free"),
    [
        ("backbone", ()),
        ("until:middle", ("above.", "last.")),
        ("until:middle.0", ("middle.1.", "above.", "last.")),
        ("until:below.3", ("middle.", "above.", "last.")),
        ("none", ("",)),
    ],
)
def test_no_byte_of_the_frozen_part_changes(freeze: str, free: tuple[str, ...], kind: str) -> None:
    whole = make_classifier(_network(kind), image_size=SIDE)
    before = _bytes(whole.backbone)
    _train(whole)
    moving = _changed(whole, before)
    model = make_classifier(_network(kind), image_size=SIDE, freeze="backbone")
    model.freeze(freeze)
    assert _bytes(model.backbone) == before, "choosing changes nothing itself"
    _train(model)
    assert _changed(model, before) == {name for name in moving if name.startswith(free)}
    of_kind = {name for name, _ in model.backbone.named_buffers() if "num_batches" not in name}
    assert moving >= of_kind, "the test has buffers that move"


def test_a_copy_is_frozen_by_itself() -> None:
    model = make_classifier(_network("buffers in either mode"), image_size=SIDE, freeze="until:middle")
    other = copy.deepcopy(model)
    before = _bytes(model.backbone)
    _train(other)
    assert not _changed(model, before)
    assert {name for name in _changed(other, before) if name.startswith(("below.", "middle."))} == set()


def test_loaded_buffers_are_the_ones_that_stay() -> None:
    model = make_classifier(_network("buffers in either mode"), image_size=SIDE, freeze="backbone")
    other = copy.deepcopy(model)
    for name, buffer in other.backbone.named_buffers():
        buffer.fill_(7 if name.endswith("calls") else 0.5)
    model.load_state_dict(other.state_dict())
    _train(model)
    assert _bytes(model.backbone) == _bytes(other.backbone)


def test_synchronised_batch_norm_works_frozen_on_a_cpu() -> None:
    network = nn.SyncBatchNorm.convert_sync_batchnorm(_network("batch norm, no parameters"))
    model = make_classifier(network, image_size=SIDE, freeze="backbone")
    before = _bytes(model.backbone)
    _train(model)
    assert not _changed(model, before)


def test_a_branch_beside_the_layer_is_free() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, CHANNELS, 1)
            self.left = nn.Sequential(nn.BatchNorm2d(CHANNELS, affine=False), _convolution())
            self.right = nn.Sequential(nn.BatchNorm2d(CHANNELS, affine=False), _convolution())

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return (self.left(x) + self.right(x)).mean(dim=(2, 3))

    model = make_classifier(Branches(), image_size=SIDE, freeze="until:right")
    before = _bytes(model.backbone)
    _train(model)
    changed = _changed(model, before)
    assert {name.split(".")[0] for name in changed} == {"left"}
    assert "left.0.running_mean" in changed


def test_dropout_below_goes_on_as_it_was() -> None:
    model = make_classifier(_network("a container"), image_size=SIDE, freeze="backbone").train()
    assert all(layer.training for layer in model.modules() if isinstance(layer, nn.Dropout))


def test_a_network_s_own_buffers_are_free_unless_all_of_it_is_frozen() -> None:
    class Counting(nn.Sequential):
        steps: Tensor

        def __init__(self) -> None:
            super().__init__(*_network("batch norm").children())
            self.register_buffer("steps", torch.tensor(0))

        def forward(self, x: Tensor) -> Tensor:
            self.steps += 1
            return super().forward(x)

    model = make_classifier(Counting(), image_size=SIDE, freeze="until:2")
    _train(model, steps=2)
    assert model.backbone.steps == 4, "two steps, two evaluations"
    model.freeze("backbone")
    _train(model)
    assert model.backbone.steps == 4
