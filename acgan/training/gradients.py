"""Gradients of a network's trained parameters, one after another in one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

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
        """Gradients of a scalar with respect to the trained parameters of the network, or of its working copy.

        Raises:
            ValueError: If it depends on none of them: there is nothing to train.
        """
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        gradients: Sequence[Tensor | None] = ()
        if trained and total.requires_grad:
            gradients = torch.autograd.grad(total, trained, allow_unused=True)
        given = [gradient for gradient in gradients if gradient is not None]
        if not given:
            raise ValueError(
                f"the sum to minimise depends on none of the {len(trained)} trained parameters of "
                f"{type(network).__name__}; expected requires_grad on at least one that it is computed from"
            )
        found = tuple(gradient is not None for gradient in gradients)
        own = self._parameters[0]  # of a working copy, gradients are bfloat16
        values = torch.zeros(sum(self._sizes), dtype=own.dtype, device=own.device)
        torch._foreach_copy_(list(compress(self._views(values), found)), given)
        return Flat(values, found)

    def clear(self) -> None:
        """Begin a step."""
        self._sum = None

    def add(self, gradients: Flat) -> None:
        """Add the gradients of a portion."""
        self._sum = gradients if self._sum is None else self._sum.plus(gradients)

    def average_and_set(self, ranks: Ranks) -> Tensor:
        """Average over ranks, and set the ``grad`` of each parameter.

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
