"""Measure a penalty of D by double backward, on part of the images, in bfloat16, and by finite differences: a table.

    python benchmarks/penalty_cost.py

Processor time of one core for a portion of the recipe `cifar10`, 32 real and 32 generated images, relative to double
backward in float32, medians of rounds in turns; and the cosine of the penalty's gradient with that one's, whose
expectation finite differences have too (f(x + s n) - f(x))^2 / s^2, n normal.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import click
import numpy as np
import torch
from torch import Tensor

from acgan.assembly.gan import build_discriminator
from acgan.config import RunConfig, load
from acgan.config.recipes import find_recipe
from acgan.types import ImageStore

_IMAGES, _CLASSES, _SIDE = 64, 10, 32
Gradients = list[Tensor]


class Portion:
    """A discriminator with first weights, and images of noise for it."""

    def __init__(self) -> None:
        config = load(RunConfig, find_recipe("cifar10", "gan"))
        names = tuple("abcdefghij")
        store = ImageStore(np.zeros((_CLASSES, 3, _SIDE, _SIDE), np.uint8), np.arange(_CLASSES), names, "")
        torch.manual_seed(0)
        self.d = build_discriminator(config, store)
        self.d.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.parameters = [parameter for name, parameter in self.d.named_parameters() if "bias" not in name]
        self.images = self.noise()
        self.labels = torch.arange(_IMAGES) % _CLASSES

    def noise(self) -> Tensor:
        """Normal draws of the form of the images."""
        return torch.randn(_IMAGES, 3, _SIDE, _SIDE).contiguous(memory_format=torch.channels_last)

    def score(self, images: Tensor, labels: Tensor) -> Tensor:
        """The logit and the lead of the class logit over its twin, as in the objective of G with ADC."""
        output = self.d(images, labels)
        assert output.adv is not None
        assert output.aux is not None
        return output.adv + (output.aux.logits - output.aux.twin).gather(1, labels[:, None])[:, 0]

    def double(self, every: int = 1) -> Gradients:
        """Gradients of the penalty by double backward, on each image or on every so many-th."""
        images = self.images[::every].detach().requires_grad_(True)
        total = self.score(images, self.labels[::every]).sum()
        (slope,) = torch.autograd.grad(total, images, create_graph=True)
        return self._of(slope.square().sum(dim=(1, 2, 3)).mean())

    def differences(self, step: float) -> Gradients:
        """The same from the difference of scores at images and beside them."""
        images = torch.cat((self.images, self.images + step * self.noise()))
        here, beside = self.score(images, self.labels.repeat(2)).split(_IMAGES)
        return self._of(((beside - here) / step).square().mean())

    def _of(self, penalty: Tensor) -> Gradients:
        return list(torch.autograd.grad(penalty, self.parameters, allow_unused=True, materialize_grads=True))


def _in_bf16(compute: Callable[[], Gradients]) -> Gradients:
    with torch.autocast("cpu", torch.bfloat16):
        return compute()


def _seconds(compute: Callable[[], Gradients]) -> float:
    begun = time.process_time()
    compute()
    return time.process_time() - begun


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
def main(rounds: int) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    portion = Portion()
    ways: dict[str, Callable[[], Gradients]] = {
        "double backward, float32": portion.double,
        "on every fourth image": lambda: portion.double(4),
        "in bfloat16": lambda: _in_bf16(portion.double),
        "finite differences, step 0.1, float32": lambda: portion.differences(0.1),
        "finite differences, step 0.01, float32": lambda: portion.differences(0.01),
    }
    exact = torch.cat([one.flatten() for one in portion.double()])
    times: dict[str, list[float]] = {
        name: [_seconds(way)][:0] for name, way in ways.items()
    }  # the first is slower
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(_seconds(way))
    first = times["double backward, float32"]
    print("| penalty | processor time | cosine with the exact gradient |\n|---|---|---|")
    for name, way in ways.items():
        ratio = statistics.median(own / base for own, base in zip(times[name], first, strict=True))
        found = torch.cat([one.flatten().float() for one in way()])
        cosine = torch.nn.functional.cosine_similarity(found, exact, dim=0).item()
        print(f"| {name} | {ratio:.2f} | {cosine:.2f} |")


if __name__ == "__main__":
    main()
