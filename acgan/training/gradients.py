"""Gradients of a network's trained parameters, one after another in one tensor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from acgan import distributed
from acgan.distributed import Ranks


@dataclass(frozen=True)
class Flat:
    """Gradients of one sum.

    Attributes:
        values: (P,) gradients of all trained parameters; missing ones are 0.
        found: For each parameter, whether the sum depends on it.
    """

    values: Tensor
    found: tuple[bool, ...]

    def plus(self, other: Flat) -> Flat:
        """The gradients of both sums; this one's values become theirs."""
        found = tuple(one or more for one, more in zip(self.found, other.found, strict=True))
        return Flat(self.values.add_(other.values), found)


class Gradients:
    """Sum of the gradients of portions, which ranks average at once.

    Args:
        network: The trained network.
    """

    def __init__(self, network: nn.Module):
        self._parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._sizes = [parameter.numel() for parameter in self._parameters]
        self._sum: Flat | None = None

    def of(self, total: Tensor, network: nn.Module) -> Flat:
        """Gradients of a scalar with respect to the trained parameters of the network, or of its working copy."""
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        gradients = torch.autograd.grad(total, trained, allow_unused=True)
        first = self._parameters[0]
        values = torch.zeros(sum(self._sizes), dtype=first.dtype, device=first.device)
        pairs = zip(self._views(values), gradients, strict=True)
        views, given = zip(*[pair for pair in pairs if pair[1] is not None], strict=True)
        torch._foreach_copy_(views, given)
        return Flat(values, tuple(gradient is not None for gradient in gradients))

    def clear(self) -> None:
        """Begin a step."""
        self._sum = None

    def add(self, gradients: Flat) -> None:
        """Add the gradients of a portion."""
        self._sum = gradients if self._sum is None else self._sum.plus(gradients)

    def give(self, ranks: Ranks) -> Tensor:
        """Average over ranks, and give each parameter its gradient.

        A parameter that no portion depends on has none; where there are several ranks it has 0.

        Returns:
            (P,) all gradients.
        """
        assert self._sum is not None, "no portion was added"
        distributed.average_over_ranks(self._sum.values, ranks)
        views = self._views(self._sum.values)
        for parameter, view, found in zip(self._parameters, views, self._sum.found, strict=True):
            parameter.grad = view if found or ranks.world > 1 else None
        return self._sum.values

    def _views(self, values: Tensor) -> list[Tensor]:
        # The fused optimiser goes through parameter and gradient in the order of memory.
        return [
            part.as_strided(parameter.shape, parameter.stride())
            for part, parameter in zip(values.split(self._sizes), self._parameters, strict=True)
        ]
