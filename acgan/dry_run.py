"""A rehearsal of a training: everything built, one step of each kind, nothing written outside the cache."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from acgan import runtime
from acgan.build import build_gan, data_keywords
from acgan.config import RunConfig
from acgan.data import sample_dataset
from acgan.errors import NotFiniteError
from acgan.run_directory import check_usable
from acgan.runtime import FiniteGuard, Ranks
from acgan.training.gan_loop import Gan, discriminator_step, generator_step
from acgan.training.initialise import initialise_from
from acgan.types import Dataset

_IMAGES = 512


@dataclass(frozen=True)
class Rehearsal:
    """What a dry run found.

    Attributes:
        dataset: A sample of the data, decoded.
        parameters: Parameters by part of a network: (network, part, number).
        step_sec: Seconds of a step by kind, after one to warm up.
        total_sec: Estimate of the training, without samples and checkpoints.
        images_per_sec: Estimate.
        peak_bytes: Memory at the peak so far.
        precision: As resolved.
        device: As resolved.
        init_report: What ``--init-from`` took and what not; empty without it.
    """

    dataset: Dataset
    parameters: list[tuple[str, str, int]]
    step_sec: dict[str, float]
    total_sec: float
    images_per_sec: float
    peak_bytes: int
    precision: str
    device: str
    init_report: str


def rehearse(
    config: RunConfig, device_name: str, directory: Path | None = None, init_from: Path | None = None
) -> Rehearsal:
    """Decode a sample of the data, build everything and take one step of each kind.

    Args:
        config: What to rehearse.
        device_name: As ``--device`` takes it.
        directory: The run directory, refused as a training would; None where whatever is there will move aside.
        init_from: A run or generator file whose weights to start from.

    Raises:
        UserError: For whatever a training would refuse, and for a step that is not finite.
    """
    if directory is not None:
        check_usable(directory, config, fresh=False)
    device = runtime.choose_device(device_name)
    runtime.use_threads(config.train.threads)
    precision = runtime.resolve_precision(config.train.precision, device)
    dataset = sample_dataset(config.data.source, **data_keywords(config.data), limit=_IMAGES)
    gan = build_gan(config, dataset.train, device=device, precision=precision, ranks=Ranks())
    report = "" if init_from is None else initialise_from(init_from, gan, dataset.train.class_names)[0]
    gan.generator.train()
    gan.discriminator.train()
    step_sec = _time_steps(gan)
    every = gan.objective.penalty_every
    d_sec = step_sec["discriminator"]
    if gan.objective.penalty is not None:
        d_sec += (step_sec["discriminator with penalty"] - d_sec) / every
    iteration_sec = gan.d_steps * d_sec + step_sec["generator"]
    images_per_sec = gan.batch_size / iteration_sec
    return Rehearsal(
        dataset=dataset,
        parameters=[
            *_parameters("generator", gan.generator),
            *_parameters("discriminator", gan.discriminator),
        ],
        step_sec=step_sec,
        total_sec=config.train.total_nimg / images_per_sec,
        images_per_sec=images_per_sec,
        peak_bytes=runtime.peak_memory_bytes(device),
        precision=precision,
        device=str(device),
        init_report=report,
    )


def _time_steps(gan: Gan) -> dict[str, float]:
    guard = FiniteGuard(gan.device)
    every = gan.objective.penalty_every
    # Steps that are a multiple of `every` carry the penalty; with d_steps > 1 an iteration has several.
    plain = next((i for i in range(1, every + 1) if (i * gan.d_steps) % every), 0)
    kinds: dict[str, Callable[[], object]] = {
        "discriminator": lambda: discriminator_step(gan, guard, plain, 0),
        "generator": lambda: generator_step(gan, guard, 0),
    }
    if gan.objective.penalty is not None:
        kinds["discriminator with penalty"] = lambda: discriminator_step(gan, guard, 0, 0)
    seconds = {}
    for kind, step in kinds.items():
        for _ in range(2):
            started = time.perf_counter()
            step()
            if gan.device.type == "cuda":
                torch.cuda.synchronize(gan.device)
            seconds[kind] = time.perf_counter() - started
    bad = guard.first_bad()
    if bad is not None:
        raise NotFiniteError(f"a step is not finite ({bad[1]}). Lower optim.*.lr or raise loss.penalty.")
    return seconds


def _parameters(network: str, module: nn.Module) -> list[tuple[str, str, int]]:
    return [
        (network, name, sum(parameter.numel() for parameter in child.parameters()))
        for name, child in module.named_children()
    ]
