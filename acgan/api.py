"""Train and sample: compositions of the parts, for the command line and for Python."""

from __future__ import annotations

import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch

import acgan
from acgan import runtime
from acgan.build import architecture, build_gan, data_keywords
from acgan.config import RunConfig, load, to_yaml
from acgan.config.recipes import find_recipe
from acgan.data import data_name, dataset_from_torch, load_dataset
from acgan.errors import ConfigError, RunError
from acgan.evaluation import collapse_monitor
from acgan.metrics import MIN_IMAGES
from acgan.run_directory import check_usable, locked, settle
from acgan.sampling import ClassSampler, GeneratorInfo, grid, load_generator, save_generator
from acgan.training.checkpoint import read_latest
from acgan.training.gan_loop import Gan, train_gan
from acgan.training.initialise import initialise_from
from acgan.training.run import Hooks, Intervals, TrainingRun
from acgan.training.tracking import Listener, Tick
from acgan.types import Dataset

__all__ = ["TrainResult", "load_data", "load_generator", "resolve_config", "train"]

_DATASET = "dataset"  # the name of a torch Dataset, which has none
_GRID_COLUMNS = 10
_SKIPPED_SHOWN = 20


@dataclass(frozen=True)
class TrainResult:
    """What a training left behind.

    Attributes:
        directory: The run directory.
        nimg: Images shown so far.
        finished: Whether ``train.total_nimg`` was reached.
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
        """The trained generator."""
        return load_generator(self.directory, device=device)


def resolve_config(
    config: RunConfig | str | Path | None, data: Any = None, overrides: Sequence[str] = ()
) -> tuple[RunConfig, str]:
    """A configuration, and a name for its run.

    Args:
        config: A ``RunConfig``, a recipe's name or a YAML path; None is ``folder`` where data is given, else
            ``digits``.
        data: A source, which takes the place of the configured one, or a torch Dataset.
        overrides: ``KEY=VALUE`` texts, for a recipe or file.
    """
    if isinstance(config, RunConfig):
        if overrides:
            raise ConfigError(
                "overrides go with a recipe or file, not with a RunConfig; use model_copy instead."
            )
        name = "run"
    else:
        file = find_recipe(str(config) if config is not None else "folder" if data is not None else "digits")
        config, name = load(RunConfig, file, overrides), file.stem
    if data is not None:
        suffix = data_name(data) if isinstance(data, str) else _DATASET
        name = name if suffix == name else f"{name}-{suffix}"
        source = {"source": data if isinstance(data, str) else _DATASET}
        config = config.model_copy(update={"data": config.data.model_copy(update=source)})
    return config, name


def train(
    config: RunConfig | str | Path | None = None,
    data: Any = None,
    on_tick: Listener | None = None,
    *,
    run_dir: str | Path | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
    max_time_sec: float | None = None,
    init_from: str | Path | None = None,
    fresh: bool = False,
    on_data: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = warnings.warn,
) -> TrainResult:
    """Train an AC-GAN, or go on with a training.

    Args:
        config: A ``RunConfig``, a recipe's name or a YAML path.
        data: A source as ``acgan train --data`` takes it, or a map-style torch Dataset of (image, label).
        on_tick: Called at each log interval.
        run_dir: The run directory; by default ``runs/<recipe>[-<data name>]``.
        overrides: ``KEY=VALUE`` texts, as ``--set`` takes them.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        max_time_sec: Stop, with a checkpoint, after so long.
        init_from: A run or generator file whose weights to start from.
        fresh: Move a run that is there aside and start anew.
        on_data: Told (done, total) while images are decoded.
        say: Told remarks for people.
        warn: Told of what went wrong without ending it, such as a broken checkpoint.

    Raises:
        UserError: For whatever the user can mend.
        Interrupted: If a signal stopped it; a checkpoint was left.
    """
    started = time.monotonic()
    if isinstance(data, os.PathLike):
        data = os.fspath(data)
    config, name = resolve_config(config, data, overrides)
    torch_device = runtime.choose_device(device)
    ranks = runtime.start_ranks(torch_device)
    directory = Path(run_dir) if run_dir is not None else Path("runs") / name
    with locked(directory, ranks):
        check_usable(directory, config, fresh)
        payload = (
            None
            if fresh
            else read_latest(directory / "checkpoints", warn if ranks.first else lambda message: None)
        )
        meta = payload["meta"] if payload is not None else {}
        if config.description:
            say(f"{name}: {config.description}")
        dataset = load_data(config, data, on_data)
        _tell_about(dataset, say)
        _check_unchanged(meta, dataset, directory)
        # Bits depend on both: a resumed run keeps what it began with.
        precision = meta.get("precision") or runtime.resolve_precision(config.train.precision, torch_device)
        runtime.use_threads(config.train.threads or meta.get("threads"))
        gan = build_gan(config, dataset.train, device=torch_device, precision=precision, ranks=ranks)
        start = None
        if init_from is not None and payload is None:
            report, start = initialise_from(Path(init_from), gan, dataset.train.class_names)
            say(report)
        elif init_from is not None:
            say(f"--init-from {init_from}: not read again; the run goes on from its own checkpoint.")
        ticks: deque[Tick] = deque(maxlen=1)
        listeners = [ticks.append] if on_tick is None else [ticks.append, on_tick]
        run = _build_run(config, dataset, gan, directory, listeners, meta.get("init_from") or start)
        run.deadline = started + max_time_sec if max_time_sec is not None else None
        if ranks.first:
            settle(directory, config, fresh, say)
        runtime.barrier(ranks)
        run.resume(payload)
        runtime.broadcast_parameters(gan.networks(), ranks)
        if payload is not None:
            say(f"{directory}: going on from {run.nimg:,} images.")
        run.describe("config", f"```yaml\n{to_yaml(config)}```")
        begun, begun_nimg = time.monotonic(), run.nimg
        with run.running():
            train_gan(gan, run)
    return TrainResult(
        directory=directory,
        nimg=run.nimg,
        finished=run.nimg >= config.train.total_nimg,
        stats=ticks[-1].stats if ticks else {},
        trained_sec=run.trained_sec,
        images_per_sec=(run.nimg - begun_nimg) / max(time.monotonic() - begun, 1e-9),
    )


def load_data(
    config: RunConfig, data: Any = None, progress: Callable[[int, int], None] | None = None
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
    counts = np.bincount(store.labels, minlength=store.num_classes)
    small = [name for name, count in zip(store.class_names, counts, strict=True) if count < MIN_IMAGES]
    if small:
        say(f"the collapse monitor needs {MIN_IMAGES} images a class and cannot judge: {', '.join(small)}")


def _check_unchanged(meta: Mapping[str, Any], dataset: Dataset, directory: Path) -> None:
    if meta and meta["data_fingerprint"] != dataset.train.fingerprint:
        raise RunError(
            f"{directory}: the training images are not those of the run so far (fingerprint "
            f"{meta['data_fingerprint'][:8]}, now {dataset.train.fingerprint[:8]}). Restore them, or start anew "
            "with --fresh."
        )


def _build_run(
    config: RunConfig,
    dataset: Dataset,
    gan: Gan,
    directory: Path,
    listeners: Sequence[Listener],
    start: Mapping[str, Any] | None,
) -> TrainingRun:
    store = dataset.train
    info = GeneratorInfo(architecture(config, store), store.class_names)
    sampler = ClassSampler(gan.ema.network, info)

    def export(path: Path, nimg: int) -> None:
        provenance = {
            "acgan": acgan.__version__,
            "torch": torch.__version__,
            "machine": runtime.machine(),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "data": dataset.name,
            "data_fingerprint": store.fingerprint,
            "nimg": nimg,
            "seed": config.seed,
            "precision": gan.precision,
            "init_from": start,
            "config": config.model_dump(mode="json"),
        }
        save_generator(path, gan.ema.network, replace(info, provenance=provenance))

    hooks = Hooks(
        sample=lambda: grid(sampler, _GRID_COLUMNS),
        evaluate=collapse_monitor(config.monitor, config.seed, sampler, store)
        if config.monitor.num_per_class
        else None,
        export=export,
        product="generator.safetensors",
        listeners=listeners,
    )
    intervals = Intervals(total_nimg=config.train.total_nimg, **config.every.model_dump())
    meta = {
        "precision": gan.precision,
        "threads": torch.get_num_threads(),
        "data_fingerprint": store.fingerprint,
        "class_names": list(store.class_names),
        "init_from": start,
    }
    return TrainingRun(directory, intervals, gan, meta, hooks, gan.device, gan.ranks)
