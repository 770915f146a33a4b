"""What every training shares from a configuration to its result: data, run directory, resume, the loop's frame."""

from __future__ import annotations

import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypedDict

import torch

import acgan
from acgan import runtime
from acgan.build import data_keywords
from acgan.config import CONFIGS, AnyConfig, ClassifierConfig, RunConfig, load, to_yaml
from acgan.config.recipes import find_recipe
from acgan.config.schema import DataConfig
from acgan.data import data_name, dataset_from_torch, limit_per_class, load_dataset
from acgan.errors import ConfigError, RunError
from acgan.predicting import ImageClassifier, load_classifier
from acgan.run_directory import check_usable, locked, settle
from acgan.runtime import Ranks
from acgan.sampling import ClassSampler, load_generator
from acgan.training.checkpoint import read_latest
from acgan.training.run import Hooks, Intervals, Stateful, TrainingRun
from acgan.training.tracking import Listener, Tick
from acgan.types import Dataset, ImageStore

_DATASET = "dataset"  # the name of a torch Dataset, which has none
_SKIPPED_SHOWN = 20


class TrainOptions(TypedDict, total=False):
    """How a training is run, as opposed to what is trained; all optional.

    Attributes:
        run_dir: The run directory; by default ``runs/<recipe>[-<data name>]``, for classifiers ``runs/classify-…``.
        device: ``auto`` (the default), ``cpu``, ``cuda`` or ``mps``.
        max_time_sec: Stop, with a checkpoint, after so long.
        init_from: A run or file whose weights to start from.
        fresh: Move a run that is there aside and start anew.
        on_data: Told (done, total) while images are decoded.
        say: Told remarks for people.
        warn: Told of what went wrong without ending it, such as a broken checkpoint; by default ``warnings.warn``.
    """

    run_dir: str | Path | None
    device: str
    max_time_sec: float | None
    init_from: str | Path | None
    fresh: bool
    on_data: Callable[[int, int], None] | None
    say: Callable[[str], None]
    warn: Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """Where a training is about to happen.

    Attributes:
        dataset: Decoded.
        precision: As resolved.
        ranks: This process among others.
        say: See ``TrainOptions``.
        warn: See ``TrainOptions``.
        origin: Where the first weights come from, once it is known; for provenance.
    """

    dataset: Dataset
    device: torch.device
    precision: str
    ranks: Ranks
    say: Callable[[str], None]
    warn: Callable[[str], None]
    origin: dict[str, Any] = field(default_factory=dict)

    def provenance(self, config: AnyConfig, nimg: int) -> dict[str, Any]:
        """What the file of a trained network says of where it comes from."""
        return {
            "acgan": acgan.__version__,
            "torch": torch.__version__,
            "machine": runtime.machine(),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "data": self.dataset.name,
            "data_fingerprint": self.dataset.train.fingerprint,
            "nimg": nimg,
            "seed": config.seed,
            "precision": self.precision,
            "init_from": self.origin or None,
            "config": config.model_dump(mode="json"),
        }


