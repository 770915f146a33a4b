"""Reader of the files of ``acgan evaluate``, for comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from acgan.errors import RunError, bounded, problem_in_words
from acgan.evaluation.measures import NEAREST_K
from acgan.evaluation.result import EVALUATION_FORMAT
from acgan.file_kinds import odd_kind
from acgan.metrics.bootstrap import MIN_UNITS
from acgan.sealed import ChangedError, read_json
from acgan.showing import command

#: Name of the file in a run directory.
EVALUATION_FILE = "evaluation.json"
#: Folder in a run directory for evaluations that are not in this file.
KEPT_FOLDER = "evaluations"


#: A number that can be computed with: its squares and ratios are finite, too.
Number = Annotated[FiniteFloat, Field(gt=-1e50, lt=1e50)]
#: A number of images: sums over classes have 64 bits.
ImageCount = Annotated[int, Field(ge=0, lt=2**40)]


class ChangedScoresError(RunError):
    """A file of scores that was changed after it was written."""


class _Record(BaseModel, strict=True):
    """Values as JSON has them: a text is no number, nor is ``true``."""


class NetworkRecord(_Record):
    """An extractor or a classifier."""

    name: str
    sha256: str
    dims: int
    resize: str
    precision: str


class ReferenceRecord(_Record):
    """The real images."""

    split: str
    fingerprint: str


class GeneratorRecord(_Record):
    """A generator that was evaluated, and what it was trained with where that is known.

    Attributes:
        kind: ``samples`` for pictures that something else generated.
        nimg: Images shown to it; for the best of a run, fewer than the run showed.
    """

    sha256: str
    kind: Literal["generator", "samples"] = "generator"
    path: str = ""
    file: str = ""
    nimg: ImageCount | None = None
    training_seed: int | None = None
    data_fingerprint: str | None = None


class ProvenanceRecord(_Record):
    """The part of the provenance that a comparison looks at.

    All must agree on both sides, but the generators, the version of acgan and the images of the floor.
    """

    acgan: str = ""
    floor_images: ImageCount | None = None
    generators: list[GeneratorRecord] = Field(min_length=1)
    reference: ReferenceRecord
    extractor: NetworkRecord | None
    classifier: NetworkRecord | None = None
    num_images: ImageCount
    label_prior: str
    truncation: float
    nearest_k: int = NEAREST_K
    units: Literal["generation seeds", "training seeds"]


class ScoreRecord(_Record):
    """A metric's mean, and its values, one for each unit; accuracies of ``cas`` have none."""

    value: Number | None = None
    std: Number | None = None
    values: list[Number | None]


class GainRecord(_Record):
    """A difference of accuracies, with its 95 % interval."""

    value: Number
    low: Number
    high: Number


class HelpRecord(_Record):
    """Use of the samples to a classifier.

    Attributes:
        cas_gain: Of a classifier of real images and samples over one of real images.
        provenance: How that was measured.
    """

    cas_gain: GainRecord
    verdict: str
    provenance: dict[str, Any]

    def conditions(self) -> dict[str, Any]:
        """Conditions of the measurement: two compare where they are equal."""
        keys = ("data_fingerprint", "test_fingerprint", "recipe", "network", "steps", "truncation")
        return {key: self.provenance.get(key) for key in keys}


class FloorRecord(_Record):
    """Score of real images against real ones, or of as many samples."""

    value: Number | None
    std: Number | None = None


