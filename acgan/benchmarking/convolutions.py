"""The convolutions that a network runs: their shapes, and the floating-point operations of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_FORMATS = {False: torch.contiguous_format, True: torch.channels_last}
_FORWARD = torch.ops.aten.convolution.default


@dataclass(frozen=True)
class Convolution:
    """The shape of a convolution.

    Attributes:
        maps: (C, H, W) of the input.
        weight: Shape of the weight.
        settings: Stride, padding, dilation, transposed, output padding and groups, as ``torch.convolution`` takes them.
        channels_last: The memory formats of input and weight.
    """

    maps: tuple[int, ...]
    weight: tuple[int, ...]
    settings: tuple[Any, ...]
    channels_last: tuple[bool, bool] = (False, False)

    @property
    def transposed(self) -> bool:
        """True if its output is larger than its input by its stride."""
        return bool(self.settings[3])

    def __call__(self, x: Tensor, weight: Tensor) -> Tensor:
        """The convolution, without a bias."""
        result: Tensor = torch.convolution(x, weight, None, *self.settings)
        return result

    def tensors(self, count: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Random input of ``count`` images, weight, and gradient of the output."""
        x, weight = (
            torch.randn(shape, device=device).to(dtype, memory_format=_FORMATS[last])
            for shape, last in zip(((count, *self.maps), self.weight), self.channels_last, strict=True)
        )
        return x, weight, torch.randn_like(self(x, weight))

    def product(self, count: int) -> tuple[int, int, int]:
        """Sizes (M, K, N) of the matrix product (M, K) x (K, N) that has the same operations as the forward pass."""
        groups = self.settings[5]
        with torch.device("meta"):
            out = self(torch.empty(1, *self.maps), torch.empty(self.weight)).shape
        taps = prod(self.weight[2:])
        if self.transposed:  # each place of the input adds to a window of the output
            return count * prod(self.maps[1:]), self.maps[0], out[1] // groups * taps
        return count * prod(out[2:]), self.maps[0] // groups * taps, out[1]

    def flops(self, count: int) -> int:
        """Operations of the forward pass for ``count`` images, two for a multiplication and its addition."""
        return 2 * prod(self.product(count))


class _Watch(TorchDispatchMode):
    """Counts the convolutions of whatever runs inside, in this thread."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[Convolution] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is _FORWARD:
            x, weight, _, *settings = args
            plain = tuple(tuple(one) if isinstance(one, list) else one for one in settings)
            last = (_is_channels_last(x), _is_channels_last(weight))
            self.found[Convolution(tuple(x.shape[1:]), tuple(weight.shape), plain, last)] += 1
        return func(*args, **(kwargs or {}))


def _is_channels_last(tensor: Tensor) -> bool:
    """True for tensors that are so and not contiguous as well, as those of one channel are."""
    return tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()


def convolutions_of(forward: Callable[[], object]) -> Counter[Convolution]:
    """The convolutions of a forward pass, each with its number."""
    watch = _Watch()
    with watch, torch.no_grad():
        forward()
    return watch.found
