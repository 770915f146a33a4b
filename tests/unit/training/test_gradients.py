"""Gradients of a network in one tensor: those of autograd, in the memory format of each parameter."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from acgan.distributed import Ranks
from acgan.training.gradients import Gradients


class Net(nn.Module):
    """With a part that no loss depends on, and a part that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(2, 3, 3)
        self.unused = nn.Linear(2, 2)
        self.frozen = nn.Linear(3, 3).requires_grad_(False)
        self.out = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.frozen(self.conv(x).mean(dim=(2, 3)))).square().mean()


X = torch.randn(6, 2, 5, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_portions_add_up_to_autograd_s_gradients(memory: torch.memory_format) -> None:
    network, expected = Net().to(memory_format=memory), Net().to(memory_format=memory)
    expected(X).backward()
    gradients = Gradients(network)
    for _ in range(2):  # nothing is left of the step before
        gradients.clear()
        for part in (X[:2], X[2:]):
            gradients.add(gradients.of(network(part) * len(part) / len(X), network))
        flat = gradients.average_and_set(Ranks())
    for (name, one), other in zip(network.named_parameters(), expected.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None:
            assert_close(one.grad, other.grad)
            assert one.grad.stride() == one.stride()  # the fused optimiser does not look at strides
    given = [parameter.grad for parameter in expected.parameters() if parameter.grad is not None]
    assert len(flat) == sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert_close(flat.norm(), torch.stack([gradient.norm() for gradient in given]).norm())


def test_a_fused_step_is_that_of_plain_adam() -> None:
    networks = [Net().to(memory_format=torch.channels_last) for _ in range(2)]
    one, other = networks
    fused = torch.optim.Adam(one.parameters(), lr=0.1, fused=True)
    plain = torch.optim.Adam(other.parameters(), lr=0.1, foreach=False)
    gradients = Gradients(one)
    for _ in range(3):
        gradients.clear()
        gradients.add(gradients.of(one(X), one))
        gradients.average_and_set(Ranks())
        fused.step()
        plain.zero_grad()
        other(X).backward()
        plain.step()
    assert_close(list(one.parameters()), list(other.parameters()))


def test_a_sum_that_trains_nothing_is_refused() -> None:
    network = Net()
    gradients = Gradients(network)
    scale = torch.ones((), requires_grad=True)
    for total in (scale * 2, torch.ones(())):  # of something else, and of nothing
        with pytest.raises(ValueError, match="depends on none of the 6 trained parameters of Net; expected"):
            gradients.of(total, network)
    frozen = Net().requires_grad_(False)
    with pytest.raises(ValueError, match="none of the 0 trained parameters"):
        Gradients(frozen).of(frozen(X.clone().requires_grad_()), frozen)
