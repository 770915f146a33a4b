"""TorchScript files."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from acgan.export.border import Exportable
from acgan.reading import to_json

#: Name of the text in the file that describes it, for ``_extra_files`` of ``torch.jit.load``.
DESCRIPTION = "acgan.json"


def to_torchscript(exported: Exportable, about: Mapping[str, str]) -> bytes:
    """The content of a TorchScript file, traced, the number of samples free.

    Args:
        exported: The network.
        about: Texts that describe it.

    Raises:
        Exception: Of nearly any kind, if the network cannot be written so.
    """
    content = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # shapes of the network do not depend on its inputs; torch prefers torch.export
        traced = torch.jit.trace(exported.network, exported.example, check_trace=False)
        torch.jit.save(traced, content, _extra_files={DESCRIPTION: to_json(dict(about))})
    return content.getvalue()


def torchscript_runner(content: bytes) -> Callable[[Sequence[Tensor]], Tensor]:
    """A function that computes a TorchScript file's results on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = torch.jit.load(io.BytesIO(content), map_location="cpu")

    @torch.no_grad()
    def run(inputs: Sequence[Tensor]) -> Tensor:
        result: Tensor = network(*inputs)
        return result

    return run
