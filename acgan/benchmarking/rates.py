"""Rates of a machine: convolutions and matrix products at a recipe's own shapes, and copies of memory."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from acgan import parallel
from acgan.benchmarking.convolutions import Convolution
from acgan.benchmarking.timing import spent

#: A measurement repeats an operation until it has taken so long, and is the median of so many.
_LEAST_SEC, _MEASUREMENTS = 0.01, 3
_COPIED_BYTES = 256 << 20
_Operation = Callable[[], object]


@dataclass(frozen=True)
class Place:
    """A place where operations run: some cores, or a device.

    Attributes:
        name: For people.
        cores: Number of cores that work side by side; None on a device that has no cores to choose.
    """

    name: str
    device: torch.device
    cores: int | None

    def seconds(self, make: Callable[[int], _Operation]) -> float:
        """Seconds of an operation where every core computes its own.

        Args:
            make: Makes the operation of a core, by its number; each has tensors of its own.
        """
        with nullcontext() if self.cores is None else parallel.using_cores(self.cores):
            operations = [make(number) for number in range(self.cores or 1)]
            operations[0]()  # not measured: kernels are made the first time
            once = spent(operations[0], self.device).wall
            times = max(1, round(_LEAST_SEC / once))

            def repeat(operation: _Operation) -> None:
                for _ in range(times):
                    operation()

            def all_of_them() -> None:
                if self.cores is None:
                    repeat(operations[0])
                else:
                    list(parallel.in_order(repeat, operations))

            all_of_them()
            found = [spent(all_of_them, self.device).wall for _ in range(_MEASUREMENTS)]
        return statistics.median(found) / times


def places(device: torch.device) -> list[Place]:
    """One core and all cores of a CPU, or a device as a whole."""
    if device.type != "cpu":
        return [Place(str(device), device, None)]
    every = parallel.cores()
    one = Place("one core", device, 1)
    return [one] if every == 1 else [one, Place(f"{every} cores", device, every)]


@dataclass(frozen=True)
class Rates:
    """Rates of an operation's kinds, in GFLOP/s, by (place, dtype)."""

    products: Mapping[tuple[str, str], float]
    forward: Mapping[tuple[str, str], float]
    with_backward: Mapping[tuple[str, str], float]


DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}


def compute_rates(convolutions: Mapping[Convolution, int], count: int, device: torch.device) -> Rates:
    """Measure the mean rates of the convolutions of networks, each counted as often as it occurs.

    A forward and backward pass counts three times the operations of the forward pass. The matrix products are those
    with the same operations as the forward passes.

    Args:
        convolutions: The convolutions, each with its number.
        count: Images that each is given at once.
        device: Device to compute on.
    """
    products: dict[tuple[str, str], float] = {}
    forward, with_backward = dict(products), dict(products)
    for place in places(device):
        for name, dtype in DTYPES.items():
            key = place.name, name
            products[key] = _mean_rate(convolutions, count, place, dtype, _product, 1)
            forward[key] = _mean_rate(convolutions, count, place, dtype, _forward, 1)
            with_backward[key] = _mean_rate(convolutions, count, place, dtype, _with_backward, 3)
    return Rates(products, forward, with_backward)


_Maker = Callable[[Convolution, int, torch.dtype, torch.device], _Operation]


def _mean_rate(
    convolutions: Mapping[Convolution, int],
    count: int,
    place: Place,
    dtype: torch.dtype,
    maker: _Maker,
    passes: int,
) -> float:
    """GFLOP/s over all convolutions: operations of all by the seconds of all."""
    flops = total = 0.0
    for convolution, times in convolutions.items():
        taken = place.seconds(lambda _: maker(convolution, count, dtype, place.device))  # noqa: B023  # called at once
        flops += times * passes * convolution.flops(count) * (place.cores or 1)
        total += times * taken
    return flops / total / 1e9


def _product(convolution: Convolution, count: int, dtype: torch.dtype, device: torch.device) -> _Operation:
    rows, inner, columns = convolution.product(count)
    a, b = (
        torch.randn(rows, inner, device=device).to(dtype),
        torch.randn(inner, columns, device=device).to(dtype),
    )
    return lambda: a @ b


def _forward(convolution: Convolution, count: int, dtype: torch.dtype, device: torch.device) -> _Operation:
    x, weight, _ = convolution.tensors(count, dtype, device)
    return lambda: convolution(x, weight)


def _with_backward(
    convolution: Convolution, count: int, dtype: torch.dtype, device: torch.device
) -> _Operation:
    x, weight, gradient = convolution.tensors(count, dtype, device)
    inputs: Sequence[torch.Tensor] = (x.requires_grad_(), weight.requires_grad_())
    return lambda: torch.autograd.grad(convolution(x, weight), inputs, gradient)


def copy_rates(device: torch.device) -> dict[str, float]:
    """GB/s of copies by place, what is read and what is written both counted."""
    rates = {}
    for place in places(device):
        share = _COPIED_BYTES // (place.cores or 1)

        def copy(_: int, share: int = share) -> _Operation:
            source = torch.zeros(share, dtype=torch.uint8, device=device)
            target = torch.zeros_like(source)
            return lambda: target.copy_(source)

        rates[place.name] = 2 * share * (place.cores or 1) / place.seconds(copy) / 1e9
    return rates