class EvaluationFile(_Record):
    """Content of a file of ``acgan evaluate`` that a comparison uses."""

    provenance: ProvenanceRecord
    overall: dict[str, ScoreRecord]
    floor: dict[str, FloorRecord]
    at_floor_count: dict[str, FloorRecord] = {}
    per_class: dict[str, dict[str, Number | None]]
    cas: HelpRecord | None = None

    @property
    def num_units(self) -> int:
        """Number of seeds that it was evaluated with."""
        return max((len(score.values) for score in self.overall.values()), default=0)

    @property
    def units_in_words(self) -> str:
        """Number of seeds, with their kind."""
        units = self.provenance.units
        return f"{self.num_units} {units.removesuffix('s') if self.num_units == 1 else units}"

    @property
    def is_of_samples(self) -> bool:
        """True if given samples were scored."""
        return self.provenance.generators[0].kind == "samples"

    def units_of(self, metric: str) -> tuple[float, ...]:
        """A metric's values; empty if a unit has none, or if they are too few for an interval."""
        found = self.overall[metric].values if metric in self.overall else []
        values = tuple(value for value in found if value is not None)
        return values if MIN_UNITS <= len(values) == len(found) else ()

    def conditions(self) -> dict[str, Any]:
        """Conditions of the scores by key: scores compare where it is equal. Networks that are not there lack keys."""
        left_out = {"acgan", "floor_images", "generators", "units"}
        return dict(flat_keys(self.provenance.model_dump(exclude=left_out)))


_Form = TypeVar("_Form", bound=EvaluationFile)


def different_conditions(a: EvaluationFile, b: EvaluationFile) -> list[str]:
    """Lines, one for each key in which two evaluations were made in different ways; none if they compare.

    A side without a classifier lacks its keys, and has no scores of one to compare.
    """
    ours, theirs = a.conditions(), b.conditions()
    return [
        f"  {key}: {bounded(value, 200)} | {bounded(theirs[key], 200)}"
        for key, value in ours.items()
        if theirs.get(key, value) != value
    ]


def evaluation_file(path: Path) -> Path:
    """The path of the file itself, or of the file in a run directory."""
    return path / EVALUATION_FILE if path.is_dir() else path


def flat_keys(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Values of nested mappings, with dotted keys."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat_keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def read_evaluation(path: Path) -> EvaluationFile:
    """Read a file of ``acgan evaluate``.

    Args:
        path: Its file, or a run directory with ``evaluation.json``.

    Raises:
        RunError: There is none, it is something else, or it was changed.
    """
    return read_as(EvaluationFile, path)[0]


def read_as(form: type[_Form], path: Path) -> tuple[_Form, dict[str, Any]]:
    """Read the part of a file of ``acgan evaluate`` that somebody uses.

    Args:
        form: What that part must be.
        path: Its file, or a run directory with ``evaluation.json``.

    Returns:
        That part, and all values of the file.

    Raises:
        RunError: There is none, it is something else, or it was changed.
    """
    file = evaluation_file(path)
    of_run = file.name == EVALUATION_FILE and file.parent.is_dir()
    how = (str(file.parent),) if of_run else ("RUN", "--json", "FILE")
    remedy = f"`{command('evaluate', *how)}` writes one."
    if (kind := odd_kind(file)) and not (kind == "a pipe" and file == path):  # <(…) of a shell is read once
        raise RunError(f"{file}: is {kind}; expected a file of scores. {remedy}")
    try:
        content = read_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{file}: no such file; expected scores of a generator. {remedy}") from None
    except ChangedError as error:
        raise ChangedScoresError(f"{file}: {error}, or evaluate again: {remedy}") from None
    except ValueError as error:  # of JSON or of UTF-8
        raise RunError(f"{file}: not JSON ({error}); expected scores of a generator. {remedy}") from None
    if "format" not in content:
        raise RunError(f"{file}: no scores of a generator: it names no format. {remedy}")
    if content["format"] != EVALUATION_FORMAT:
        raise RunError(
            f"{file}: scores of format {bounded(repr(content['format']))}; expected {EVALUATION_FORMAT}. "
            f"Evaluate again with this acgan: {remedy}"
        )
    try:
        return form.model_validate(content), content
    except ValidationError as error:
        problem = problem_in_words(error.errors()[0])
        raise RunError(f"{file}: not what is expected at {problem}. {remedy}") from None
