"""Differences between the generators of two evaluations, besides their scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgan.atomic import sha256
from acgan.evaluation.equal_time import equal_minutes
from acgan.evaluation.reading import EvaluationFile, GeneratorRecord, flat_keys
from acgan.evaluation.trained_run import TrainedRun, is_best_file, is_run_directory, read_run

#: Means of images shown that differ by less are one budget: trainings end with a whole batch.
BUDGET_TOLERANCE = 0.01
#: Keys of a configuration that change no network; places of the images, whose fingerprints are compared.
_NO_MATTER = ("seed", "description", "task", "data.source", "data.root", "monitor.", "train.threads")
_NO_MATTER_EITHER = ("every.log_nimg", "every.sample_nimg", "every.checkpoint_nimg", "evaluate.nearest_k")
_MAKER, _BUDGET, _STATE = "made by", "images shown", "state of the training"
_IMAGES, _CODE = "training images", "code"


@dataclass(frozen=True)
class Differing:
    """Something that differs.

    Attributes:
        what: Its name: a key of the configuration, or words.
        a: What A has, in words.
        b: What B has.
        is_setting: True for a key of the configuration, which is what makes a method.
        refused: True if scores must not be compared unless somebody asks for it.
    """

    what: str
    a: str
    b: str
    is_setting: bool = False
    refused: bool = False


@dataclass(frozen=True)
class EvaluatedSide:
    """An evaluation, and the trainings of its generators where their runs are at hand."""

    scores: EvaluationFile
    runs: tuple[TrainedRun, ...] | None = None

    @property
    def generators(self) -> Sequence[GeneratorRecord]:
        """Its generators."""
        return self.scores.provenance.generators

    @property
    def budgets(self) -> tuple[int, ...] | None:
        """Images that each training showed to its networks; None if that is not known.

        The best state of a training was reached before its end, so that its images do not tell.
        """
        if self.runs is not None:
            return tuple(run.nimg for run in self.runs)
        known = [one.nimg for one in self.generators if one.nimg is not None and not is_best_file(one.file)]
        return tuple(known) if len(known) == len(self.generators) else None

    @property
    def at(self) -> tuple[int, ...]:
        """Images shown to the generators that were scored, as far as known."""
        return tuple(one.nimg for one in self.generators if one.nimg is not None)


def with_runs(scores: EvaluationFile, home: Path) -> EvaluatedSide:
    """An evaluation with the runs that it was made of, if all are found unchanged.

    Args:
        scores: The evaluation.
        home: Folder of its file: a run directory, or the directory of several seeds' runs.
    """
    runs = []
    for generator in scores.provenance.generators:
        named = Path(generator.path)
        places = (named, home / named.name, home)
        found = next((place for place in places if _holds(place, generator)), None)
        if found is None:
            return EvaluatedSide(scores)
        runs.append(read_run(found))
    return EvaluatedSide(scores, tuple(runs))


def _holds(directory: Path, generator: GeneratorRecord) -> bool:
    file = directory / generator.file
    try:
        return (
            bool(generator.file)
            and is_run_directory(directory)
            and file.is_file()
            and sha256(file) == generator.sha256
        )
    except OSError:  # no path of this system, such as one too long
        return False


def differences(a: EvaluatedSide, b: EvaluatedSide) -> list[Differing]:
    """All that is known to differ between the trainings of A and B, the gravest first."""
    return [*_makers(a, b), *_budgets(a, b), *_states(a, b), *_images(a, b), *_code(a, b), *_settings(a, b)]


def settings_known(a: EvaluatedSide, b: EvaluatedSide) -> bool:
    """True if the configurations of both sides are at hand."""
    return a.runs is not None and b.runs is not None


def same_budget(ours: Sequence[int], theirs: Sequence[int]) -> bool:
    """True if the means of images shown are within one percent of each other."""
    means = [sum(budgets) / len(budgets) for budgets in (ours, theirs)]
    return abs(means[0] - means[1]) <= BUDGET_TOLERANCE * max(means)


def in_range(numbers: Sequence[int]) -> str:
    """Numbers in words: one, or the least and the largest."""
    if not numbers:
        return "unknown"
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _makers(a: EvaluatedSide, b: EvaluatedSide) -> Iterator[Differing]:
    ours, theirs = ("given samples" if side.scores.is_of_samples else "runs of acgan" for side in (a, b))
    if ours != theirs:
        yield Differing(_MAKER, ours, theirs)


def _budgets(a: EvaluatedSide, b: EvaluatedSide) -> Iterator[Differing]:
    ours, theirs = a.budgets, b.budgets
    if ours is not None and theirs is not None:
        if not same_budget(ours, theirs):
            minutes = equal_minutes((*(a.runs or ()), *(b.runs or ())))
            what = _BUDGET if minutes is None else f"{_BUDGET} in {minutes:g} minutes each"
            yield Differing(what, in_range(ours), in_range(theirs), refused=minutes is None)
    elif a.at and b.at and not same_budget(a.at, b.at):
        # Nobody knows how long the trainings went on after their best states.
        yield Differing(
            f"{_BUDGET}, to the state that was scored", in_range(a.at), in_range(b.at), refused=True
        )
    elif bool(a.at) != bool(b.at):
        yield Differing(_BUDGET, in_range(a.at), in_range(b.at))


def _states(a: EvaluatedSide, b: EvaluatedSide) -> Iterator[Differing]:
    if a.scores.is_of_samples or b.scores.is_of_samples:
        return
    ours, theirs = (_in_words({_state(one) for one in side.generators}) for side in (a, b))
    if ours != theirs:
        yield Differing(_STATE, ours, theirs)


def _state(generator: GeneratorRecord) -> str:
    return "best" if is_best_file(generator.file) else "last"


def _images(a: EvaluatedSide, b: EvaluatedSide) -> Iterator[Differing]:
    ours, theirs = (
        {one.data_fingerprint[:8] for one in side.generators if one.data_fingerprint} for side in (a, b)
    )
    if ours and theirs and ours != theirs:
        yield Differing(_IMAGES, _in_words(ours), _in_words(theirs))


def _code(a: EvaluatedSide, b: EvaluatedSide) -> Iterator[Differing]:
    if a.runs is not None and b.runs is not None:
        ours, theirs = ({run.code for run in runs if run.code} for runs in (a.runs, b.runs))
        if ours and theirs and ours != theirs:
            yield Differing(f"{_CODE} of the training", _in_words(ours), _in_words(theirs))
    versions = [side.scores.provenance.acgan for side in (a, b)]
    if all(versions) and versions[0] != versions[1]:
        yield Differing(f"{_CODE} of the evaluation", versions[0], versions[1])


def _settings(a: EvaluatedSide, b: EvaluatedSide) -> Iterator[Differing]:
    if a.runs is None or b.runs is None:
        return
    ours, theirs = (settings(side.runs[0].config) for side in (a, b) if side.runs)
    for key in dict.fromkeys((*ours, *theirs)):
        left, right = ours.get(key, "not there"), theirs.get(key, "not there")
        if left != right:
            yield Differing(key, _text(left), _text(right), is_setting=True)


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a configuration that change networks, by dotted key."""
    return {
        key: value
        for key, value in flat_keys(config)
        if not key.startswith(_NO_MATTER) and key not in _NO_MATTER_EITHER
    }


def _in_words(values: set[str]) -> str:
    return ", ".join(sorted(values))


def _text(value: object) -> str:
    return "null" if value is None else str(value)
