"""TorchScript files."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from acgan.export.border import Exportable
from acgan.reading import to_json

#: Name of the text in the file that describes it, for ``_extra_files`` of ``torch.jit.load``.
DESCRIPTION = "acgan.json"
_SOURCES = ".debug_pkl"


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
        warnings.simplefilter(
            "ignore"
        )  # shapes of the network do not depend on its inputs; torch prefers torch.export
        traced = torch.jit.trace(exported.network, exported.example, check_trace=False)
        torch.jit.save(traced, content, _extra_files={DESCRIPTION: to_json(dict(about))})
    return _without_sources(content)


def _without_sources(archive: io.BytesIO) -> bytes:
    """The archive without the notes of which lines of code made what: they name folders of this machine."""
    result = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            if not entry.filename.endswith(_SOURCES):
                new.writestr(zipfile.ZipInfo(entry.filename), old.read(entry))
    return result.getvalue()


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
