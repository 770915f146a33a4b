"""Variants and their runs in directories, with the scores of each run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from acgan.errors import RunError
from acgan.evaluation import (
    EVALUATION_FILE,
    EvaluationFile,
    HelpRecord,
    ScoreRecord,
    TrainedRun,
    different_conditions,
    is_run_directory,
    read_evaluation,
    read_run,
    runs_of_seeds,
    same_budget,
    settings,
)

_Value = float | None
#: See ``find_variants``.
Way = Callable[[Path], str]


@dataclass(frozen=True)
class RunScores:
    """A run, or given samples, and its scores.

    Attributes:
        run: The run; None for samples that something else generated.
        seed: Training seed; of given samples their number.
        directory: The run, or the folder of the scores.
        overall: By metric; the mean over generation seeds; None where a seed has none.
        per_class: By class and metric; empty where only several runs together were scored by class.
        best: True if its best generator was scored, False for its last.
        data_fingerprint: Of the training images; None if unknown.
        cas: Use of its samples to a classifier, if that was measured.
    """

    run: TrainedRun | None
    seed: int
    directory: Path
    overall: Mapping[str, _Value]
    per_class: Mapping[str, Mapping[str, _Value]]
    best: bool
    data_fingerprint: str | None
    cas: HelpRecord | None = None

    @property
    def state(self) -> str:
        """State of the training that was scored."""
        return "given samples" if self.run is None else "best" if self.best else "last"

    @property
    def minutes(self) -> float | None:
        """Time of the training."""
        return None if self.run is None or self.run.seconds is None else self.run.seconds / 60


@dataclass(frozen=True)
class Variant:
    """Runs of one configuration with several seeds, or samples of one method.

    Attributes:
        name: Name of its directory.
        scored: Those of its runs that count and have scores, by seed; or its samples.
        left_out: Its other runs, each with the reason.
        runs: Its runs that count, with scores or without.
    """

    name: str
    scored: tuple[RunScores, ...]
    left_out: tuple[str, ...]
    runs: tuple[TrainedRun, ...] = ()

    @property
    def budgets(self) -> list[int]:
        """Images that each run showed to its networks; none where samples were given."""
        return [one.run.nimg for one in self.scored if one.run is not None]

    @property
    def stopped(self) -> list[str]:
        """Its runs that count although they were stopped before their end."""
        return [f"{run.directory}: stopped at {run.progress}" for run in self.runs if not run.finished]


def find_variants(
    paths: Sequence[str | Path], *, with_scores: bool = True, way: Way | None = None
) -> list[Variant]:
    """Find the variants in directories.

    The runs that were trained to the end count. If a variant has none, those count that were stopped where its longest
    one was.

    Args:
        paths: A directory of variants (``DIR/VARIANT/seedN``), of seeds (``seedN``), or a run; or several of them.
            Runs called ``seedN`` are a variant with those beside them that are named too. A folder of `acgan evaluate
            SAMPLES --out` stands for a run.
        with_scores: Refuse what has no scores at all.
        way: Says how a run, or the seeds of a directory, get scores, for those that have none.

    Raises:
        RunError: There is none, or two were evaluated in different ways.
    """
    groups: dict[Path, list[Path]] = {}
    for path in paths:
        for home, run in _runs_in(Path(path)):
            if run not in groups.setdefault(home, []):
                groups[home].append(run)
    names = [home.resolve().name for home in groups]
    first: list[tuple[Path, EvaluationFile]] = []
    variants = []
    for (home, runs), name in zip(groups.items(), names, strict=True):
        unique = name if names.count(name) == 1 else str(home)
        variants.append(_variant(unique, home, runs, first, way))
    if with_scores and not any(variant.scored for variant in variants):
        reasons = "; ".join(reason for variant in variants for reason in variant.left_out)
        raise RunError(f"no run with scores: {reasons}.")
    return variants


def long_rows(variants: Sequence[Variant]) -> Iterator[dict[str, Any]]:
    """One record a score: variant, run, metric and class (None for all classes together), value and cost."""
    for variant in variants:
        for one in variant.scored:
            origin = {
                "variant": variant.name,
                "seed": one.seed,
                "run": str(one.directory),
                "state": one.state,
                "images": None if one.run is None else one.run.nimg,
                "minutes": one.minutes,
                "parameters": None if one.run is None else one.run.parameters,
                "flops": None if one.run is None else one.run.flops,
            }
            for metric, value in one.overall.items():
                yield {**origin, "metric": metric, "class": None, "value": value}
            for class_name, metrics in one.per_class.items():
                for metric, value in metrics.items():
                    yield {**origin, "metric": metric, "class": class_name, "value": value}


def _runs_in(path: Path) -> Iterator[tuple[Path, Path]]:
    """Runs and scored samples below a path, each with the directory that names its variant."""
    if _is_one(path):
        resolved = path.resolve()
        is_seed = resolved.name.startswith("seed") and resolved.name[4:].isdecimal()
        yield (path.parent if is_seed and path.parent != path else path), path
        return
    if not path.is_dir():
        raise RunError(f"{path}: no such directory; expected runs of `acgan train`, or a directory of them.")
    seeds = runs_of_seeds(path)
    if seeds:
        yield from ((path, run) for run in seeds)
        return
    found = False
    for folder in sorted(path.iterdir()):
        if folder.is_dir() and (
            _is_one(folder) or runs_of_seeds(folder) or any(map(_is_one, folder.glob("seed*")))
        ):
            found = True
            yield from _runs_in(folder)
    if not found:
        raise RunError(
            f"{path}: no runs in it; expected runs of `acgan train`, folders of their seeds (seed0, …), or folders of "
            "such variants."
        )


def _is_one(folder: Path) -> bool:
    """True for a run directory, and for a folder with scores of given samples."""
    if is_run_directory(folder):
        return True
    return (folder / EVALUATION_FILE).is_file() and read_evaluation(folder).is_of_samples


def _variant(
    name: str, home: Path, folders: list[Path], first: list[tuple[Path, EvaluationFile]], way: Way | None
) -> Variant:
    runs = [read_run(folder) for folder in folders if is_run_directory(folder)]
    given = [folder for folder in folders if not is_run_directory(folder)]
    if not given:
        return _variant_of_runs(name, home, runs, first, way)
    if runs:
        raise RunError(
            f"{home}: holds runs and scores of given samples ({given[0].name}); expected one or the other in a variant."
        )
    scored = [one for folder in given for one in _of_samples(folder, first)]
    return Variant(name, tuple(replace(one, seed=number) for number, one in enumerate(scored)), ())


def _variant_of_runs(
    name: str, home: Path, runs: list[TrainedRun], first: list[tuple[Path, EvaluationFile]], way: Way | None
) -> Variant:
    _check_one_method(runs)
    together = _read(home, first) if home not in [run.directory for run in runs] else None
    counted = _counted(runs)
    scored: list[RunScores] = []
    left_out = [
        f"{run.directory}: not trained to the end ({run.progress})" for run in runs if run not in counted
    ]
    bare: list[Path] = []
    for run in counted:
        own = _read(run.directory, first)
        found = _alone(run, own) if own is not None else _of_several(run, together)
        if found is None:
            bare.append(run.directory)
        else:
            scored.append(found)
    if len(bare) > 1 and not scored and runs_of_seeds(home):  # they are scored together
        left_out.append(f"{', '.join(map(str, bare))}: no scores{_by(way, home)}")
    else:
        left_out += [f"{directory}: no scores{_by(way, directory)}" for directory in bare]
    return Variant(name, tuple(scored), tuple(left_out), tuple(counted))


def _by(way: Way | None, directory: Path) -> str:
    return "" if way is None else f"; {way(directory)} makes them"


def _counted(runs: Sequence[TrainedRun]) -> list[TrainedRun]:
    """The runs whose mean tells of the method: those at their end; else those that were stopped at the same place."""
    ended = [run for run in runs if run.finished]
    longest = max(run.nimg for run in runs)
    return ended or [run for run in runs if same_budget([run.nimg], [longest])]


def _of_samples(folder: Path, first: list[tuple[Path, EvaluationFile]]) -> Iterator[RunScores]:
    """Scores of given samples, one a set of them."""
    scores = _read(folder, first)
    assert scores is not None, "a folder with scores"
    generators = scores.provenance.generators
    alone = len(generators) == 1
    for place in range(len(generators)):
        overall = {
            metric: _alone_value(score) if alone else _value_at(score.values, place, len(generators))
            for metric, score in scores.overall.items()
        }
        per_class, cas = (scores.per_class, scores.cas) if alone else ({}, None)
        yield RunScores(None, place, folder, overall, per_class, False, None, cas)


def _check_one_method(runs: Sequence[TrainedRun]) -> None:
    """Check that runs differ in their seeds alone, and in these.

    Raises:
        RunError: If they do not.
    """
    ours = settings(runs[0].config)
    seeds: dict[int, Path] = {}
    for run in runs:
        theirs = settings(run.config)
        changed = [key for key in dict.fromkeys((*ours, *theirs)) if ours.get(key) != theirs.get(key)]
        if changed:
            raise RunError(
                f"{run.directory}: differs from {runs[0].directory} in {', '.join(changed)}; expected runs of one "
                "configuration with several seeds. Put those of another into another folder."
            )
        if run.seed in seeds:
            raise RunError(
                f"{run.directory}: of training seed {run.seed}, as {seeds[run.seed]} is; expected runs of different "
                "seeds. Leave one out."
            )
        seeds[run.seed] = run.directory


def _read(directory: Path, first: list[tuple[Path, EvaluationFile]]) -> EvaluationFile | None:
    """The evaluation of a directory; all of them must be made in one way.

    Raises:
        RunError: It was made in another way than the first one.
    """
    if not (directory / EVALUATION_FILE).is_file():
        return None
    found = read_evaluation(directory)
    for other, earlier in first[:1]:
        lines = different_conditions(earlier, found)
        if lines:
            differing = "\n".join(lines)
            raise RunError(
                f"{other} and {directory} were evaluated in different ways and make no table:\n{differing}\n"
                "Evaluate all with the same options of `acgan evaluate`."
            )
    first.append((directory, found))
    return found


def _alone(run: TrainedRun, scores: EvaluationFile) -> RunScores | None:
    if len(scores.provenance.generators) != 1:
        return None
    overall = {metric: _alone_value(score) for metric, score in scores.overall.items()}
    generator = scores.provenance.generators[0]
    return RunScores(
        run, run.seed, run.directory, overall, scores.per_class, "best" in generator.file,
        generator.data_fingerprint, scores.cas,
    )  # fmt: skip


def _of_several(run: TrainedRun, together: EvaluationFile | None) -> RunScores | None:
    """A run's part of the evaluation of all runs of its directory, whose values are one a run, in their order."""
    if together is None or together.provenance.units != "training seeds":
        return None
    generators = together.provenance.generators
    places = [place for place, one in enumerate(generators) if one.training_seed == run.seed]
    if len(places) != 1:
        return None
    overall = {
        metric: _value_at(score.values, places[0], len(generators))
        for metric, score in together.overall.items()
    }
    generator = generators[places[0]]
    return RunScores(
        run, run.seed, run.directory, overall, {}, "best" in generator.file, generator.data_fingerprint
    )


def _value_at(values: Sequence[_Value], place: int, count: int) -> _Value:
    """The value of one of several; None where a metric has another number of values."""
    return values[place] if len(values) == count else None


def _alone_value(score: ScoreRecord) -> _Value:
    """A score of one run: the mean over generation seeds, or what ``cas`` found."""
    return _mean(score.values) if score.values else score.value


def _mean(values: Sequence[_Value]) -> _Value:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
