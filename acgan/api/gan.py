"""Train a GAN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import Unpack

from acgan import distributed
from acgan.api.inputs import resolve_config
from acgan.api.session import (
    Setting,
    Trainee,
    TrainOptions,
    TrainResult,
    run_training,
)
from acgan.assembly import architecture, build_gan, build_score_extractor, choose_score
from acgan.assembly.images import prepare
from acgan.assembly.initialise import initialise_from
from acgan.config import RunConfig
from acgan.errors import RunError, UserError
from acgan.evaluation import CollapseMonitor, ValidationScore
from acgan.sampling import ClassSampler, grid
from acgan.training.gan import settled
from acgan.training.gan_loop import train_gan
from acgan.training.hooks import Hooks, Intervals
from acgan.training.tracking import Listener
from acgan.types import MIN_IMAGES_PER_CLASS, Evaluation, Score
from acgan.weights import GENERATOR_FILE, GeneratorInfo, save_generator

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
        lambda dataset: prepare(resolved, dataset),
    )


def _trainee(config: RunConfig, setting: Setting) -> Trainee:
    """Networks and data, and what happens to them besides training."""
    store = setting.dataset.train
    gan = build_gan(config, store, device=setting.device, precision=setting.precision, ranks=setting.ranks)
    info = GeneratorInfo(architecture(config, store), store.class_names)
    sampler = ClassSampler(gan.ema.network, info)

    def current() -> ClassSampler:
        """The sampler, with the running mean of G's weights as they are now."""
        sampler.generator = settled(gan, config.train.standing_nimg)
        return sampler

    def export(path: Path, nimg: int, score: Score | None) -> None:
        provenance = setting.provenance(config, nimg, score)
        save_generator(path, current().generator, replace(info, provenance=provenance))

    return Trainee(
        state=gan,
        loop=lambda run: train_gan(gan, run),
        hooks=Hooks(
            sample=lambda: grid(current(), _GRID_COLUMNS),
            evaluate=_evaluation(current, _monitor(config, setting), _score(config, setting)),
            export=export,
            product=GENERATOR_FILE.name,
        ),
        intervals=Intervals(
            total_nimg=config.train.total_nimg,
            patience_nimg=config.train.patience_nimg,
            **config.every.model_dump(),
        ),
        initialise=lambda path: initialise_from(path, gan, store.class_names),
    )


def _evaluation(
    current: Callable[[], ClassSampler],
    monitor: CollapseMonitor | None,
    score: ValidationScore | None,
) -> Callable[[], Evaluation] | None:
    """Both of them, or whichever there is, on the current sampler."""
    if monitor is None and score is None:
        return None

    def evaluate() -> Evaluation:
        sampler = current()
        found = monitor.look(sampler) if monitor is not None else Evaluation({})
        return replace(found, score=score.of(sampler) if score is not None else None)

    return evaluate


def _monitor(config: RunConfig, setting: Setting) -> CollapseMonitor | None:
    if not config.monitor.num_per_class:
        return None
    store = setting.dataset.train
    counts = np.bincount(store.labels, minlength=store.num_classes)
    small = [
        name for name, count in zip(store.class_names, counts, strict=True) if count < MIN_IMAGES_PER_CLASS
    ]
    if small:
        setting.say(
            f"the collapse monitor needs {MIN_IMAGES_PER_CLASS} images a class and cannot judge: {', '.join(small)}"
        )
    return CollapseMonitor(store, seed=config.seed, **config.monitor.model_dump())


def _score(config: RunConfig, setting: Setting) -> ValidationScore | None:
    """The score on the validation images; None where there is none, and on all ranks but the first, which scores.

    Raises:
        RunError: If the extractor is not there.
        ConfigError: If there is no score, and the training is to stop by it.
    """
    score: ValidationScore | None = None
    problem: UserError | None = None
    if setting.ranks.first:  # one alone fetches weights
        try:
            score = _first_ranks_score(config, setting)
        except UserError as error:
            problem = error
    if distributed.any_rank(problem is not None, setting.ranks, setting.device):
        raise problem or RunError("evaluate.extractor: cannot be used; the first process says why.")
    return score


def _first_ranks_score(config: RunConfig, setting: Setting) -> ValidationScore | None:
    store = setting.dataset.validation
    chosen = choose_score(
        config,
        data_name=setting.dataset.name,
        class_names=setting.dataset.train.class_names,
        num_validation=len(store) if store is not None else 0,
        device=setting.device,
        say=setting.say,
    )
    if store is None or chosen is None:
        return None
    extractor = build_score_extractor(chosen, setting.device, setting.warn)
    if extractor.size not in (None, (store.channels, store.resolution)):
        channels, side = extractor.size
        setting.say(f"evaluate.extractor takes {channels} x {side} x {side}: images are brought to that")
    return ValidationScore(extractor, store, config.evaluate.num_images, config.seed)
