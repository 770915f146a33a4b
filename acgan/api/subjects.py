"""Generators to evaluate, and samples that something else generated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgan.api.judging import run_command
from acgan.assembly.packing_words import Packing
from acgan.assembly.register import check_source
from acgan.atomic import best_name, sha256
from acgan.config import RunConfig, diff, is_harmless, restore
from acgan.config.shared import DataConfig
from acgan.data import BUILTIN_NAMES, SAMPLES, load_samples
from acgan.data.sources.tree import is_run
from acgan.errors import ConfigError, RunError
from acgan.evaluation import TrainedRun, is_run_directory, read_run, runs_of_seeds
from acgan.own_parts import recorded_parts
from acgan.sampling import GivenSamples, Samples, load_generator
from acgan.showing import command
from acgan.types import SkippedImage
from acgan.weights import CLASSIFIER_FILE, GENERATOR_FILE, find_generator, holds

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
#: Samples have no parts.
_PACKED = DataConfig(test_share=0.0)
#: Files of acgan in a folder that is no run. Weights of others may lie beside the pictures that they made.
_WEIGHTS = {
    GENERATOR_FILE.name,
    best_name(GENERATOR_FILE.name),
    CLASSIFIER_FILE.name,
    best_name(CLASSIFIER_FILE.name),
}


@dataclass(frozen=True)
class Subject:
    """A generator to evaluate, or samples that something else generated.

    Attributes:
        path: The run, its file, or the source of the samples.
        file: The generator's file; for samples their source.
        sha256: Hash of the file as it was read, since a running training replaces it; for samples their fingerprint.
        samples: Where its images come from.
        config: How its training decoded real images; for samples how real images are brought to their form.
        skipped: Given samples that could not be decoded.
        warnings: Doubts about how given samples were read.
    """

    path: Path
    file: Path
    sha256: str
    samples: Samples
    config: RunConfig
    skipped: tuple[SkippedImage, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_given(self) -> bool:
        """True for samples that something else generated: nothing is known of a training."""
        return isinstance(self.samples, GivenSamples)

    @property
    def whose(self) -> str:
        """Whose classes are scored, for ``ClassSets.remarks``."""
        return SAMPLES if self.is_given else "generator"

    @property
    def data_fingerprint(self) -> str | None:
        """Fingerprint of the images that it was trained on; None if unknown."""
        found: str | None = self.samples.origin.get("data_fingerprint")
        return found

    def describe(self) -> dict[str, Any]:
        """Plain values for the provenance of scores."""
        origin = self.samples.origin
        return {
            "kind": "samples" if self.is_given else "generator",
            "path": str(self.path),
            "file": self.file.name,
            "sha256": self.sha256,
            "nimg": origin.get("nimg"),
            "training_seed": origin.get("seed"),
            "data": origin.get("data"),
            "data_fingerprint": self.data_fingerprint,
            **({"skipped": len(self.skipped)} if self.skipped else {}),
        }


def as_list(paths: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    """A list of paths, given one or several."""
    return [paths] if isinstance(paths, (str, Path)) else paths


def find_subjects(
    paths: str | Path | Sequence[str | Path],
    which: str | None,
    device: Any,
    *,
    beside_real: bool,
    on_error: str | None = None,
) -> list[Subject]:
    """Load generators, or samples; a directory of `acgan train --seeds` stands for the runs in it.

    Args:
        paths: One run directory or file, or several; or one or several sources of samples.
        which: ``best`` or ``last`` of a run's generators; None is the best if one was scored.
        device: Device to compute on.
        beside_real: True if real images are named, so that pictures can be scored as samples.
        on_error: ``skip`` leaves out broken pictures of samples.

    Raises:
        RunError: If there is no generator, or one of several runs is not as far as the others.
        ConfigError: If several are not of one configuration and data, or two of one seed.
    """
    found = [run for path in as_list(paths) for run in _runs(Path(path), which)]
    if not found:
        raise ConfigError("runs: found none; expected at least one.")
    given = [path for path in found if is_given(path)]
    if given and not beside_real:
        lacks = f"no {GENERATOR_FILE.name} in it, so it is no run of `acgan train`"
        raise RunError(
            f"{given[0]}: {lacks if given[0].is_dir() else 'holds no generator'}. To score its pictures as samples, "
            "name the real images with --data."
        )
    if given:
        return _given(given, found, which, on_error)
    if len(found) > 1:
        check_as_long([read_run(path) for path in found if is_run_directory(path)])
    subjects = [_load(path, which, device) for path in found]
    _check_one_method(subjects)
    return subjects


def is_given(path: Path) -> bool:
    """True for the source of pictures, by its content: neither a run, nor a file of weights, nor missing."""
    if path.is_dir():
        names = {entry.name for entry in path.iterdir()}
        exported = any(holds(kind, path) for kind in (GENERATOR_FILE, CLASSIFIER_FILE))
        return not (is_run(names) or names & _WEIGHTS or exported)
    if path.is_file():
        return path.suffix != ".safetensors" and not any(
            holds(kind, path) for kind in (GENERATOR_FILE, CLASSIFIER_FILE)
        )
    scheme = str(path).partition(":")[0]
    return scheme in BUILTIN_NAMES or (":" in str(path) and scheme == "hf" and not _is_on_hub(path))


def _is_on_hub(path: Path) -> bool:
    """True for ``hf://user/name``, whose weights the hub has; ``hf:/folder/name`` of this machine has pictures."""
    return len(path.parts) == 3 and path.parts[0] == "hf:" and not Path("/", *path.parts[1:]).exists()


