"""What tests of the GAN's loop share: a tiny GAN, its gradients, and two ranks in one process."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gan_helpers import CPU, TINY
from torch import Tensor

from acgan.assembly import build_gan
from acgan.config import RunConfig, load
from acgan.config.losses import LossConfig
from acgan.distributed import Ranks
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.types import ImageStore


def tiny_store(side: int = 16) -> ImageStore:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, side, side), np.uint8)
    return ImageStore(images, np.arange(30) % 3, ("a", "b", "c"), "0" * 32)


def tiny_gan(
    *overrides: str,
    precision: str = "float64",
    ranks: Ranks = Ranks(),  # noqa: B008
    loss: LossConfig | None = None,
    side: int = 16,
) -> Gan:
    config = load(RunConfig, None, (*TINY, *overrides))
    if loss is not None:
        config = config.model_copy(update={"loss": loss})
    return build_gan(config, tiny_store(side), device=CPU, precision=precision, ranks=ranks)


def gradients(gan: Gan, iteration: int = 4) -> list[Tensor]:
    """D's and G's gradients of one iteration, both at the first weights; a multiple of 4 has the penalty."""
    for regulariser in gan.objective.regularisers.values():
        regulariser.observe(torch.tensor(0.7), torch.tensor(-0.4), 10_000)
    for adam in (gan.optim_discriminator, gan.optim_generator):
        for group in adam.param_groups:
            group["lr"] = 0.0
    found = []
    discriminator_step(gan, FiniteGuard(CPU), iteration, 0)
    found += [_gradient(parameter) for parameter in gan.discriminator.parameters()]
    generator_step(gan, FiniteGuard(CPU), iteration)
    return found + [_gradient(parameter) for parameter in gan.generator.parameters()]


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()


class Exchange:
    """``distributed.gather`` of two ranks that run one after the other, again and again.

    What the other rank sends is what it sent in the round before: rows are right from the second round on, and
    gradients, which depend on the rows, from the third.
    """

    def __init__(self) -> None:
        self.rank, self.call = 0, 0
        self.rows: dict[tuple[int, int], Tensor] = {}
        self.gradients: dict[tuple[int, int], Tensor] = {}

    def gather(self, rows: Tensor) -> Tensor:
        call, self.call = self.call, self.call + 1
        self.rows[self.rank, call] = rows.detach()
        return _Exchanged.apply(rows, self, call) if rows.is_floating_point() else self.all_rows(call)

    def all_rows(self, call: int) -> Tensor:
        own = self.rows[self.rank, call]
        return torch.cat([self.rows.get((rank, call), own) for rank in range(2)])


class _Exchanged(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, exchange: Exchange, call: int) -> Tensor:
        ctx.exchange, ctx.rank, ctx.call = exchange, exchange.rank, call
        return exchange.all_rows(call)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        kept = ctx.exchange.gradients
        kept[ctx.rank, ctx.call] = gradient
        total = sum(kept.get((rank, ctx.call), 0 * gradient) for rank in range(2))
        return total.chunk(2)[ctx.rank], None, None
