"""Convolutions of maps of one pixel: the same results, and gradients that are right in bfloat16 too."""

import copy

import pytest
import torch
from torch import nn

from acgan.models import AuxClassifier
from acgan.models.one_pixel import crop_kernels_on_one_pixel


def gradient_of_weight(layer: nn.Conv2d, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    # What is not written shows what lay there before.
    waste = [torch.full_like(layer.weight, torch.nan) for _ in range(12)]
    y = layer(x)
    del waste
    (gradient,) = torch.autograd.grad(y, layer.weight, g)
    return gradient


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "groups"), [(3, 2, 1, 1), (3, 1, 1, 4), (5, 1, 2, 1)]
)
def test_gradients_of_the_weights_in_bfloat16(kernel: int, stride: int, padding: int, groups: int) -> None:
    generator = torch.Generator().manual_seed(0)
    layer = nn.Conv2d(128, 256, kernel, stride, padding, groups=groups)
    x = torch.randn(32, 128, 1, 1, generator=generator)
    g = torch.randn(32, 256, 1, 1, generator=generator)
    expected = gradient_of_weight(copy.deepcopy(layer).double(), x.double(), g.double())
    crop_kernels_on_one_pixel(layer)
    layer, x, g = layer.bfloat16(), x.bfloat16(), g.bfloat16()
    for _ in range(6):
        found = gradient_of_weight(layer, x, g)
        torch.testing.assert_close(found.double(), expected, atol=0.25, rtol=0.02)
        assert found.count_nonzero() <= found.numel() / kernel**2  # the middle


@pytest.mark.parametrize("side", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_outputs_are_those_of_the_plain_layer(side: int, stride: int) -> None:
    layer = nn.Conv2d(6, 4, (3, 5), stride, (2, 4), dilation=2, bias=True).double()
    x = torch.randn(2, 6, side, side, dtype=torch.float64)
    expected = layer(x)
    crop_kernels_on_one_pixel(layer)
    assert type(layer) is not nn.Conv2d
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 2, 1),
        nn.Conv2d(2, 2, 3),
        nn.Conv2d(2, 2, 4, 2, 1),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(2, 2, 3, padding="same"),
    ],
)
def test_other_layers_are_left_alone(layer: nn.Conv2d) -> None:
    crop_kernels_on_one_pixel(layer)
    assert type(layer) is nn.Conv2d


def test_networks_of_torchvision_have_it() -> None:
    layer = AuxClassifier("resnet18", 3, image_size=16).backbone.get_submodule("layer4.0.conv1")
    assert type(layer) is not nn.Conv2d
    assert isinstance(layer, nn.Conv2d)
