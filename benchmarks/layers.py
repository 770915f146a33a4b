"""Measure the cost of single layers, forward and backward, on 64 x 32 x 32 x 32 activations: a Markdown table.

    python benchmarks/layers.py

Run it on an idle machine. The best of several repetitions counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgan.runtime import machine

_REPETITIONS = 15
_LAYERS: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
    "3x3 convolution, 32 to 32": lambda: nn.Conv2d(32, 32, 3, padding=1),
    "3x3 convolution, 32 to 64": lambda: nn.Conv2d(32, 64, 3, padding=1),
    "3x3 convolution, 32 to 64, stride 2": lambda: nn.Conv2d(32, 64, 3, stride=2, padding=1),
    "group normalisation": lambda: nn.GroupNorm(8, 32),
    "average pooling, 2x2": lambda: nn.AvgPool2d(2),
    "2x2 convolution, 32 to 64, stride 2": lambda: nn.Conv2d(32, 64, 2, stride=2),
    "leaky ReLU": lambda: lambda x: F.leaky_relu(x, 0.2),
}


def milliseconds(layer: Callable[[Tensor], Tensor], dtype: torch.dtype, memory: torch.memory_format) -> float:
    x = torch.randn(64, 32, 32, 32, dtype=dtype).contiguous(memory_format=memory).requires_grad_(True)
    if isinstance(layer, nn.Module):
        layer = layer.to(dtype).to(memory_format=memory)
    gradient = torch.randn_like(layer(x))
    best = float("inf")
    for _ in range(_REPETITIONS):
        started = time.perf_counter()
        layer(x).backward(gradient)
        best = min(best, time.perf_counter() - started)
    return best * 1e3


@click.command()
def main() -> None:
    """Print the cost of single layers, as a Markdown table."""
    kinds = [
        (dtype, memory)
        for dtype in (torch.bfloat16, torch.float32)
        for memory in (torch.contiguous_format, torch.channels_last)
    ]
    print(f"{machine()}; torch {torch.__version__}; {date.today()}; milliseconds\n")
    print("| layer | bf16 | bf16, channels last | float32 | float32, channels last |\n|---|---|---|---|---|")
    for name, build in _LAYERS.items():
        cells = [f"{milliseconds(build(), dtype, memory):.1f}" for dtype, memory in kinds]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
