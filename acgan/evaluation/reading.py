"""Reader of the files of ``acgan evaluate``, as far as a comparison needs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from acgan.errors import RunError
from acgan.evaluation.result import EVALUATION_FORMAT
from acgan.metrics.bootstrap import MIN_UNITS

#: In a run directory.
EVALUATION_FILE = "evaluation.json"


class NetworkRecord(BaseModel):
    """Network that made features or saw classes."""

    name: str
    sha256: str
    dims: int
    resize: str
    precision: str


class ReferenceRecord(BaseModel):
    """The real images."""

    split: str
    fingerprint: str


class GeneratorRecord(BaseModel):
    """An evaluated generator."""

    sha256: str


class ProvenanceRecord(BaseModel):
    """Provenance that a comparison checks: all but the generators has to be equal on both sides."""

    generators: list[GeneratorRecord] = Field(min_length=1)
    reference: ReferenceRecord
    extractor: NetworkRecord | None
    classifier: NetworkRecord | None = None
    num_images: int
    label_prior: str
    truncation: float
    units: Literal["generation seeds", "training seeds"]


class ScoreRecord(BaseModel):
    """Values of a metric, one a unit."""

    values: list[FiniteFloat | None]


class FloorRecord(BaseModel):
    """Score of real images against real ones."""

    value: FiniteFloat | None


class EvaluationFile(BaseModel):
    """A file of ``acgan evaluate``, as far as a comparison needs it."""

    provenance: ProvenanceRecord
    overall: dict[str, ScoreRecord]
    floor: dict[str, FloorRecord]
    per_class: dict[str, dict[str, FiniteFloat | None]]

    @property
    def num_units(self) -> int:
        """Number of seeds of the evaluation."""
        return max((len(score.values) for score in self.overall.values()), default=0)

    def units_of(self, metric: str) -> tuple[float, ...]:
        """Values of a metric; empty if a unit lacks one, or they are too few for an interval."""
        found = self.overall[metric].values if metric in self.overall else []
        values = tuple(value for value in found if value is not None)
        return values if MIN_UNITS <= len(values) == len(found) else ()


def evaluation_file(path: Path) -> Path:
    """Path of the file, which may be given as its run directory."""
    return path / EVALUATION_FILE if path.is_dir() else path


def read_evaluation(path: Path) -> EvaluationFile:
    """Read a file of ``acgan evaluate``.

    Args:
        path: Its file, or a run directory with ``evaluation.json``.

    Raises:
        RunError: The file is missing, or of another kind.
    """
    file = evaluation_file(path)
    remedy = "`acgan evaluate RUN --json FILE` writes one."
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{file}: no such file; expected scores of a generator. {remedy}") from None
    except ValueError as error:  # of JSON or of UTF-8
        raise RunError(f"{file}: not JSON ({error}); expected scores of a generator. {remedy}") from None
    if not isinstance(content, dict) or "format" not in content:
        raise RunError(f"{file}: no scores of a generator: it names no format. {remedy}")
    if content["format"] != EVALUATION_FORMAT:
        raise RunError(
            f"{file}: scores of format {content['format']!r}; expected {EVALUATION_FORMAT}. Evaluate again with this "
            f"acgan: {remedy}"
        )
    try:
        return EvaluationFile.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise RunError(f"{file}: not what is expected at {key}: {problem['msg']}. {remedy}") from None
