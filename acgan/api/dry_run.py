"""A rehearsal of a training: everything built, one step of each kind, nothing written outside the cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from acgan import runtime
from acgan.api.inputs import Resolved
from acgan.api.opening import OpenTraining, TrainOptions, open_training
from acgan.api.places import KnownPaths
from acgan.api.run_directory import check_usable
from acgan.assembly import build_classifier_task, build_gan, build_score_extractor, choose_score
from acgan.assembly.initialise import initialise_classifier, initialise_gan
from acgan.assembly.product import ClassifierProduct, GanProduct
from acgan.config import AnyConfig, ClassifierConfig, RunConfig
from acgan.errors import NotFiniteError
from acgan.extracting import inception_weights_present
from acgan.extracting.choose import INCEPTION
from acgan.models import Reach
from acgan.runtime import FiniteGuard
from acgan.sampling import load_generator
from acgan.training.classifier_loop import classifier_step
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.types import Dataset


@dataclass(frozen=True)
class Rehearsal:
    """Findings of a dry run.

    Attributes:
        dataset: A sample of the data, decoded.
        parameters: Parameters by part of a network: (network, part, number).
        heads: Reach of the loss of each head of a classifier.
        step_sec: Seconds of a step by kind, after one to warm up.
        total_nimg: Length of the training in images; None where it depends on how many images there are.
        images_per_sec: Estimate, without samples and checkpoints.
        peak_bytes: Memory at the peak so far.
        remarks: Report of ``--init-from``, the score of the training or why there is none, warnings.
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
class _Step:
    """One kind of step, and its number in an iteration."""

    kind: str
    take: Callable[[FiniteGuard], object]
    times: float


def rehearse(
    config: AnyConfig,
    device: str,
    runs: Mapping[Path, AnyConfig] | None = None,
    init_from: Path | None = None,
    places: KnownPaths | None = None,
) -> Rehearsal:
    """Decode a sample of the data, build everything and take one step of each kind.

    Args:
        config: Configuration to rehearse.
        device: As ``--device`` takes it.
        runs: Run directories and their configurations, checked as a training would.
        init_from: A run or file whose weights to start from.
        places: Places of the configuration's paths, if it is that of a run.

    Raises:
        UserError: For whatever a training would refuse, and for a step that is not finite.
    """
    for directory, own in (runs or {}).items():
        earlier = check_usable(directory, own, fresh=False)
        if places is None and earlier is not None and earlier.places is not None:
            places = earlier.places.kept(earlier.config, own)
    remarks: list[str] = []
    options = TrainOptions(
        device=device, init_from=init_from, say=remarks.append, warn=remarks.append, fresh=True
    )
    directory = next(iter(runs or {}), Path("rehearsal"))
    asked = Resolved(config, "rehearsal", directory, config, places)
    with open_training(asked, None, options, rehearsal=True) as opened:
        if isinstance(opened.here, RunConfig):
            return _rehearse_gan(opened.here, opened, remarks)
        return _rehearse_classifier(opened.here, opened, remarks)


def _rehearse_gan(config: RunConfig, opened: OpenTraining, remarks: list[str]) -> Rehearsal:
    store = opened.dataset.train
    _look_at_score(config, opened.dataset, opened.device, remarks)
    gan = build_gan(config, store, device=opened.device, precision=opened.precision, ranks=opened.ranks)
    if opened.init_from is not None:
        opened.say(initialise_gan(opened.init_from, gan, store.class_names)[0])
    gan.generator.train()
    gan.discriminator.train()
    # Steps that are a multiple of `every` carry the penalty; step 1 does only if `every` is 1.
    plain, sub_step = divmod(1, gan.d_steps)
    due = gan.d_steps / gan.objective.penalty_every if gan.objective.penalty is not None else 0.0
    steps = [
        _Step(
            "discriminator",
            lambda guard: discriminator_step(gan, guard, plain, sub_step),
            gan.d_steps - due,
        ),
        _Step("generator", lambda guard: generator_step(gan, guard, 0), 1),
    ]
    if due:
        with_penalty = _Step(
            "discriminator with penalty", lambda guard: discriminator_step(gan, guard, 0, 0), due
        )
        steps.append(with_penalty)
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    return _rehearsal(opened, networks, steps, (), GanProduct.remedy, remarks)


def _rehearse_classifier(config: ClassifierConfig, opened: OpenTraining, remarks: list[str]) -> Rehearsal:
    store = opened.dataset.train
    task, info = build_classifier_task(
        config,
        store,
        num_real=len(store),
        device=opened.device,
        precision=opened.precision,
        ranks=opened.ranks,
        say=opened.say,
        warn=opened.warn,
    )
    if opened.init_from is not None:
        opened.say(initialise_classifier(opened.init_from, task.network, info, opened.warn)[0])
    if config.synthetic is not None:
        load_generator(config.synthetic.run)  # raises if it is not there
    task.network.train()
    steps = [_Step("classifier", lambda guard: classifier_step(task, guard, 0), 1.0)]
    networks = {"backbone": task.network.backbone, "heads": task.network.heads}
    return _rehearsal(opened, networks, steps, task.network.reach(), ClassifierProduct.remedy, remarks)


def _rehearsal(
    opened: OpenTraining,
    networks: Mapping[str, nn.Module],
    steps: Sequence[_Step],
    heads: tuple[Reach, ...],
    remedy: str,
    remarks: list[str],
) -> Rehearsal:
    step_sec = _time_steps(steps, remedy, opened.device)
    train = opened.config.train
    return Rehearsal(
        dataset=opened.dataset,
        parameters=[row for name, network in networks.items() for row in _parameters(name, network)],
        heads=heads,
        step_sec=step_sec,
        total_nimg=train.total_nimg,
        images_per_sec=train.batch_size / sum(step_sec[step.kind] * step.times for step in steps),
        peak_bytes=runtime.peak_memory_bytes(opened.device),
        precision=opened.precision,
        device=str(opened.device),
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


def _time_steps(steps: Sequence[_Step], remedy: str, device: torch.device) -> dict[str, float]:
    """Seconds of a step by kind, after one to warm up."""
    guard = FiniteGuard(device)
    seconds = {}
    for step in steps:
        for _ in range(2):
            started = time.perf_counter()
            step.take(guard)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds[step.kind] = time.perf_counter() - started
    bad = guard.first_bad()
    if bad is not None:
        raise NotFiniteError(f"a step is not finite ({bad[1]}). {remedy}.")
    return seconds


def _parameters(network: str, module: nn.Module) -> list[tuple[str, str, int]]:
    return [
        (network, name, sum(parameter.numel() for parameter in child.parameters()))
        for name, child in module.named_children()
        if any(True for _ in child.parameters())
    ]
