"""Standing statistics against averages by hand."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.models import GENERATORS, standing_statistics

K = 3
Z = 4


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _batches(*sizes: int) -> list[tuple[Tensor, Tensor]]:
    return [(_draw(size, Z, seed=size), torch.arange(size) % K) for size in sizes]


class _Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(K, Z)
        self.norm1 = nn.BatchNorm1d(Z, momentum=0.3)
        self.drop = nn.Dropout(0.5)
        self.norm2 = nn.BatchNorm1d(Z, momentum=0.3, affine=False)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.norm2(self.drop(self.norm1(z + self.embed(y))).exp())
        return out


def _toy() -> _Toy:
    torch.manual_seed(0)
    network = _Toy().double()
    network(*_batches(7)[0])  # running statistics from elsewhere
    return network


def test_statistics_are_averages_over_the_batches() -> None:
    network, batches = _toy(), _batches(5, 9, 14)
    twin = standing_statistics(network, batches)
    first, second = [], []
    for z, y in batches:
        x = (z + network.embed(y)).detach()
        first.append((x.mean(0), x.var(0)))
        h = ((x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()).exp()  # by the batch; no dropout
        second.append((h.mean(0), h.var(0)))
    for norm, statistics in ((twin.norm1, first), (twin.norm2, second)):
        means, variances = (torch.stack(values).mean(0) for values in zip(*statistics, strict=True))
        assert_close(norm.running_mean, means)
        assert_close(norm.running_var, variances)
        assert norm.num_batches_tracked == 3
    z, y = batches[0]
    x = (z + network.embed(y) - twin.norm1.running_mean) / (twin.norm1.running_var + 1e-5).sqrt()
    expected = (x.exp() - twin.norm2.running_mean) / (twin.norm2.running_var + 1e-5).sqrt()
    assert_close(twin(z, y), expected)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_is(training: bool) -> None:
    network = _toy().train(training)
    before = copy.deepcopy(network.state_dict())
    twin = standing_statistics(network, _batches(5, 6))
    assert_close(network.state_dict(), before, rtol=0, atol=0)
    assert all(module.training is training for module in network.modules())
    assert not any(module.training for module in twin.modules())
    assert twin.norm1.momentum == twin.norm2.momentum == network.norm1.momentum == 0.3
    assert_close(twin.embed.weight, network.embed.weight, rtol=0, atol=0)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in twin.parameters())
    assert twin.norm1.running_mean.grad_fn is None


@pytest.mark.parametrize("kind", ["paper", "dcgan"])
def test_after_one_batch_a_generator_makes_that_batch(kind: str) -> None:
    torch.manual_seed(0)
    channels = {"channels": 4} if kind == "dcgan" else {}
    generator = GENERATORS[kind](latent_dim=Z, num_classes=K, resolution=32, image_channels=1, **channels)
    batches = [(z.float(), y) for z, y in _batches(6)]
    twin = standing_statistics(generator, batches)
    with torch.no_grad():
        by_batch = generator.train()(*batches[0])
        # In eval mode the variances are the unbiased ones: at 4 x 4 of 6 images, 1/95 larger.
        assert_close(twin(*batches[0]), by_batch, rtol=0.05, atol=0.02)


def test_a_network_without_batch_norm_is_returned_itself() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.GroupNorm(1, 2)).train()
    assert standing_statistics(network, []) is network
    assert network.training


def test_no_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="no batches"):
        standing_statistics(_toy(), [])
