"""Random layers of torch and torchvision that draw by image: parts of a batch drop what the whole batch would."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from acgan import parallel
from acgan.models import draw_by_image, share_batch_statistics
from acgan.runtime import Draws, layer_draws

SIZES = (5, 2, 4)
NUM = sum(SIZES)
P = 0.4
Make = Callable[[float], nn.Module]
StochasticDepth = torchvision.ops.StochasticDepth
#: Layers, the shape of an image, and the shape of what is drawn for one.
LAYERS = [
    (nn.Dropout, (6,), (6,)),
    (nn.Dropout, (3, 4, 5), (3, 4, 5)),
    (lambda p: StochasticDepth(p, "row"), (3, 4, 5), (1, 1, 1)),
    (lambda p: StochasticDepth(p, "row"), (6,), (1,)),
]


def _drawn(network: nn.Module, x: Tensor, first: int = 0, iteration: int = 3) -> Tensor:
    before = torch.get_rng_state()
    with layer_draws(Draws(0), "test", iteration, offset=first):
        output: Tensor = network(x)
    assert torch.equal(torch.get_rng_state(), before), "torch's own generator is not used"
    return output


def _in_parts(network: nn.Module, x: Tensor, cores: int = 2) -> Tensor:
    def of_part(part: tuple[int, Tensor]) -> Tensor:
        return _drawn(network, part[1], part[0])

    starts = [sum(SIZES[:place]) for place in range(len(SIZES))]
    with parallel.using_cores(cores):
        return torch.cat(parallel.together(of_part, list(zip(starts, x.split(SIZES), strict=True))))


@pytest.mark.parametrize(("make", "shape", "drawn"), LAYERS)
def test_each_image_has_its_own_draws(make: Make, shape: tuple[int, ...], drawn: tuple[int, ...]) -> None:
    layer = nn.Sequential(make(P), make(P)).train()
    draw_by_image(layer)
    x = torch.ones(400, *shape)
    first = _drawn(layer[:1], x)
    assert first.unique().tolist() == pytest.approx([0, 1 / (1 - P)])
    # The same along the axes that nothing is drawn for, and otherwise not.
    kept = first[(slice(None), *(slice(0, size) for size in drawn))]
    assert torch.equal(first, kept.expand_as(first))
    assert all(len(kept.unique(dim=axis)) > 1 for axis in range(kept.ndim) if kept.shape[axis] > 1)
    share = (kept > 0).double().mean().item()
    assert abs(share - (1 - P)) < 5 * math.sqrt(P * (1 - P) / kept.numel())
    both = _drawn(layer, x)
    assert (both > 0).double().mean().item() < share - 0.1, "the second layer draws other numbers"
    assert not torch.equal(_drawn(layer, x, iteration=4), both)


@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize(("make", "shape", "drawn"), LAYERS)
def test_parts_drop_what_the_whole_batch_does(
    make: Make, shape: tuple[int, ...], drawn: object, cores: int
) -> None:
    layer = nn.Sequential(make(P), make(P)).train()
    draw_by_image(layer)
    x = torch.linspace(1, 2, NUM * math.prod(shape)).view(NUM, *shape)
    assert torch.equal(_in_parts(layer, x, cores), _drawn(layer, x))


@pytest.mark.parametrize(("make", "shape", "drawn"), LAYERS)
def test_what_never_or_always_drops(make: Make, shape: tuple[int, ...], drawn: object) -> None:
    x = torch.ones(3, *shape)
    for p, mode, expected in ((0.0, True, 1.0), (1.0, True, 0.0), (P, False, 1.0)):
        layer = make(p).train(mode)
        draw_by_image(layer)
        assert (_drawn(layer, x) == expected).all()


def test_gradients_go_where_values_do() -> None:
    layer = StochasticDepth(P, "row")
    draw_by_image(layer)
    x = torch.ones(4, 9, 3, 3, requires_grad=True)
    output = _drawn(layer, x)
    output.sum().backward()
    assert torch.equal(x.grad, output)


def test_nothing_but_the_class_changes() -> None:
    network = nn.ModuleDict({"drop": nn.Dropout(P), "row": StochasticDepth(P, "row"), "flat": nn.Flatten()})
    before = {name: type(layer) for name, layer in network.items()}
    for _ in range(2):  # the second time changes nothing
        draw_by_image(network)
    assert {name for name, layer in network.items() if type(layer) is not before[name]} == {"drop", "row"}
    assert isinstance(network["drop"], nn.Dropout)
    assert type(copy.deepcopy(network)["row"]) is type(network["row"])


@pytest.mark.parametrize("name", ["efficientnet_b0", "googlenet", "convnext_tiny", "vit_b_16"])
def test_torchvision_s_networks_in_parts(name: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        keywords = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
        if name == "vit_b_16":
            keywords = {"image_size": 32, "dropout": 0.2}
        network = torchvision.models.get_model(name, weights=None, num_classes=3, **keywords).double().train()
        for parameter in network.parameters():  # the last layer of some is 0
            nn.init.normal_(parameter, std=0.05)
        x = torch.randn(NUM, 3, 32, 32, dtype=torch.float64)
    draw_by_image(network)
    share_batch_statistics(network)
    with torch.no_grad():
        whole = _drawn(network, x)
        assert not torch.allclose(_drawn(network, x, iteration=4), whole), "it drops something"
        torch.testing.assert_close(_in_parts(network, x), whole)
