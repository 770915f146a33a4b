"""``provenance.json`` of a run as it is read: only what a training writes there passes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, FiniteFloat, ValidationError, model_validator

from acgan.errors import RunError, bounded, problem_in_words
from acgan.file_kinds import read_text
from acgan.sealed import ChangedError, read_json

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Number = Annotated[FiniteFloat, Field(gt=-1e50, lt=1e50)]


class _Images(BaseModel, extra="allow", strict=True):
    """Images of each class, by part."""

    __pydantic_extra__: dict[str, dict[str, _Count]] = Field(init=False)
    train: dict[str, _Count]


class _Data(BaseModel, strict=True):
    name: str
    images: _Images
    resolution: _Count
    fingerprint: str


class _Invocation(BaseModel, strict=True):
    """A training, with its results where it ended by itself."""

    command: str
    recipe: str | None
    started: str
    acgan: str
    python: str
    packages: dict[str, str]
    processor: str
    threads: _Count
    cores: _Count | None
    gpu: str | None
    precision: str
    device: str
    processes: _Count | None = None
    ended: str | None = None
    nimg: Annotated[list[_Count], Field(min_length=2, max_length=2)] | None = None
    trained_sec: _Number | None = None
    images_per_sec: _Number | None = None
    peak_bytes: _Count | None = None

    @model_validator(mode="after")
    def _check_results(self) -> _Invocation:
        results = (self.nimg, self.trained_sec, self.images_per_sec, self.peak_bytes)
        if self.ended is not None and None in results:
            raise ValueError("it ended, and has not all of its results")
        return self


class _Provenance(BaseModel, strict=True):
    recipe: str | None
    seed: int
    data: _Data
    parameters: dict[str, _Count]
    flops: dict[str, _Count]
    invocations: list[_Invocation]
    trained_sec: _Number | None = None
    init_from: dict[str, Any] | None = None


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
        problem = problem_in_words(error.errors()[0])
        raise RunError(f"{file}: not what acgan writes at {problem}. {remedy}") from None
    except ChangedError as error:
        raise RunError(f"{file}: {error}. Else delete it: the next training writes it anew.") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read ({bounded(error)}). {remedy}") from None
    return values
