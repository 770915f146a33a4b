"""The convolutions of a network: all are found, and their operations are counted right."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from gan_helpers import CPU
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from acgan.benchmarking.convolutions import Convolution, convolutions_of
from acgan.benchmarking.flops import count_flops


def convolution(maps: tuple[int, ...], weight: tuple[int, ...], **changes: Any) -> Convolution:
    stride, padding, groups = changes.get("stride", 1), changes.get("padding", 0), changes.get("groups", 1)
    transposed = changes.get("transposed", False)
    settings = ((stride, stride), (padding, padding), (1, 1), transposed, (0, 0), groups)
    return Convolution(maps, weight, settings)


def test_operations_of_a_plain_convolution() -> None:
    # 4 x 4 places of the output, 6 maps of it, windows of 3 x 3 on 5 maps, a multiplication and an addition.
    assert convolution((5, 6, 6), (6, 5, 3, 3)).flops(10) == 10 * 4 * 4 * 6 * 9 * 5 * 2


@pytest.mark.parametrize(
    "shape",
    [
        convolution((3, 17, 17), (8, 3, 3, 3), stride=2, padding=1),
        convolution((8, 9, 9), (4, 2, 5, 5), groups=4),
        convolution((8, 7, 7), (8, 3, 4, 4), stride=2, padding=1, transposed=True),
        convolution((8, 7, 7), (8, 3, 4, 4), stride=2, padding=1, transposed=True, groups=2),
        convolution((6, 8, 8), (5, 6, 1, 1)),
    ],
)
def test_operations_are_those_that_torch_counts(shape: Convolution) -> None:
    x, weight, gradient = shape.tensors(7, torch.float32, CPU)
    with FlopCounterMode(display=False) as counter:
        out = shape(x, weight)
    assert shape.flops(7) == counter.get_total_flops()
    assert gradient.shape == out.shape
    rows, inner, columns = shape.product(7)
    assert 2 * rows * inner * columns == shape.flops(7)


def test_convolutions_are_found_in_layers_and_functions_and_counted() -> None:
    layer, weight = nn.Conv2d(3, 4, 3, padding=1), torch.randn(3, 4, 1, 1)
    turned = nn.ConvTranspose2d(3, 2, 4, stride=2)

    def forward() -> None:
        x = torch.randn(5, 3, 8, 8)
        for _ in range(2):
            x = F.conv2d(layer(x), weight)
        turned(x)

    found = convolutions_of(forward)
    assert found == {
        convolution((3, 8, 8), (4, 3, 3, 3), padding=1): 2,
        convolution((4, 8, 8), (3, 4, 1, 1)): 2,
        convolution((3, 8, 8), (3, 2, 4, 4), stride=2, transposed=True): 1,
    }


def test_the_memory_format_is_kept() -> None:
    layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    x = torch.randn(5, 3, 8, 8).to(memory_format=torch.channels_last)
    (shape,) = convolutions_of(lambda: layer(x))
    assert shape.channels_last == (True, True)
    for tensor in shape.tensors(2, torch.bfloat16, CPU):
        assert tensor.is_contiguous(memory_format=torch.channels_last)
    (shape,) = convolutions_of(lambda: layer(x.contiguous()))
    assert shape.channels_last == (False, True)


def test_tensors_are_of_the_dtype_and_number() -> None:
    x, weight, gradient = convolution((3, 8, 8), (4, 3, 3, 3)).tensors(2, torch.bfloat16, CPU)
    assert (x.shape, x.dtype) == ((2, 3, 8, 8), torch.bfloat16)
    assert (weight.shape, weight.dtype) == ((4, 3, 3, 3), torch.bfloat16)
    assert (gradient.shape, gradient.dtype) == ((2, 4, 6, 6), torch.bfloat16)


# Operations of anything.


def test_a_matrix_product_and_its_gradients() -> None:
    a, b = torch.randn(3, 4, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    forward = 2 * 3 * 4 * 5
    assert count_flops(lambda: a @ b) == forward
    assert count_flops(lambda: (a @ b).sum().backward()) == 3 * forward
    assert count_flops(lambda: torch.relu(a)) == 0


def test_a_convolution_its_gradients_and_the_gradient_of_a_gradient() -> None:
    shape = convolution((3, 8, 8), (4, 3, 3, 3), padding=1)
    x, weight, gradient = shape.tensors(2, torch.float32, CPU)
    x.requires_grad_()
    weight.requires_grad_()
    once = shape.flops(2)
    assert count_flops(lambda: shape(x, weight).backward(gradient)) == 3 * once

    def penalty() -> None:
        (of_x,) = torch.autograd.grad(shape(x, weight).square().sum(), x, create_graph=True)
        of_x.square().sum().backward()

    # out and the gradient of x; then those of both, where each convolution has two gradients.
    assert count_flops(penalty) == (2 + 2 + 2) * once
