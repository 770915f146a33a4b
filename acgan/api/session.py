"""What every training shares from a configuration to its result: data, run directory, resume, the loop's frame."""

from __future__ import annotations

import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypedDict

import torch

from acgan import distributed, runtime
from acgan.api.inputs import check_unchanged, tell_about
from acgan.api.run_directory import check_usable, locked, settle
from acgan.assembly.images import load_data
from acgan.code_version import code_version
from acgan.config import AnyConfig, to_yaml
from acgan.distributed import Ranks
from acgan.predicting import ImageClassifier, load_classifier
from acgan.sampling import ClassSampler, load_generator
from acgan.training.best import Best
from acgan.training.checkpoint import read_latest
from acgan.training.hooks import Hooks, Intervals, Stateful
from acgan.training.run import TrainingRun
from acgan.training.tracking import Listener, Tick
from acgan.types import Dataset, Score


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
        source_fingerprint: Of the source's training images, before a part of them is chosen or held out.
        say: See ``TrainOptions``.
        warn: See ``TrainOptions``.
        meta: What the checkpoint says that is gone on from; empty at the start of a run.
        origin: Where the first weights come from, once it is known; for provenance.
        code: Version and commit of acgan as the training began, whatever becomes of the files meanwhile, and behind it
            those that it went on with.
    """

    dataset: Dataset
    device: torch.device
    precision: str
    ranks: Ranks
    source_fingerprint: str
    say: Callable[[str], None]
    warn: Callable[[str], None]
    meta: Mapping[str, Any]
    origin: dict[str, Any] = field(default_factory=dict)
    code: Sequence[str] = field(default_factory=lambda: [code_version()])

    def provenance(self, config: AnyConfig, nimg: int, score: Score | None = None) -> dict[str, Any]:
        """What the file of a trained network says of where it comes from; its score where it is the best of a run."""
        return {
            "acgan": ", then ".join(self.code),
            "torch": torch.__version__,
            "machine": runtime.machine(),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "data": self.dataset.name,
            "data_fingerprint": self.dataset.train.fingerprint,
            "source_fingerprint": self.source_fingerprint,
            "nimg": nimg,
            "score": asdict(score) if score is not None else None,
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
        meta: Plain values to keep in checkpoints.
    """

    state: Stateful
    loop: Callable[[TrainingRun], None]
    hooks: Hooks
    intervals: Intervals
    initialise: Callable[[Path], tuple[str, dict[str, Any]]]
    meta: Mapping[str, Any] = field(default_factory=dict)


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
        best: The best score; None where nothing was scored, and on all ranks but the first, which scores.
        out_of_patience: Whether ``train.patience_nimg`` ended it before its full length.
    """

    directory: Path
    nimg: int
    finished: bool
    stats: Mapping[str, float]
    trained_sec: float
    images_per_sec: float
    best: Best | None
    out_of_patience: bool

    def sampler(self, device: str | torch.device = "cpu", which: str | None = None) -> ClassSampler:
        """The generator that ``train`` made: the ``best`` where one was scored, else the ``last``."""
        return load_generator(self.directory, device, which)

    def classifier(self, device: str | torch.device = "cpu") -> ImageClassifier:
        """The classifier that ``train_classifier`` made."""
        return load_classifier(self.directory, device=device)


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
    ranks = distributed.start_ranks(device)
    directory = Path(options.get("run_dir") or Path("runs") / name)
    fresh = options.get("fresh", False)
    with locked(directory, ranks):
        check_usable(directory, config, fresh)
        warn_once = warn if ranks.first else lambda message: None
        payload = None if fresh else read_latest(directory / "checkpoints", warn_once)
        if config.description:
            say(f"{name}: {config.description}")
        meta = payload["meta"] if payload is not None else {}
        # Bits depend on both: a resumed run keeps what it began with. Generated images do, so this comes first.
        precision = meta.get("precision") or runtime.resolve_precision(config.train.precision, device)
        runtime.use_threads(config.train.threads or meta.get("threads"))
        source = load_data(config, data, options.get("on_data"))
        dataset = prepare(source)
        tell_about(dataset, say)
        check_unchanged(meta, dataset, directory)
        fingerprint, code = source.train.fingerprint, _code_so_far(meta)
        setting = Setting(dataset, device, precision, ranks, fingerprint, say, warn_once, meta, code=code)
        setting.origin.update(meta.get("init_from") or {})
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
        begun, begun_nimg = _train(run, trainee, payload, f"```yaml\n{to_yaml(config)}```", say)
    return TrainResult(
        directory=directory,
        nimg=run.nimg,
        finished=run.ended,
        stats=ticks[-1].stats if ticks else {},
        trained_sec=run.trained_sec,
        images_per_sec=(run.nimg - begun_nimg) / max(time.monotonic() - begun, 1e-9),
        best=run.scores.best if ranks.first else None,
        out_of_patience=run.out_of_patience,
    )


def _code_so_far(meta: Mapping[str, Any]) -> Sequence[str]:
    """What a run was trained by until now, and this code where that is another."""
    before, now = list(meta.get("code", ["unknown"] if meta else [])), code_version()
    return before if before[-1:] == [now] else [*before, now]


def _train(
    run: TrainingRun,
    trainee: Trainee,
    payload: Mapping[str, Any] | None,
    description: str,
    say: Callable[[str], None],
) -> tuple[float, int]:
    """From the checkpoint, or the start, to the end; returns when and from how many images on."""
    distributed.barrier(run.ranks)
    run.resume(payload)
    distributed.broadcast_parameters(trainee.state.networks(), run.ranks)
    if payload is not None and not run.out_of_patience:
        say(f"{run.directory}: going on from {run.nimg:,} images.")
    run.describe("config", description)
    begun = time.monotonic(), run.nimg
    with run.running():
        trainee.loop(run)
        distributed.barrier(run.ranks)  # what the first rank writes at the end is there for all
    if run.out_of_patience and run.ranks.first:
        say(
            f"{run.directory}: stopped at {run.nimg:,} images, since {run.scores.waited_nimg:,} images brought nothing "
            f"better than {run.scores.best}, and train.patience_nimg is {run.intervals.patience_nimg:,}. To go on, "
            "raise it or set it to null."
        )
    return begun


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
    dataset = setting.dataset
    meta = {
        "precision": setting.precision,
        "threads": torch.get_num_threads(),
        "data_fingerprint": dataset.train.fingerprint,
        "validation_fingerprint": dataset.validation.fingerprint if dataset.validation is not None else None,
        "class_names": list(dataset.train.class_names),
        "init_from": setting.origin or None,
        "code": list(setting.code),
        **trainee.meta,
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
