"""Reader of the files of ``acgan evaluate`` in full, for verdicts, pages and cards: only what has its type passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, model_validator

from acgan.errors import RunError
from acgan.evaluation.reading import (
    EvaluationFile,
    FloorRecord,
    GeneratorRecord,
    ImageCount,
    Number,
    ProvenanceRecord,
    ReferenceRecord,
    ScoreRecord,
    read_as,
)
from acgan.evaluation.result import Scores
from acgan.evaluation.verdict import verdict
from acgan.metrics.catalogue import plain_name

#: Scores that are parts of 1.
_SHARES = {
    *("class_accuracy", "precision", "coverage", "recall", "memorisation_copies", "memorisation_nearer"),
    *(f"copies_{kind}{side}" for kind in ("same", "near") for side in ("", "_real")),
}


class _Generator(GeneratorRecord):
    data: str | None = None


class _Reference(ReferenceRecord):
    data: str | None = None
    num_images: ImageCount | None = None


class _Classes(BaseModel, strict=True):
    known: list[str] = Field(default_factory=list)


class _Provenance(ProvenanceRecord):
    """Origin of scores, as far as verdicts and pages look at it."""

    generators: list[_Generator]  # type: ignore[assignment]
    reference: _Reference
    floor_images: ImageCount
    samples_by_class: list[ImageCount] = Field(default_factory=list)
    reference_by_class: list[ImageCount] = Field(default_factory=list)
    reference_spread: Number | None = None
    classes: _Classes | None = None
    repeats: ImageCount | None = None
    seed: int | None = None
    date: str | None = None
    extractor_asked_for: str | None = None
    weights_asked_for: str | None = None
    resize_asked_for: str | None = None
    extractor_saw_reference: bool | None = None
    extractor_unlike: list[str] = Field(default_factory=list)


class _ScoresFile(EvaluationFile):
    """Content of the file, as far as somebody reads it."""

    provenance: _Provenance
    overall: dict[str, ScoreRecord]
    floor_per_class: dict[str, dict[str, Number | None]] = Field(default_factory=dict)
    at_floor_count_per_class: dict[str, dict[str, Number | None]] = Field(default_factory=dict)
    confusion: list[list[ImageCount]] | None = None

    @model_validator(mode="after")
    def _check_counts(self) -> _ScoresFile:
        for key in ("samples_by_class", "reference_by_class"):
            found = len(getattr(self.provenance, key))
            if found != len(self.per_class):
                raise ValueError(f"{found} numbers in {key} of {len(self.per_class)} classes")
        if any(len(row) != len(self.confusion or ()) for row in self.confusion or ()):
            raise ValueError("a confusion matrix whose rows are not as many as its columns")
        return self

    @model_validator(mode="after")
    def _check_shares(self) -> _ScoresFile:
        for metric, value in self._numbers():
            if plain_name(metric) in _SHARES and value is not None and not 0 <= value <= 1:
                raise ValueError(f"{metric} of {value:g}, which is a share, from 0 to 1")
        return self

    def _numbers(self) -> Iterator[tuple[str, float | None]]:
        parts: tuple[Mapping[str, ScoreRecord | FloorRecord], ...] = (
            self.overall,
            self.floor,
            self.at_floor_count,
        )
        for part in parts:
            yield from ((metric, one.value) for metric, one in part.items())
        for by_class in (self.per_class, self.floor_per_class, self.at_floor_count_per_class):
            for values in by_class.values():
                yield from values.items()


def read_scores(path: Path) -> Scores:
    """Read all scores of a file of ``acgan evaluate``.

    Args:
        path: Its file, or a run directory with ``evaluation.json``.

    Raises:
        RunError: There is none, it is something else, it was changed, or its numbers do not fit together.
    """
    values: dict[str, Any] = read_as(_ScoresFile, path)[1]
    scores = Scores.from_values(values)
    try:
        verdict(scores)
    except (ArithmeticError, LookupError, ValueError) as error:  # such as copies among no samples
        raise RunError(
            f"{path}: its numbers do not fit together ({error!r}). `acgan evaluate RUN` writes it anew."
        ) from None
    return scores
