"""Train and sample: compositions of the parts, for the command line and for Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

import acgan
from acgan import runtime
from acgan.build import architecture, build_gan, data_keywords
from acgan.config import RunConfig, load, to_yaml
from acgan.config.recipes import find_recipe
from acgan.data import data_name, dataset_from_torch, load_dataset
from acgan.errors import ConfigError, RunError
from acgan.evaluation import collapse_monitor
from acgan.run_directory import locked, prepare
from acgan.runtime import Ranks
from acgan.sampling import ClassSampler, GeneratorInfo, grid, load_generator, save_generator
from acgan.training.checkpoint import read_latest
from acgan.training.gan_loop import Gan, train_gan
from acgan.training.initialise import initialise_from
from acgan.training.run import Hooks, Intervals, TrainingRun
from acgan.training.tracking import Listener, Tick
from acgan.types import Dataset

__all__ = ["TrainResult", "load_data", "load_generator", "resolve_config", "train"]

_GRID_COLUMNS = 10


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
    config: RunConfig | str | Path | None, data: str | None = None, overrides: Sequence[str] = ()
) -> tuple[RunConfig, str]:
    """A configuration and the recipe's name, from a recipe's name or a YAML path, a data source and overrides.

    Without a configuration it is ``folder`` where data is given, else ``digits``.
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
        config = config.model_copy(update={"data": config.data.model_copy(update={"source": data})})
        suffix = data_name(data)
        name = name if suffix == name else f"{name}-{suffix}"
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

    Raises:
        UserError: For whatever the user can mend.
        Interrupted: If a signal stopped it; a checkpoint was left.
    """
    started = time.monotonic()
    source = data if isinstance(data, str) else None
    config, name = resolve_config(config, source, overrides)
    torch_device = runtime.choose_device(device)
    ranks = runtime.start_ranks(torch_device)
    directory = Path(run_dir) if run_dir is not None else Path("runs") / name
    with locked(directory, ranks):
        if ranks.first:
            prepare(directory, config, fresh, say)
            if config.description:
                say(f"{name}: {config.description}")
        _barrier(ranks)
        payload = read_latest(directory / "checkpoints", say)
        meta = payload["meta"] if payload is not None else {}
        _use_threads(config.train.threads or meta.get("threads"))
        precision = meta.get("precision") or runtime.resolve_precision(config.train.precision, torch_device)
        dataset = load_data(config, data, on_data)
        for note in dataset.notes:
            say(note)
        _check_unchanged(meta, dataset, directory)
        gan = build_gan(config, dataset.train, device=torch_device, precision=precision, ranks=ranks)
        if init_from is not None and payload is None:
            say(initialise_from(Path(init_from), gan, dataset.train.class_names))
        runtime.broadcast_parameters(gan.networks(), ranks)
        ticks: list[Tick] = []
        run = _build_run(
            config, dataset, gan, directory, [ticks.append, *([on_tick] if on_tick is not None else [])]
        )
        run.deadline = started + max_time_sec if max_time_sec is not None else None
        run.resume(payload)
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
        return load_dataset(config.data.source, **data_keywords(config.data, config.seed), progress=progress)
    return dataset_from_torch(
        data,
        name="dataset",
        resolution=config.data.resolution,
        channels=config.data.channels,
        fit=config.data.fit,
        test_share=config.data.test_share,
        seed=config.seed,
    )


def _check_unchanged(meta: Mapping[str, Any], dataset: Dataset, directory: Path) -> None:
    if meta and meta["data_fingerprint"] != dataset.train.fingerprint:
        raise RunError(
            f"{directory}: the training images are not those of the run so far (fingerprint "
            f"{meta['data_fingerprint'][:8]}, now {dataset.train.fingerprint[:8]}). Restore them, or start anew "
            "with --fresh."
        )


def _build_run(
    config: RunConfig, dataset: Dataset, gan: Gan, directory: Path, listeners: Sequence[Listener]
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
    }
    return TrainingRun(directory, intervals, gan, meta, hooks, gan.device, gan.ranks)


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        torch.set_num_threads(threads)


def _barrier(ranks: Ranks) -> None:
    if ranks.world > 1:
        dist.barrier()
