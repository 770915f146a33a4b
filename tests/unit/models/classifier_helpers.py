"""What the tests of AuxClassifier share."""

from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from acgan.models import AuxClassifier
from acgan.models.backbones import OWN_AUX

K = 5
N = 2
SIZE = 64
LABELS = torch.tensor([1, 3])


def make_images(size: int = SIZE, count: int = N, channels: int = 3) -> Tensor:
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(1))


def make_classifier(
    backbone: str | nn.Module, aux: dict[str, float] | None = None, **changes: Any
) -> AuxClassifier:
    torch.manual_seed(0)
    return AuxClassifier(backbone, K, aux, **changes)


def make_plain(name: str, **changes: Any) -> nn.Module:
    """torchvision's own, whose initialisation is slow where it is not to be seen."""
    torch.manual_seed(3)
    if name in OWN_AUX:
        changes = {"init_weights": False, **changes}
    return torchvision.models.get_model(name, weights=None, num_classes=K, **changes)


def state_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def changed_in(network: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def count_hooks(network: nn.Module) -> int:
    return sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in network.modules())


def reached(model: AuxClassifier, head: str) -> int:
    (found,) = [reach for reach in model.reach() if reach.head == head]
    return found.reached


def train_steps(model: AuxClassifier, size: int, steps: int = 1) -> None:
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    loss = model.summed_loss()
    for _ in range(steps):
        optimiser.zero_grad()
        loss(model.train()(make_images(size)), LABELS).backward()
        optimiser.step()


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
