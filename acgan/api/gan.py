"""Train a GAN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import Unpack

from acgan.api.inputs import limited, resolve_config
from acgan.api.session import (
    Setting,
    Trainee,
    TrainOptions,
    TrainResult,
    run_training,
)
from acgan.build import architecture, build_gan
from acgan.config import RunConfig
from acgan.evaluation import collapse_monitor
from acgan.metrics import MIN_IMAGES
from acgan.sampling import ClassSampler, GeneratorInfo, grid, save_generator
from acgan.training.gan_loop import train_gan
from acgan.training.initialise import initialise_from
from acgan.training.run import Hooks, Intervals
from acgan.training.tracking import Listener
from acgan.types import Dataset

_GRID_COLUMNS = 10


def train(
    config: RunConfig | str | Path | None = None,
    data: Any = None,
    on_tick: Listener | None = None,
    *,
    overrides: Sequence[str] = (),
    **options: Unpack[TrainOptions],
) -> TrainResult:
    """Train an AC-GAN, or go on with a training.

    Args:
        config: A ``RunConfig``, a recipe's name or a YAML path.
        data: A source as ``acgan train --data`` takes it, or a map-style torch Dataset of (image, label).
        on_tick: Called at each log interval.
        overrides: ``KEY=VALUE`` texts, as ``--set`` takes them.
        **options: ``run_dir``, ``device``, ``max_time_sec``, ``init_from``, ``fresh`` and others: see ``TrainOptions``.

    Raises:
        UserError: For whatever the user can mend.
        Interrupted: If a signal stopped it; a checkpoint was left.
    """
    resolved, name = resolve_config(config, data, overrides)
    return run_training(
        resolved,
        name,
        data,
        lambda setting: _trainee(resolved, setting),
        options,
        on_tick,
        lambda dataset: _prepare(resolved, dataset),
    )


def _prepare(config: RunConfig, dataset: Dataset) -> Dataset:
    """What is trained on."""
    notes = list(dataset.notes)
    train = limited(dataset.train, config.data, notes)
    return replace(dataset, train=train, notes=tuple(notes))


def _trainee(config: RunConfig, setting: Setting) -> Trainee:
    """Networks and data, and what happens to them besides training."""
    store = setting.dataset.train
    counts = np.bincount(store.labels, minlength=store.num_classes)
    small = [name for name, count in zip(store.class_names, counts, strict=True) if count < MIN_IMAGES]
    if small:
        setting.say(
            f"the collapse monitor needs {MIN_IMAGES} images a class and cannot judge: {', '.join(small)}"
        )
    gan = build_gan(config, store, device=setting.device, precision=setting.precision, ranks=setting.ranks)
    info = GeneratorInfo(architecture(config, store), store.class_names)
    sampler = ClassSampler(gan.ema.network, info)

    def export(path: Path, nimg: int) -> None:
        save_generator(path, gan.ema.network, replace(info, provenance=setting.provenance(config, nimg)))

    return Trainee(
        state=gan,
        loop=lambda run: train_gan(gan, run),
        hooks=Hooks(
            sample=lambda: grid(sampler, _GRID_COLUMNS),
            evaluate=collapse_monitor(config.monitor, config.seed, sampler, store)
            if config.monitor.num_per_class
            else None,
            export=export,
            product="generator.safetensors",
        ),
        intervals=Intervals(total_nimg=config.train.total_nimg, **config.every.model_dump()),
        initialise=lambda path: initialise_from(path, gan, store.class_names),
    )
