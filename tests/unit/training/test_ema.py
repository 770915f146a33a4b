"""The running mean of the weights, in closed form."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from acgan.training.ema import EMA


def _network(value: float = 0.0) -> nn.Module:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double()
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.fill_(value)
    return network


def _floating(network: nn.Module) -> list[torch.Tensor]:
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def test_after_the_half_life_an_old_weight_counts_half() -> None:
    ema, target = EMA(_network(1.0), half_life_nimg=1000, ramp_up=None), _network(0.0)
    for step in range(1, 11):
        ema.update(target, nimg=100 * step, batch_size=100)
    for tensor in _floating(ema.network):
        assert_close(tensor, torch.full_like(tensor, 0.5))


@pytest.mark.parametrize("batch_size", [1, 64, 1000])
def test_closed_form_of_a_moving_target(batch_size: int) -> None:
    ema = EMA(_network(1.0), half_life_nimg=300, ramp_up=None)
    kept, expected = 2 ** (-batch_size / 300), 1.0
    for step, value in enumerate((3.0, -1.0, 0.5), start=1):
        ema.update(_network(value), nimg=step * batch_size, batch_size=batch_size)
        expected = kept * expected + (1 - kept) * value
    for tensor in _floating(ema.network):
        assert_close(tensor, torch.full_like(tensor, expected))


def test_ramp_up_bounds_the_half_life_at_the_start() -> None:
    # 0.1 of 500 images is 50: one batch of 50 halves the old weight. From 10,000 on the half-life is 1,000.
    ema = EMA(_network(1.0), half_life_nimg=1000, ramp_up=0.1)
    ema.update(_network(0.0), nimg=500, batch_size=50)
    assert_close(ema.network[0].weight[0, 0].item(), 0.5)
    ema = EMA(_network(1.0), half_life_nimg=1000, ramp_up=0.1)
    ema.update(_network(0.0), nimg=20_000, batch_size=1000)
    assert_close(ema.network[0].weight[0, 0].item(), 0.5)


@pytest.mark.parametrize("ramp_up", [None, 0.1])
def test_no_half_life_copies(ramp_up: float | None) -> None:
    ema, target = EMA(_network(1.0), half_life_nimg=0, ramp_up=ramp_up), _network(0.3)
    ema.update(target, nimg=64, batch_size=64)
    assert all(torch.equal(a, b) for a, b in zip(_floating(ema.network), _floating(target), strict=True))


def test_integer_buffers_are_left_as_they_are() -> None:
    ema, target = EMA(_network(0.0), half_life_nimg=10, ramp_up=None), _network(0.0)
    target[1].num_batches_tracked.fill_(7)
    ema.update(target, nimg=10, batch_size=10)
    assert ema.network[1].num_batches_tracked.dtype is torch.int64
    assert ema.network[1].num_batches_tracked == 0


def test_the_mean_is_an_independent_frozen_network_in_eval_mode() -> None:
    network = _network(1.0).train()
    ema = EMA(network, half_life_nimg=10, ramp_up=None)
    assert not ema.network.training
    assert network.training
    assert not any(parameter.requires_grad for parameter in ema.network.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())
    with torch.no_grad():
        network[0].weight.fill_(5.0)
    assert (ema.network[0].weight == 1).all()
    ema.update(network, nimg=10, batch_size=10)
    assert (network[0].weight == 5).all()
    assert_close(ema.network[0].weight, torch.full_like(network[0].weight, 3.0))


def test_until_its_start_the_mean_is_a_copy() -> None:
    ema = EMA(_network(1.0), half_life_nimg=8, ramp_up=None, start_nimg=16)
    for nimg, value, expected in ((8, 5.0, 5.0), (16, 3.0, 3.0), (24, 1.0, 2.0)):
        ema.update(_network(value), nimg=nimg, batch_size=8)
        assert_close(ema.network[0].weight, torch.full((3, 2), expected, dtype=torch.float64))
