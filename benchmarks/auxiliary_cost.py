"""Measure the cost of auxiliary heads: networks with heads against torchvision's own, in turns in one process.

    python benchmarks/auxiliary_cost.py

For each network it prints the time of a forward pass in eval mode, and of forward and backward in training mode, as
ratios to the plain network: medians over the rounds. In eval mode the ratio should be 1.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models import AuxClassifier
from acgan.runtime import machine

_ROUNDS, _BATCH, _SIDE, _CLASSES = 30, 8, 96, 10
_TAPS = {"resnet18": {"layer2": 0.3, "layer3": 0.3}, "googlenet": None, "inception_v3": None}


def plain(name: str) -> nn.Module:
    import torchvision  # after acgan, which mends it beside a CPU build of torch

    own_aux = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(name, weights=None, num_classes=_CLASSES, **own_aux)


def step(network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> None:
    network.zero_grad()
    loss(network(x), y).backward()


def ratios(work: list[Callable[[], object]]) -> tuple[float, float, float]:
    """Median time of the second work as a multiple of the first, and the quartiles of the rounds' ratios."""
    seconds: list[list[float]] = [[], []]
    for round_ in range(_ROUNDS + 3):
        for index in (0, 1) if round_ % 2 else (1, 0):
            started = time.perf_counter()
            work[index]()
            if round_ >= 3:
                seconds[index].append(time.perf_counter() - started)
    quartiles = statistics.quantiles([b / a for a, b in zip(*seconds, strict=True)])
    return statistics.median(seconds[1]) / statistics.median(seconds[0]), quartiles[0], quartiles[2]


@torch.no_grad()
def evaluate(network: nn.Module, x: Tensor) -> Tensor:
    out: Tensor = network(x)
    return out


@click.command()
def main() -> None:
    """Compare the time of networks with auxiliary heads to torchvision's own."""
    torch.manual_seed(0)
    print(
        f"{machine()}; torch {torch.__version__}; {date.today()}; {_ROUNDS} rounds, batch {_BATCH}, {_SIDE} px\n"
    )
    print(
        "| network | auxiliary stems | eval: ratio to plain (quartiles) | training step: ratio (quartiles) |"
    )
    print("|---|---|---|---|")
    x, y = torch.randn(_BATCH, 3, _SIDE, _SIDE), torch.arange(_BATCH) % _CLASSES
    for name, taps in _TAPS.items():
        base = plain(name)
        ours = AuxClassifier(name, _CLASSES, taps, head="stem", image_size=_SIDE)
        ours_loss = ours.summed_loss()
        base.eval(), ours.eval()
        in_eval = ratios([lambda b=base: evaluate(b, x), lambda o=ours: evaluate(o, x)])
        base.train(), ours.train()
        in_training = ratios(
            [
                lambda b=base: step(b, F.cross_entropy, x, y),
                lambda o=ours, loss=ours_loss: step(o, loss, x, y),
            ]
        )
        cells = " | ".join(
            f"{middle:.2f} ({low:.2f} to {high:.2f})" for middle, low, high in (in_eval, in_training)
        )
        print(f"| `{name}` | {len(ours.aux)} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
