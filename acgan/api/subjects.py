"""Generators to evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgan.assembly.register import check_source
from acgan.atomic import sha256
from acgan.config import RunConfig, diff, is_harmless, restore
from acgan.errors import ConfigError, RunError
from acgan.evaluation import TrainedRun, is_run_directory, read_run, runs_of_seeds
from acgan.own_parts import recorded_parts
from acgan.sampling import ClassSampler, load_generator
from acgan.weights import CLASSIFIER_FILE, find_generator, holds

#: Keys in which runs of one method may differ; their images are compared separately.
_MAY_DIFFER = (
    "seed",
    "description",
    "data.source",
    "data.root",
    "monitor.",
    "every.log_nimg",
    "every.sample_nimg",
)


@dataclass(frozen=True)
class Subject:
    """A generator to evaluate.

    Attributes:
        path: The run or file.
        sha256: Hash of the file as it was read; a running training replaces it.
    """

    path: Path
    file: Path
    sha256: str
    sampler: ClassSampler
    config: RunConfig

    @property
    def origin(self) -> dict[str, Any]:
        """Provenance of its weights."""
        return self.sampler.info.provenance

    def describe(self) -> dict[str, Any]:
        """Plain values for the provenance of scores."""
        origin = self.origin
        return {
            "path": str(self.path),
            "file": self.file.name,
            "sha256": self.sha256,
            "nimg": origin["nimg"],
            "training_seed": origin["seed"],
            "data": origin["data"],
            "data_fingerprint": origin["data_fingerprint"],
        }


def as_list(paths: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    """A list of paths, given one or several."""
    return [paths] if isinstance(paths, (str, Path)) else paths


def find_subjects(paths: str | Path | Sequence[str | Path], which: str | None, device: Any) -> list[Subject]:
    """Load generators; a directory of `acgan train --seeds` stands for the runs in it.

    Args:
        paths: One run directory or file, or several.
        which: ``best`` or ``last`` of a run's generators; None is the best if one was scored.
        device: Device to compute on.

    Raises:
        RunError: If there is no generator, or one of several runs is not as far as the others.
        ConfigError: If several are not of one configuration and data, or two of one seed.
    """
    found = [run for path in as_list(paths) for run in _runs(Path(path), which)]
    if not found:
        raise ConfigError("runs: found none; expected at least one.")
    if len(found) > 1:
        check_as_long([read_run(path) for path in found if is_run_directory(path)])
    subjects = [_load(path, which, device) for path in found]
    first = subjects[0]
    for number, other in enumerate(subjects):
        changed = [key for key in diff(first.config, other.config) if not is_harmless(key, _MAY_DIFFER)]
        if first.origin["data_fingerprint"] != other.origin["data_fingerprint"]:
            changed.append("the training images")
        if changed:
            raise ConfigError(
                f"{other.path}: differs from {first.path} in {', '.join(changed)}; expected runs of one configuration "
                "with several seeds. Evaluate each by itself and compare them with `acgan compare`."
            )
        for earlier in subjects[:number]:
            if earlier.sha256 == other.sha256:
                raise ConfigError(
                    f"{other.path}: the same generator as {earlier.path}; expected each of them once."
                )
            if earlier.origin["seed"] == other.origin["seed"]:
                raise ConfigError(
                    f"{other.path}: of training seed {other.origin['seed']}, as {earlier.path} is; expected runs of "
                    "different seeds, whose deviation says something. Leave one out."
                )
    return subjects


def check_as_long(runs: Sequence[TrainedRun]) -> None:
    """Check that runs of one method have all ended, or are all as far.

    Raises:
        RunError: If one has not, which names the others.
    """
    unfinished = [run for run in runs if not run.finished]
    if not unfinished or len({run.nimg for run in runs}) == 1:
        return
    ended = [str(run.directory) for run in runs if run.finished]
    others = f", or evaluate the others by name: acgan evaluate {' '.join(ended)}" if len(ended) > 1 else ""
    named = "; ".join(f"{run.directory} ({run.progress})" for run in unfinished)
    raise RunError(
        f"{named}: not trained to the end; expected runs of one length, whose mean tells of the method. Go on with "
        f"`acgan train {unfinished[0].directory}`{others}."
    )


def _runs(path: Path, which: str | None) -> list[Path]:
    seeds = runs_of_seeds(path)
    if not seeds:
        return [path]
    if (path / "config.yaml").exists():
        raise ConfigError(
            f"{path}: is a run, and has {len(seeds)} more in it ({seeds[0].name}, …); expected one or the other. "
            f"Name the run's file, {find_generator(path, which)}, or the runs in it one by one."
        )
    return seeds


def _load(path: Path, which: str | None, device: Any) -> Subject:
    if path.exists() and holds(CLASSIFIER_FILE, path):
        raise RunError(
            f"{path}: holds a classifier; expected a run or file of `acgan train`. `acgan classify evaluate` scores "
            "classifiers."
        )
    file = find_generator(path, which)
    digest, sampler = sha256(file), load_generator(file, device)
    origin = sampler.info.provenance
    if "config" not in origin:
        raise RunError(f"{file}: does not say how it was trained; expected a generator of `acgan train`.")
    config = restore(RunConfig, origin["config"], str(file), recorded_parts(file.parent, origin))
    check_source(config, file.parent, origin)
    shape = {"resolution": sampler.generator.resolution, "channels": sampler.generator.image_channels}
    config = config.model_copy(update={"data": config.data.model_copy(update=shape)})
    return Subject(path, file, digest, sampler, config)
