"""Findings on the machine itself."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from acgan.benchmarking.convolutions import Convolution
from acgan.benchmarking.findings import Findings, Ratio
from acgan.benchmarking.rates import DTYPES, Rates, compute_rates, copy_rates, places


def measure_machine(
    convolutions: Mapping[Convolution, int], count: int, device: torch.device
) -> tuple[Findings, Rates]:
    """Measure the rates of a machine.

    Args:
        convolutions: The convolutions of networks, each with its number.
        count: Images that a core computes at once.
        device: Device to compute on.
    """
    rates, copies = compute_rates(convolutions, count, device), copy_rates(device)
    names = [place.name for place in places(device)]
    rows = {
        "matrix products": rates.products,
        "convolutions, forward": rates.forward,
        "convolutions, forward and backward": rates.with_backward,
    }
    computing = {
        row: {f"{dtype}, {place} (GFLOP/s)": found[place, dtype] for dtype in DTYPES for place in names}
        for row, found in rows.items()
    }
    both = rates.with_backward
    ratios = [
        Ratio(f"bf16 : float32, on {place}", (both[place, "bf16"] / both[place, "float32"],))
        for place in names
    ]
    if len(names) > 1:
        one, every = names
        ratios += [
            Ratio(f"{every} : {one}, in {dtype}", (both[every, dtype] / both[one, dtype],))
            for dtype in DTYPES
        ]
    findings = Findings(
        part="machine",
        compared="rates of convolutions, forward and backward, at the shapes that G and D run "
        f"({count} images at a time; each core computes its own); matrix products of the same operations; a "
        "multiplication and its addition are 2 FLOP, and a byte copied is counted twice",
        ratios=tuple(ratios),
        tables={"rates": computing, "memory": {"copy": {f"{name} (GB/s)": copies[name] for name in names}}},
    )
    return findings, rates