@dataclass(frozen=True)
class Trainee:
    """What one kind of training brings to what all share.

    Attributes:
        state: What is trained.
        loop: Trains it until the run says stop.
        hooks: What happens besides, without listeners.
        intervals: Length and intervals.
        initialise: Gives ``state`` the weights of a run or file; returns a report, and the origin for provenance.
    """

    state: Stateful
    loop: Callable[[TrainingRun], None]
    hooks: Hooks
    intervals: Intervals
    initialise: Callable[[Path], tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class TrainResult:
    """What a training left behind.

    Attributes:
        directory: The run directory.
        nimg: Images shown so far.
        finished: Whether the training came to its end.
        stats: The last tick's means.
        trained_sec: Time in the loop, over all invocations.
        images_per_sec: Over this invocation, all intervals counted.
    """

    directory: Path
    nimg: int
    finished: bool
    stats: Mapping[str, float]
    trained_sec: float
    images_per_sec: float

    def sampler(self, device: str | torch.device = "cpu") -> ClassSampler:
        """The generator that ``train`` made."""
        return load_generator(self.directory, device=device)

    def classifier(self, device: str | torch.device = "cpu") -> ImageClassifier:
        """The classifier that ``train_classifier`` made."""
        return load_classifier(self.directory, device=device)


def resolve_config(
    config: AnyConfig | str | Path | None, data: Any = None, overrides: Sequence[str] = (), task: str = "gan"
) -> tuple[Any, str]:
    """A configuration, and a name for its run.

    Args:
        config: A configuration, a recipe's name or a YAML path; None is ``folder`` where data is given, else
            ``digits``.
        data: A source, which takes the place of the configured one, or a torch Dataset.
        overrides: ``KEY=VALUE`` texts, for a recipe or file.
        task: The kind of training.
    """
    if isinstance(config, (RunConfig, ClassifierConfig)):
        if overrides:
            raise ConfigError(
                "overrides go with a recipe or file, not with a configuration object; use model_copy instead."
            )
        resolved, name = config, "run"
    else:
        default = "folder" if data is not None else "digits"
        file = find_recipe(str(config) if config is not None else default, task)
        resolved, name = load(CONFIGS[task], file, overrides), file.stem
    if isinstance(data, os.PathLike):
        data = os.fspath(data)
    if data is not None:
        suffix = data_name(data) if isinstance(data, str) else _DATASET
        name = name if suffix == name else f"{name}-{suffix}"
        source = {"source": data if isinstance(data, str) else _DATASET}
        resolved = resolved.model_copy(update={"data": resolved.data.model_copy(update=source)})
    return resolved, name if task == "gan" else f"{task}-{name}"


def run_training(
    config: AnyConfig,
    name: str,
    data: Any,
    build: Callable[[Setting], Trainee],
    options: TrainOptions,
    on_tick: Listener | None,
    prepare: Callable[[Dataset], Dataset],
) -> TrainResult:
    """Train in a run directory, or go on with a training that is there.

    Args:
        config: What to train.
        name: Of the run, for its default directory.
        data: None for the configured source, or a torch Dataset.
        build: Makes what is trained.
        options: How.
        on_tick: Called at each log interval.
        prepare: Changes the data before anything is made of it.
    """
    started = time.monotonic()
    if isinstance(data, os.PathLike):
        data = os.fspath(data)
    say, warn = options.get("say", lambda message: None), options.get("warn", warnings.warn)
    device = runtime.choose_device(options.get("device", "auto"))
    ranks = runtime.start_ranks(device)
    directory = Path(options.get("run_dir") or Path("runs") / name)
    fresh = options.get("fresh", False)
    with locked(directory, ranks):
        check_usable(directory, config, fresh)
        warn_once = warn if ranks.first else lambda message: None
        payload = None if fresh else read_latest(directory / "checkpoints", warn_once)
        if config.description:
            say(f"{name}: {config.description}")
        dataset = prepare(load_data(config, data, options.get("on_data")))
        _tell_about(dataset, say)
        meta = payload["meta"] if payload is not None else {}
        _check_unchanged(meta, dataset, directory)
        # Bits depend on both: a resumed run keeps what it began with.
        precision = meta.get("precision") or runtime.resolve_precision(config.train.precision, device)
        runtime.use_threads(config.train.threads or meta.get("threads"))
        origin = dict(meta.get("init_from") or {})
        setting = Setting(dataset, device, precision, ranks, say, warn_once, origin)
        trainee = build(setting)
        _initialise(trainee, setting, options.get("init_from"), payload, say)
        ticks: deque[Tick] = deque(maxlen=1)
        run = _make_run(
            directory, trainee, setting, [ticks.append] if on_tick is None else [ticks.append, on_tick]
        )
        max_time = options.get("max_time_sec")
        run.deadline = started + max_time if max_time is not None else None
        if ranks.first:
            settle(directory, config, fresh, say)
        runtime.barrier(ranks)
        run.resume(payload)
        runtime.broadcast_parameters(trainee.state.networks(), ranks)
        if payload is not None:
            say(f"{directory}: going on from {run.nimg:,} images.")
        run.describe("config", f"```yaml\n{to_yaml(config)}```")
        begun, begun_nimg = time.monotonic(), run.nimg
        with run.running():
            trainee.loop(run)
        runtime.barrier(ranks)  # what the first rank writes at the end is there for all
    return TrainResult(
        directory=directory,
        nimg=run.nimg,
        finished=run.nimg >= run.intervals.total_nimg,
        stats=ticks[-1].stats if ticks else {},
        trained_sec=run.trained_sec,
        images_per_sec=(run.nimg - begun_nimg) / max(time.monotonic() - begun, 1e-9),
    )


def load_data(
    config: AnyConfig, data: Any = None, progress: Callable[[int, int], None] | None = None
) -> Dataset:
    """The configured data, decoded; or a torch Dataset's images."""
    if data is None or isinstance(data, str):
        return load_dataset(config.data.source, **data_keywords(config.data), progress=progress)
    if config.data.classes is not None:
        raise ConfigError(
            "data.classes picks classes of a data source; a torch Dataset's are chosen before it is given."
        )
    return dataset_from_torch(
        data,
        name=_DATASET,
        resolution=config.data.resolution,
        channels=config.data.channels,
        fit=config.data.fit,
        test_share=config.data.test_share,
        seed=config.data.split_seed,
    )


def limited(store: ImageStore, data: DataConfig, notes: list[str]) -> ImageStore:
    """The images that ``data.max_per_class`` leaves; adds a note where it is set."""
    if data.max_per_class is None:
        return store
    notes.append(f"at most {data.max_per_class} images of each class are trained on")
    return limit_per_class(store, data.max_per_class, seed=data.split_seed)


def _check_unchanged(meta: Mapping[str, Any], dataset: Dataset, directory: Path) -> None:
    if meta and meta["data_fingerprint"] != dataset.train.fingerprint:
        raise RunError(
            f"{directory}: the training images are not those of the run so far (fingerprint "
            f"{meta['data_fingerprint'][:8]}, now {dataset.train.fingerprint[:8]}). Restore them, or start anew "
            "with --fresh."
        )


def _initialise(
    trainee: Trainee,
    setting: Setting,
    init_from: str | Path | None,
    payload: Mapping[str, Any] | None,
    say: Callable[[str], None],
) -> None:
    if init_from is not None and payload is None:
        report, origin = trainee.initialise(Path(init_from))
        setting.origin.update(origin)
        say(report)
    elif init_from is not None:
        say(f"--init-from {init_from}: not read again; the run goes on from its own checkpoint.")


def _make_run(
    directory: Path, trainee: Trainee, setting: Setting, listeners: Sequence[Listener]
) -> TrainingRun:
    meta = {
        "precision": setting.precision,
        "threads": torch.get_num_threads(),
        "data_fingerprint": setting.dataset.train.fingerprint,
        "class_names": list(setting.dataset.train.class_names),
        "init_from": setting.origin or None,
    }
    return TrainingRun(
        directory,
        trainee.intervals,
        trainee.state,
        meta,
        trainee.hooks,
        setting.device,
        setting.ranks,
        listeners=listeners,
    )


def _tell_about(dataset: Dataset, say: Callable[[str], None]) -> None:
    """What was inferred about the data, and which images were passed over."""
    for note in dataset.notes:
        say(note)
    for skipped in dataset.skipped[:_SKIPPED_SHOWN]:
        say(f"skipped {skipped.path}: {skipped.reason}")
    if len(dataset.skipped) > _SKIPPED_SHOWN:
        say(f"skipped {len(dataset.skipped) - _SKIPPED_SHOWN:,} more broken images")
    store = dataset.train
    say(
        f"{dataset.name}: {len(store):,} training images, {store.num_classes} classes, "
        f"{'gray' if store.channels == 1 else 'RGB'}, {store.resolution} px"
    )
