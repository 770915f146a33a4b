"""Working copies of networks, which the passes of a step compute with."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
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
        cast = _cast_parameters(network, first_pass) if first_pass is not None else []
        leaves = {
            parameter: nn.Parameter(parameter.detach().bfloat16(), requires_grad=parameter.requires_grad)
            for parameter in cast
        }
        self.copy = _sharing(network, leaves) if leaves else network
        self._pairs = list(leaves.items())

    @torch.no_grad()
    def refresh(self) -> None:
        """Take over the network's present weights."""
        if self._pairs:
            theirs, mine = zip(*self._pairs, strict=True)
            torch._foreach_copy_(mine, theirs)


def _cast_parameters(network: _Network, first_pass: Callable[[_Network], object]) -> list[nn.Parameter]:
    """Parameters that autocast casts wherever they are: in all their layers, if several share them."""
    names = _cast_layers(network, first_pass)
    cast: dict[nn.Parameter, bool] = {}
    for name, layer in network.named_modules():
        for parameter in layer.parameters(recurse=False):
            cast[parameter] = cast.get(parameter, True) and name in names
    return [parameter for parameter, is_cast in cast.items() if is_cast]


def _cast_layers(network: _Network, first_pass: Callable[[_Network], object]) -> set[str]:
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
    return names


def _sharing(network: _Network, leaves: Mapping[nn.Parameter, nn.Parameter]) -> _Network:
    """A copy of a network that has leaves in place of some parameters, and shares all its other tensors."""
    twin = copy.deepcopy(network)
    for mine, theirs in zip(twin.modules(), network.modules(), strict=True):
        for key, parameter in theirs._parameters.items():
            mine._parameters[key] = parameter if parameter is None else leaves.get(parameter, parameter)
        mine._buffers.update(theirs._buffers)
    return twin
