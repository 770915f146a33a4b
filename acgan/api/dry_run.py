"""A rehearsal of a training: everything built, one step of each kind, nothing written outside the cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from acgan import runtime
from acgan.api.run_directory import check_usable
from acgan.assembly import build_classification, build_gan, build_score_extractor, choose_score, data_options
from acgan.assembly.initialise import initialise_classifier, initialise_from
from acgan.config import AnyConfig, ClassifierConfig, RunConfig
from acgan.data import sample_dataset
from acgan.distributed import Ranks
from acgan.errors import NotFiniteError
from acgan.extracting import inception_weights_present
from acgan.extracting.choose import INCEPTION
from acgan.models import Reach
from acgan.runtime import FiniteGuard
from acgan.sampling import load_generator
from acgan.training.classifier_loop import classifier_step
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.types import Dataset

_IMAGES = 512


@dataclass(frozen=True)
class Rehearsal:
    """What a dry run found.

    Attributes:
        dataset: A sample of the data, decoded.
        parameters: Parameters by part of a network: (network, part, number).
        heads: What the loss of each head of a classifier reaches.
        step_sec: Seconds of a step by kind, after one to warm up.
        total_nimg: Length of the training in images; None where it depends on how many images there are.
        images_per_sec: Estimate, without samples and checkpoints.
        peak_bytes: Memory at the peak so far.
        precision: As resolved.
        device: As resolved.
        remarks: What ``--init-from`` took and what not, what scores the training or why nothing does, warnings.
    """

    dataset: Dataset
    parameters: list[tuple[str, str, int]]
    heads: tuple[Reach, ...]
    step_sec: dict[str, float]
    total_nimg: int | None
    images_per_sec: float
    peak_bytes: int
    precision: str
    device: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Rehearsed:
    """What is built, its steps by kind, each with how often it comes in an iteration, and help for a bad one."""

    networks: dict[str, nn.Module]
    steps: Mapping[str, tuple[Callable[[FiniteGuard], object], float]]
    total_nimg: int | None
    heads: tuple[Reach, ...] = ()
    remedy: str = "Lower optim.*.lr or raise loss.penalty"


def rehearse(
    config: AnyConfig,
    device_name: str,
    runs: Mapping[Path, AnyConfig] | None = None,
    init_from: Path | None = None,
) -> Rehearsal:
    """Decode a sample of the data, build everything and take one step of each kind.

    Args:
        config: What to rehearse.
        device_name: As ``--device`` takes it.
        runs: Run directories and what would train in them, refused as a training would.
        init_from: A run or file whose weights to start from.

    Raises:
        UserError: For whatever a training would refuse, and for a step that is not finite.
    """
    for directory, own in (runs or {}).items():
        check_usable(directory, own, fresh=False)
    device = runtime.choose_device(device_name)
    runtime.use_threads(config.train.threads)
    precision = runtime.resolve_precision(config.train.precision, device)
    dataset = sample_dataset(config.data.source, data_options(config.data), _IMAGES)
    remarks: list[str] = []
    if isinstance(config, RunConfig):
        _look_at_score(config, dataset, device, remarks)
        built = _build_gan(config, dataset, device, precision, init_from, remarks)
    else:
        built = _build_classifier(config, dataset, device, precision, init_from, remarks)
    step_sec = _time_steps(built, device)
    iteration_sec = sum(step_sec[kind] * times for kind, (_, times) in built.steps.items())
    return Rehearsal(
        dataset=dataset,
        parameters=[row for name, network in built.networks.items() for row in _parameters(name, network)],
        heads=built.heads,
        step_sec=step_sec,
        total_nimg=built.total_nimg,
        images_per_sec=config.train.batch_size / iteration_sec,
        peak_bytes=runtime.peak_memory_bytes(device),
        precision=precision,
        device=str(device),
        remarks=tuple(remarks),
    )


def _look_at_score(config: RunConfig, dataset: Dataset, device: torch.device, remarks: list[str]) -> None:
    """Choose what scores the training, and build it unless that could mean a download."""
    before = len(remarks)
    chosen = choose_score(
        config,
        data_name=dataset.name,
        class_names=dataset.train.class_names,
        num_validation=None,  # the sample does not tell
        device=device,
        say=remarks.append,
    )
    if chosen is None:
        if len(remarks) == before:
            key = (
                "evaluate.extractor is null"
                if config.evaluate.extractor is None
                else "data.validation_share is 0"
            )
            remarks.append(f"no score during training: {key}")
        return
    if chosen == INCEPTION:
        missing = "" if inception_weights_present() else ", whose weights are not here and would be fetched"
        name = f"{INCEPTION}{missing}"
    else:
        name = build_score_extractor(chosen, device, remarks.append).name
    remarks.append(
        f"scored on the validation images every {config.every.evaluate_nimg:,} images, {config.evaluate.num_images:,} "
        f"samples each time, by the features of {name}"
    )


def _build_gan(
    config: RunConfig,
    dataset: Dataset,
    device: torch.device,
    precision: str,
    init_from: Path | None,
    remarks: list[str],
) -> _Rehearsed:
    gan = build_gan(config, dataset.train, device=device, precision=precision, ranks=Ranks())
    if init_from is not None:
        remarks.append(initialise_from(init_from, gan, dataset.train.class_names)[0])
    gan.generator.train()
    gan.discriminator.train()
    every = gan.objective.penalty_every
    # Steps that are a multiple of `every` carry the penalty; step 1 does where every step does.
    plain, sub_step = divmod(1, gan.d_steps)
    due = gan.d_steps / every if gan.objective.penalty is not None else 0.0
    steps: dict[str, tuple[Callable[[FiniteGuard], object], float]] = {
        "discriminator": (lambda guard: discriminator_step(gan, guard, plain, sub_step), gan.d_steps - due),
        "generator": (lambda guard: generator_step(gan, guard, 0), 1),
    }
    if due:
        steps["discriminator with penalty"] = (lambda guard: discriminator_step(gan, guard, 0, 0), due)
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    return _Rehearsed(networks, steps, config.train.total_nimg)


def _build_classifier(
    config: ClassifierConfig,
    dataset: Dataset,
    device: torch.device,
    precision: str,
    init_from: Path | None,
    remarks: list[str],
) -> _Rehearsed:
    store = dataset.train
    task, info = build_classification(
        config,
        store,
        num_real=len(store),
        device=device,
        precision=precision,
        ranks=Ranks(),
        warn=remarks.append,
    )
    if init_from is not None:
        remarks.append(initialise_classifier(init_from, task.network, info)[0])
    if config.synthetic is not None:
        load_generator(config.synthetic.run)  # refused now if it is not there
    task.network.train()
    networks = {"backbone": task.network.backbone, "heads": task.network.heads}
    steps = {"classifier": (lambda guard: classifier_step(task, guard, 0), 1.0)}
    return _Rehearsed(networks, steps, config.train.total_nimg, task.network.reach(), "Lower optim.lr")


def _time_steps(built: _Rehearsed, device: torch.device) -> dict[str, float]:
    guard = FiniteGuard(device)
    seconds = {}
    for kind, (step, _) in built.steps.items():
        for _ in range(2):
            started = time.perf_counter()
            step(guard)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds[kind] = time.perf_counter() - started
    bad = guard.first_bad()
    if bad is not None:
        raise NotFiniteError(f"a step is not finite ({bad[1]}). {built.remedy}.")
    return seconds


def _parameters(network: str, module: nn.Module) -> list[tuple[str, str, int]]:
    return [
        (network, name, sum(parameter.numel() for parameter in child.parameters()))
        for name, child in module.named_children()
        if any(True for _ in child.parameters())
    ]
