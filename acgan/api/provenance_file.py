"""``provenance.json`` of a run as it is read: only what a training writes there passes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from acgan.errors import RunError, bounded
from acgan.file_kinds import read_text
from acgan.sealed import ChangedError, read_json

_Count = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
_Number = Annotated[FiniteFloat, Field(strict=True)]


class _Images(BaseModel, extra="allow"):
    """Images of each class, by part."""

    __pydantic_extra__: dict[str, dict[Any, _Count]] = Field(init=False)
    train: dict[Any, _Count]


class _Data(BaseModel):
    name: Any
    images: _Images
    resolution: Any
    fingerprint: str


class _Begun(BaseModel):
    """An invocation that still trains, or was killed."""

    ended: None = None
    command: Any
    started: Any
    acgan: Any
    python: Any
    packages: dict[Any, Any]
    processor: Any
    threads: Any
    cores: Any
    gpu: Any
    precision: Any
    device: Any


class _Ended(_Begun):
    """An invocation that ended by itself."""

    ended: str  # type: ignore[assignment]
    nimg: Annotated[list[_Count], Field(min_length=2, max_length=2)]
    trained_sec: _Number
    images_per_sec: _Number
    peak_bytes: _Count


class _Provenance(BaseModel):
    recipe: Any
    seed: Any
    data: _Data
    parameters: dict[Any, _Count]
    flops: dict[Any, _Count]
    invocations: list[_Ended | _Begun]


def read_run_provenance(file: Path) -> dict[str, Any]:
    """The provenance of a run.

    Raises:
        RunError: The file cannot be read, or is not what acgan writes.
    """
    remedy = "Delete it: the next training writes it anew."
    try:
        values = read_json(read_text(file))
        _Provenance.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise RunError(
            f"{file}: not what acgan writes at {bounded(key) or 'its top'}: {problem['msg']}. {remedy}"
        ) from None
    except ChangedError as error:
        raise RunError(f"{file}: {error}. Else delete it: the next training writes it anew.") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read ({bounded(error)}). {remedy}") from None
    return values
