"""Comparison of an exported file with acgan's own results for the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from acgan.export.border import Exportable

#: Numbers of samples that are computed at once: a file that takes but one of them is found out.
_BATCHES = (1, 64, 35)
_SMALL = (
    1e-3  # of float images in [-1, 1] an eighth of a level of 256; of probabilities a tenth of a per cent
)
_ONE_LEVEL, _FEW = 1.0, 0.01  # rounding to a level may fall out otherwise, and rarely does
_UNITS = {"uint8": "levels of 256", "float": "in [-1, 1]", "probabilities": "of 1", "logits": "of a logit"}


@dataclass(frozen=True)
class Agreement:
    """The agreement of an exported file with acgan.

    Attributes:
        samples: Number of samples that were compared.
        largest: Largest difference of a value.
        share: Share of the values that differ at all.
        bound: Largest difference that is taken.
        output: Kind of the values.
    """

    samples: int
    largest: float
    share: float
    bound: float
    output: str

    @property
    def is_close(self) -> bool:
        """True if no value differs too much, and not too many of bytes do."""
        return self.largest <= self.bound and (self.output != "uint8" or self.share <= _FEW)

    def __str__(self) -> str:
        some = f", in {self.share:.3%} of the values" if self.output == "uint8" else ""
        return (
            f"largest difference to acgan's own {self.samples} results: {self.largest:.3g} {_UNITS[self.output]}{some} "
            f"(taken up to {self.bound:.3g}{f', in {_FEW:.0%}' if some else ''})"
        )


def compare_results(exported: Exportable, run: Callable[[Sequence[Tensor]], Tensor]) -> Agreement:
    """Compare what a file computes with what acgan does.

    Args:
        exported: The network, its inputs and acgan's results.
        run: Computes the file's results of inputs.
    """
    expected = exported.expected
    batches = zip(*(values.split(_BATCHES) for values in exported.inputs.values()), strict=True)
    found = torch.cat([run(batch) for batch in batches])
    bound = _ONE_LEVEL if exported.output == "uint8" else _SMALL
    if exported.output == "logits":
        bound *= max(1.0, expected.abs().max().item())
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return Agreement(len(expected), float("inf"), 1.0, bound, exported.output)
    apart = (found.double() - expected.double()).abs().nan_to_num(nan=float("inf"))
    return Agreement(
        len(expected), apart.max().item(), (apart > 0).double().mean().item(), bound, exported.output
    )
