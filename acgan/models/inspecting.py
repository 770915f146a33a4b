"""Inspection of any network: outputs of its layers, what they are computed from, and its buffers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from acgan.errors import UserError, first_line


def run_once(network: nn.Module, example: Tensor, layers: Iterable[str]) -> tuple[Any, dict[str, Any]]:
    """The output of a network and of its named layers, in eval mode and with all parameters in the autograd graph.

    The outputs of layers are copies, so that later in-place layers do not change them. The network stays as it was;
    ``example`` is (1, C, H, W).

    Raises:
        UserError: If the network does not take the example.
    """
    outputs: dict[str, Any] = {}
    handles = [
        network.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: outputs.__setitem__(
                name, output.clone() if isinstance(output, Tensor) else output
            )
        )
        for name in layers
    ]
    try:
        with unchanged(network, with_buffers(network)), _all_in_graph(network):
            return network(example), outputs
    except (RuntimeError, ValueError, IndexError, AssertionError) as error:
        shape = " x ".join(map(str, example.shape[1:]))
        raise UserError(
            f"the backbone does not take images of {shape} ({first_line(error)}). Choose another "
            "data.resolution or backbone; for a network of your own, give in_channels and image_size."
        ) from error
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def _all_in_graph(network: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in network.modules()]
    frozen = [parameter for parameter in network.parameters() if not parameter.requires_grad]
    network.eval()
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        with torch.enable_grad():
            yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
        for module, mode in modes:
            module.training = mode


def parameters_below(output: Tensor) -> set[int]:
    """The ``id`` of each parameter that an output was computed from, which its gradient reaches."""
    return _parameters_of(_nodes_below(_nodes(output)))


def _nodes_below(nodes: Iterable[Any]) -> set[Any]:
    """Nodes of the autograd graph, with all that they were computed from."""
    seen: set[Any] = set()
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if node is not None and node not in seen:
            seen.add(node)
            pending += [parent for parent, _ in node.next_functions]
    return seen


def _parameters_of(nodes: Iterable[Any]) -> set[int]:
    """The ``id`` of each tensor whose gradient one of these nodes accumulates."""
    return {id(node.variable) for node in nodes if hasattr(node, "variable")}


def with_buffers(network: nn.Module) -> list[str]:
    """Names of the modules that have buffers of their own, such as BatchNorm's statistics."""
    return [name for name, module in network.named_modules() if next(_own_buffers(module), None) is not None]


def part_below(network: nn.Module, example: Tensor, layer: str) -> tuple[set[str], set[str]]:
    """The part that a layer's output is computed from, the layer included.

    A module belongs to it if it was done before the layer was, and the layer's output was computed by something that
    it did. One that leaves no trace in the autograd graph belongs to it by the order alone. A module all of whose own
    parameters belong to it does too.

    Args:
        network: Any network; it stays as it was.
        example: A valid input (1, C, H, W).
        layer: Name of a layer that returns a tensor.

    Returns:
        Names of parameters, and names of modules with buffers of their own.

    Raises:
        UserError: If the layer returns no tensor.
    """
    candidates = with_buffers(network)
    calls: list[tuple[str, list[Any], list[Any]]] = []  # name, nodes of the inputs, nodes of the outputs
    handles = [
        network.get_submodule(name).register_forward_hook(
            lambda _module, args, kwargs, output, name=name: calls.append(
                (name, list(_nodes((args, kwargs))), list(_nodes(output)))
            ),
            with_kwargs=True,
        )
        for name in {*candidates, layer}
    ]
    try:
        with torch.enable_grad():
            # Layers without parameters leave a trace if the images themselves have a gradient. The copy may be
            # changed in place, which a tensor that asks for a gradient may not.
            images = example.detach().requires_grad_().clone()
        _, outputs = run_once(network, images, [layer])
    finally:
        for handle in handles:
            handle.remove()
    if not isinstance(outputs.get(layer), Tensor):
        raise UserError(f"freeze: the layer {layer!r} returns no tensor; name one that does.")
    nodes = _nodes_below(_nodes(outputs[layer]))
    end = max(place for place, (name, _, _) in enumerate(calls) if name == layer)
    modules = {name for name, given, made in calls[: end + 1] if _took_part(given, made, nodes)}
    frozen = _parameters_of(nodes)
    for name in candidates:
        own = [id(parameter) for parameter in network.get_submodule(name).parameters(recurse=False)]
        if own and frozen.issuperset(own):
            modules.add(name)
    parameters = {name for name, parameter in network.named_parameters() if id(parameter) in frozen}
    return parameters, modules.intersection(candidates)


def _took_part(given: list[Any], made: list[Any], nodes: set[Any]) -> bool:
    """True if a module, by the nodes of its inputs and outputs, did something that these nodes came from."""
    # All of its work, not its last step alone: a later layer that changes a view in place replaces that node.
    work = _nodes_below(made) - _nodes_below(given) or set(made)
    return not work or not work.isdisjoint(nodes)


@contextlib.contextmanager
def unchanged(network: nn.Module, modules: Iterable[str]) -> Iterator[None]:
    """Put back the buffers of these modules afterwards, also those that were replaced by other tensors."""
    kept = [
        (module, name, buffer, buffer.clone())
        for module in map(network.get_submodule, modules)
        for name, buffer in _own_buffers(module)
        if not is_lazy(buffer)
    ]
    try:
        yield
    finally:
        for module, name, buffer, value in kept:
            # Past autograd, which counts changes of tensors that a backward pass will read.
            buffer.data.copy_(value)
            module._buffers[name] = buffer


def _own_buffers(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return module.named_buffers(recurse=False)


def _nodes(output: Any) -> Iterator[Any]:
    """The nodes in the autograd graph of the tensors in an output."""
    if isinstance(output, Tensor):
        if output.grad_fn is not None:
            yield output.grad_fn
    elif isinstance(output, (list, tuple)):
        for part in output:
            yield from _nodes(part)
    elif isinstance(output, Mapping):
        yield from _nodes(list(output.values()))
