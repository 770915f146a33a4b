"""BatchNorm of parts that are computed together: what torch's own gives for the whole batch."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.testing import assert_close

from acgan import parallel
from acgan.models import GENERATORS, TRUNKS, share_batch_statistics

SIZES = (5, 2, 4)
SETTINGS: list[dict[str, Any]] = [
    {},
    {"momentum": None},
    {"momentum": 0.7, "eps": 0.1},
    {"affine": False},
    {"track_running_stats": False},
]


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _whole(network: nn.Module, inputs: Sequence[Tensor], gradient: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The output, and gradients of inputs that have one and of parameters."""
    leaves = [x.clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
    output = network(*leaves)
    wanted = [x for x in leaves if x.requires_grad]
    wanted += [parameter for parameter in network.parameters() if parameter.requires_grad]
    return output.detach(), list(torch.autograd.grad(output, wanted, gradient))


def _in_parts(
    network: nn.Module,
    inputs: Sequence[Tensor],
    gradient: Tensor,
    sizes: Sequence[int] = SIZES,
    cores: int = 2,
) -> tuple[Tensor, list[Tensor]]:
    """The same from parts: their rows one after another, and the sum of the gradients of each parameter."""
    split = [x.split(list(sizes)) for x in (*inputs, gradient)]
    with parallel.using_cores(cores):
        found = parallel.together(
            lambda part: _whole(network, part[:-1], part[-1]), list(zip(*split, strict=True))
        )
    images = sum(x.is_floating_point() for x in inputs)
    gradients = [
        torch.cat(of_parts) if place < images else torch.stack(of_parts).sum(dim=0)
        for place, of_parts in enumerate(zip(*(gradients for _, gradients in found), strict=True))
    ]
    return torch.cat([output for output, _ in found]), gradients


def _layer(**settings: Any) -> nn.Module:
    layer = nn.BatchNorm2d(6, **settings).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(_draw(6, seed=3))
        for buffer in layer.buffers():
            buffer.copy_(_draw(*buffer.shape, seed=4).abs() + 1)
    return layer


def _assert_same_as_whole(network: nn.Module, inputs: Sequence[Tensor], gradient: Tensor) -> None:
    shared = copy.deepcopy(network)
    share_batch_statistics(shared)
    for _ in range(2):  # the second batch weighs otherwise in running statistics
        assert_close(_in_parts(shared, inputs, gradient), _whole(network, inputs, gradient))
    assert_close(dict(shared.state_dict()), dict(network.state_dict()))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_outputs_gradients_and_running_statistics(settings: dict[str, Any]) -> None:
    # A mean that is large against the deviation: sums of squares would cancel.
    x = _draw(sum(SIZES), 6, 3, 2) + 1000
    _assert_same_as_whole(_layer(**settings), [x], _draw(*x.shape, seed=1))


def test_channels_last() -> None:
    x, gradient = (_draw(11, 6, 3, 2, seed=seed).to(memory_format=torch.channels_last) for seed in (0, 1))
    _assert_same_as_whole(_layer(), [x], gradient)


@pytest.mark.parametrize("settings", SETTINGS[:-1], ids=str)
def test_eval_mode_is_torch_s(settings: dict[str, Any]) -> None:
    layer = _layer(**settings).eval()
    x, gradient = _draw(11, 6, 3, 2), _draw(11, 6, 3, 2, seed=1)
    parts = zip(x.split(SIZES), gradient.split(SIZES), strict=True)
    expected = [_whole(layer, [part], of_part) for part, of_part in parts]
    before = copy.deepcopy(layer.state_dict())
    share_batch_statistics(layer)
    found = _in_parts(layer, [x], gradient)
    assert torch.equal(found[0], torch.cat([output for output, _ in expected]))
    assert torch.equal(found[1][0], torch.cat([gradients[0] for _, gradients in expected]))
    assert_close(dict(layer.state_dict()), dict(before), rtol=0, atol=0)


def test_eval_mode_without_running_statistics_is_of_the_batch() -> None:
    layer = _layer(track_running_stats=False).eval()
    _assert_same_as_whole(layer, [_draw(11, 6, 3, 2)], _draw(11, 6, 3, 2, seed=1))


def test_frozen_layers() -> None:
    network = nn.Sequential(_layer(), nn.Tanh(), _layer()).train()
    network[0].eval()  # as a frozen part of a classifier
    network[0].requires_grad_(False)
    network[2].weight.requires_grad_(False)
    _assert_same_as_whole(network, [_draw(11, 6, 3, 2)], _draw(11, 6, 3, 2, seed=1))


def test_images_without_a_gradient() -> None:
    layer = _layer()
    shared = copy.deepcopy(layer)
    share_batch_statistics(shared)
    x, gradient = _draw(11, 6, 3, 2), _draw(11, 6, 3, 2, seed=1)

    def gradients(part: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        return torch.autograd.grad(shared(part[0]), list(shared.parameters()), part[1])

    parts = list(zip(x.split(SIZES), gradient.split(SIZES), strict=True))
    found = [sum(of_parts) for of_parts in zip(*parallel.together(gradients, parts), strict=True)]
    assert_close(found, list(torch.autograd.grad(layer(x), list(layer.parameters()), gradient)))


@pytest.mark.parametrize("together", [True, False])
def test_one_part_is_torch_s_to_the_last_bit(together: bool) -> None:
    layer = _layer().float()
    shared = copy.deepcopy(layer)
    share_batch_statistics(shared)
    x, gradient = _draw(11, 6, 3, 2).float(), _draw(11, 6, 3, 2, seed=1).float()
    with parallel.using_cores(1):
        expected = _whole(layer, [x], gradient)
    found = _in_parts(shared, [x], gradient, [11]) if together else _whole(shared, [x], gradient)
    assert_close(found, expected, rtol=0, atol=0)
    assert_close(dict(shared.state_dict()), dict(layer.state_dict()), rtol=0, atol=0)


def test_the_bits_do_not_depend_on_the_number_of_cores() -> None:
    network = nn.Sequential(nn.Conv2d(6, 6, 3), _layer(), nn.Conv2d(6, 6, 3)).float()
    share_batch_statistics(network)
    x, gradient = _draw(11, 6, 9, 9).float(), _draw(11, 6, 5, 5, seed=1).float()
    found = []
    for cores in (1, 2, 3):
        twin = copy.deepcopy(network)
        found.append((_in_parts(twin, [x], gradient, cores=cores), dict(twin.state_dict())))
    for other in found[1:]:
        assert_close(other, found[0], rtol=0, atol=0)


def test_bfloat16_has_statistics_in_float32() -> None:
    layer = _layer().float()
    twin = copy.deepcopy(layer).double()
    share_batch_statistics(layer)
    x = (_draw(11, 6, 7, 7) + 30).bfloat16()
    gradient = _draw(11, 6, 7, 7, seed=1).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        output, gradients = _in_parts(layer, [x], gradient)
    expected, wanted = _whole(twin, [x.double()], gradient.double())
    assert output.dtype == gradients[0].dtype == torch.bfloat16
    assert_close(output.double(), expected, rtol=2**-8, atol=2**-8)
    assert_close(gradients[0].double(), wanted[0], rtol=2**-6, atol=2**-8)
    for found, exact in zip(gradients[1:], wanted[1:], strict=True):
        assert found.dtype == torch.float32
        assert_close(found.double(), exact, rtol=1e-4, atol=1e-4)
    for name, value in layer.state_dict().items():
        assert_close(value.double(), twin.state_dict()[name].double(), rtol=1e-5, atol=1e-5)


# Networks


def test_our_generator() -> None:
    torch.manual_seed(0)
    generator = GENERATORS["dcgan"](latent_dim=5, num_classes=3, resolution=16, image_channels=1, channels=4)
    y = torch.arange(11) % 3
    _assert_same_as_whole(generator.double(), [_draw(11, 5), y], _draw(11, 1, 16, 16, seed=1))


def test_our_discriminator() -> None:
    torch.manual_seed(0)
    keywords = {"resolution": 16, "image_channels": 1, "channels": 4, "spectral_norm": False}
    trunk = TRUNKS["dcgan"](**keywords).double()
    x = _draw(11, 1, 16, 16)
    gradient = _draw(11, trunk.feature_dim, seed=1)
    _assert_same_as_whole(trunk, [x], gradient)


def test_torchvision_s_network() -> None:
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=4).double()
    _assert_same_as_whole(network, [_draw(11, 3, 33, 33)], _draw(11, 4, seed=1))


# What is left


def test_nothing_but_the_class_changes() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Sequential(nn.BatchNorm2d(6)))
    twin = copy.deepcopy(network)
    for _ in range(2):  # the second time changes nothing
        share_batch_statistics(twin)
    assert list(twin.state_dict()) == list(network.state_dict())
    assert isinstance(twin[1][0], nn.BatchNorm2d)
    copied = copy.deepcopy(twin)
    assert type(copied[1][0]) is type(twin[1][0]) is not nn.BatchNorm2d
    network.load_state_dict(copied.state_dict())


def test_a_second_derivative_is_refused() -> None:
    layer = _layer()
    share_batch_statistics(layer)
    x = _draw(11, 6, 3, 2)

    def penalty(part: Tensor) -> Tensor:
        part = part.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(layer(part).square().sum(), part, create_graph=True)
        return gradient.square().sum()

    assert penalty(x).requires_grad  # torch's own has one
    with pytest.raises(RuntimeError, match="second derivative"):
        parallel.together(penalty, x.split(SIZES))


def test_a_backward_pass_of_one_part_alone_is_refused() -> None:
    layer = _layer()
    share_batch_statistics(layer)
    outputs = parallel.together(layer, _draw(11, 6, 3, 2).split(SIZES))
    with pytest.raises(RuntimeError, match="together"):
        outputs[0].sum().backward()
