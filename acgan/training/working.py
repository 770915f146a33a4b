"""Working copies of networks, which the passes of a step compute with."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.nn.utils import parametrize

_Network = TypeVar("_Network", bound=nn.Module)
_CAST = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)


class WorkingCopy(Generic[_Network]):
    """A network whose weights are cast once a step to bfloat16, not in each pass.

    The copy shares all tensors with the network but the weights of convolutions and linear layers that autocast would
    cast. Those are leaves of their own: portions of a batch that are computed at the same time share them, and their
    gradients are as exact as autocast's, which are rounded to bfloat16 too.

    Args:
        network: The trained network.
        first_pass: Runs a network under autocast as a step would; None casts nothing.

    Attributes:
        copy: The copy; the network itself if nothing is cast.
    """

    def __init__(self, network: _Network, first_pass: Callable[[_Network], object] | None):
        names = _cast_layers(network, first_pass) if first_pass is not None else frozenset[str]()
        self.copy = _sharing(network, names) if names else network
        self._pairs = [
            (mine, theirs)
            for mine, theirs in zip(self.copy.parameters(), network.parameters(), strict=True)
            if mine is not theirs
        ]

    @torch.no_grad()
    def refresh(self) -> None:
        """Take over the network's present weights."""
        if self._pairs:
            mine, theirs = zip(*self._pairs, strict=True)
            torch._foreach_copy_(mine, theirs)


def _cast_layers(network: _Network, first_pass: Callable[[_Network], object]) -> frozenset[str]:
    """Names of the layers whose weights autocast casts: those that a first pass calls where autocast is on."""
    twin, names = copy.deepcopy(network).eval(), set[str]()

    def look(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if torch.is_autocast_enabled(inputs[0].device.type):
                names.add(name)

        return hook

    for name, layer in twin.named_modules():
        if isinstance(layer, _CAST) and not parametrize.is_parametrized(layer):
            layer.register_forward_pre_hook(look(name))
    with torch.no_grad():
        first_pass(twin)
    return frozenset(names)


def _sharing(network: _Network, cast: frozenset[str]) -> _Network:
    """A copy of a network that shares its tensors but the parameters of some layers, which are bfloat16."""
    twin = copy.deepcopy(network)
    for (name, mine), theirs in zip(twin.named_modules(), network.modules(), strict=True):
        for key, parameter in theirs._parameters.items():
            if parameter is not None and name in cast:
                weights = parameter.detach().to(torch.bfloat16)
                mine._parameters[key] = nn.Parameter(weights, requires_grad=parameter.requires_grad)
            else:
                mine._parameters[key] = parameter
        mine._buffers.update(theirs._buffers)
    return twin