def _given(
    given: Sequence[Path], found: Sequence[Path], which: str | None, on_error: str | None
) -> list[Subject]:
    generators = [path for path in found if path not in given]
    if generators:
        raise ConfigError(
            f"{given[0]}: is no run, and {generators[0]} is one; expected only runs, or only samples. Evaluate each "
            "by itself and compare them with `acgan compare`."
        )
    if which is not None:
        raise ConfigError(
            f"--which {which}: chooses a generator of a run, and {given[0]} is none. Leave it out."
        )
    subjects = [_load_given(path, on_error) for path in given]
    for number, other in enumerate(subjects):
        for earlier in subjects[:number]:
            if earlier.sha256 == other.sha256:
                raise ConfigError(
                    f"{other.path}: the same samples as {earlier.path}; expected each of them once."
                )
            shapes = [one.samples.image_shape[1:] for one in (earlier, other)]
            if shapes[0] != shapes[1] or earlier.samples.class_names != other.samples.class_names:
                raise ConfigError(
                    f"{other.path}: has other classes or another size than {earlier.path}; expected samples of one "
                    "method. Evaluate each by itself and compare them with `acgan compare`."
                )
    return subjects


def _load_given(path: Path, on_error: str | None) -> Subject:
    packing = Packing(str(path), _PACKED)
    with packing.told():
        dataset = load_samples(str(path), on_error="skip" if on_error == "skip" else "stop")
    store = dataset.train
    # Channels stay open: pictures in gray must not turn real ones gray.
    channels = 3 if store.channels == 3 else None
    data = {"source": str(path), "resolution": store.resolution, "channels": channels}
    config = RunConfig.model_validate({"data": data})
    return Subject(
        path,
        path,
        store.fingerprint,
        GivenSamples(store),
        config,
        dataset.skipped,
        packing.after(dataset.warnings),
    )


def _check_one_method(subjects: Sequence[Subject]) -> None:
    """Check that generators are of one configuration, data and different seeds.

    Raises:
        ConfigError: If they are not.
    """
    first = subjects[0]
    for number, other in enumerate(subjects):
        changed = [key for key in diff(first.config, other.config) if not is_harmless(key, _MAY_DIFFER)]
        if first.data_fingerprint != other.data_fingerprint:
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
            if earlier.samples.origin["seed"] == other.samples.origin["seed"]:
                raise ConfigError(
                    f"{other.path}: of training seed {other.samples.origin['seed']}, as {earlier.path} is; expected "
                    "runs of different seeds, whose deviation says something. Leave one out."
                )


def check_as_long(runs: Sequence[TrainedRun]) -> None:
    """Check that runs of one method have all ended, or are all as far.

    Raises:
        RunError: If one has not, which names the others.
    """
    unfinished = [run for run in runs if not run.finished]
    if not unfinished or len({run.nimg for run in runs}) == 1:
        return
    ended, first = [str(run.directory) for run in runs if run.finished], unfinished[0].directory
    others = f", or evaluate the others by name: `{command('evaluate', *ended)}`" if len(ended) > 1 else ""
    named = "; ".join(f"{run.directory} ({run.progress})" for run in unfinished)
    raise RunError(
        f"{named}: not trained to the end; expected runs of one length, whose mean tells of the method. Go on with "
        f"`{run_command(first, 'train', str(first))}`{others}."
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
    file = find_generator(path, which)
    digest, sampler = sha256(file), load_generator(file, device)
    origin = sampler.origin
    if "config" not in origin:
        raise RunError(f"{file}: does not say how it was trained; expected a generator of `acgan train`.")
    config = restore(RunConfig, origin["config"], str(file), recorded_parts(file.parent, origin))
    check_source(config, file.parent, origin)
    channels, resolution, _ = sampler.image_shape
    shape = {"resolution": resolution, "channels": channels}
    config = config.model_copy(update={"data": config.data.model_copy(update=shape)})
    return Subject(path, file, digest, sampler, config)
