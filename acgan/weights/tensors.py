"""Safetensors files with a check: tensors, and a JSON text in the metadata that describes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from acgan.errors import RunError
from acgan.sealed import describe_weights, is_damaged, seal_weights

_METADATA_KEY = "acgan"


def write_tensors(file: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Write tensors and what describes them, plain values, with a check of it all."""
    metadata = {_METADATA_KEY: describe_weights(dict(values))}
    file.write_bytes(seal_weights(save(dict(tensors), metadata=metadata)))


def read_tensors(file: Path, remedy: str) -> tuple[str | None, dict[str, Tensor]]:
    """The description of a file, a JSON text (None if it is not acgan's), and its tensors.

    Raises:
        SafetensorError, OSError: If it is no such file.
        RunError: If its check does not match; its message ends with the remedy.
    """
    with safe_open(file, framework="pt") as opened:
        if is_damaged(file):
            raise RunError(
                f"{file}: is damaged: its bytes are not those that acgan wrote (its check does not match). {remedy}"
            )
        return _description(opened), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118


def description_of(file: Path) -> str | None:
    """The description of a file, a JSON text; None if it is not acgan's.

    Raises:
        SafetensorError, OSError: If it is no such file.
    """
    with safe_open(file, framework="pt") as opened:
        return _description(opened)


def is_foreign(path: Path) -> bool:
    """True for a file that acgan did not write, by its ending or for lack of metadata; a damaged one is none."""
    if path.suffix != ".safetensors":
        return path.is_file()
    try:
        return description_of(path) is None and not is_damaged(path)  # its name may be what was damaged
    except (SafetensorError, OSError):
        return False


def _description(opened: Any) -> str | None:
    text: str | None = (opened.metadata() or {}).get(_METADATA_KEY)
    return text
