"""A rehearsal of a training: everything built, one step of each kind, nothing written outside the cache."""

from __future__ import annotations

import contextlib
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
from acgan.api.run_directory import check_usable, is_locked
from acgan.assembly import build_classifier_task, build_gan, build_score_extractor, choose_score
from acgan.assembly.initialise import first_weights, initialise_classifier
from acgan.assembly.memory import MemoryEstimate
from acgan.assembly.product import ClassifierProduct, GanProduct
from acgan.config import LENGTH_KEYS, AnyConfig, ClassifierConfig, RunConfig
from acgan.errors import NotFiniteError, UserError
from acgan.extracting import inception_weights_present
from acgan.extracting.choose import INCEPTION
from acgan.models import Reach
from acgan.runtime import FiniteGuard
from acgan.training.classifier_loop import classifier_step
from acgan.training.gan_loop import discriminator_step, generator_step


@dataclass(frozen=True)
class Rehearsal:
    """Findings of a dry run.

    Attributes:
        parameters: Parameters by part of a network: (network, part, number).
        heads: Reach of the loss of each head of a classifier.
        step_sec: Seconds of a step by kind, after one to warm up.
        total_nimg: Length of the training in images.
        images_per_sec: Estimate, without samples and checkpoints.
        peak_bytes: Memory at the peak so far.
        memory: Memory that the training needs at the least, by what needs it, if that is known.
        prospects: What a training would do in each directory that holds a run, or the error by which it would refuse.
    """

    parameters: list[tuple[str, str, int]]
    heads: tuple[Reach, ...]
    step_sec: dict[str, float]
    total_nimg: int
    images_per_sec: float
    peak_bytes: int
    precision: str
    device: str
    memory: MemoryEstimate | None
    prospects: Mapping[Path, str | UserError]


@dataclass(frozen=True)
class _Step:
    """One kind of step, and its number in an iteration."""

    kind: str
    take: Callable[[FiniteGuard], object]
    times: float


@dataclass(frozen=True)
class _Rehearsed:
    """Networks and steps of a training, ready to be taken."""

    networks: Mapping[str, nn.Module]
    steps: Sequence[_Step]
    total_nimg: int
    remedy: str
    heads: tuple[Reach, ...] = ()


def rehearse(
    config: AnyConfig,
    device: str,
    runs: Mapping[Path, AnyConfig] | None = None,
    init_from: Path | None = None,
    *,
    places: KnownPaths | None = None,
    lengths: frozenset[str] = frozenset(LENGTH_KEYS),
    fresh: bool = False,
    on_data: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = lambda message: None,
) -> Rehearsal:
    """Decode the data into the cache, build everything and take one step of each kind.

    Args:
        config: Configuration to rehearse.
        device: As ``--device`` takes it.
        runs: Run directories and their configurations. They are looked at after the rest, and left as they are.
        init_from: A run or file whose weights to start from.
        places: Places of the configuration's paths, if it is that of a run.
        lengths: Those of ``LENGTH_KEYS`` that the command itself gives.
        fresh: The training would move existing runs aside.
        on_data: Called with (done, total) while images are decoded.
        say: Receives the table of classes, and remarks.
        warn: Receives warnings.

    Raises:
        UserError: For whatever a training would refuse but its directory, and for a step that is not finite.
    """
    for directory, own in (runs or {}).items():
        with contextlib.suppress(UserError):  # told after the rest
            earlier = check_usable(directory, own, fresh)
            if places is None and earlier is not None and earlier.places is not None:
                places = earlier.places.kept(earlier.config, own)
    options = TrainOptions(
        device=device, init_from=init_from, on_data=on_data, say=say, warn=warn, fresh=True
    )
    asked = Resolved(config, "rehearsal", next(iter(runs or {}), Path("rehearsal")), config, places)
    with open_training(asked, None, options, rehearsal=True) as opened:
        make = _rehearse_gan if isinstance(config, RunConfig) else _rehearse_classifier
        made = make(opened.here, opened)
        step_sec = _time_steps(made.steps, made.remedy, opened.device)
        train = opened.config.train
        return Rehearsal(
            parameters=[row for name, network in made.networks.items() for row in _parameters(name, network)],
            heads=made.heads,
            step_sec=step_sec,
            total_nimg=made.total_nimg,
            images_per_sec=train.batch_size / sum(step_sec[step.kind] * step.times for step in made.steps),
            peak_bytes=runtime.peak_memory_bytes(opened.device),
            precision=opened.precision,
            device=str(opened.device),
            memory=opened.memory,
            prospects={
                directory: prospect
                for directory, own in (runs or {}).items()
                if (prospect := _prospect(directory, own, opened, made.total_nimg, lengths, fresh))
            },
        )


def _rehearse_gan(config: RunConfig, opened: OpenTraining) -> _Rehearsed:
    store = opened.dataset.train
    _look_at_score(config, opened)
    gan = build_gan(config, store, device=opened.device, precision=opened.precision, ranks=opened.ranks)
    report, _ = first_weights(
        gan,
        store.class_names,
        init_from=opened.init_from,
        starter=config.model.starter,
        chosen_form=config.data.names_form,
    )
    if report is not None:
        opened.say(report)
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
    return _Rehearsed(networks, steps, config.train.total_nimg, GanProduct.remedy)


def _rehearse_classifier(config: ClassifierConfig, opened: OpenTraining) -> _Rehearsed:
    task, info = build_classifier_task(
        config,
        opened.dataset.train,
        num_real=opened.dataset.num_real,
        device=opened.device,
        precision=opened.precision,
        ranks=opened.ranks,
        say=opened.say,
        warn=opened.warn,
    )
    if opened.init_from is not None:
        opened.say(initialise_classifier(opened.init_from, task.network, info, opened.warn)[0])
    task.network.train()
    steps = [_Step("classifier", lambda guard: classifier_step(task, guard, 0), 1.0)]
    networks = {"backbone": task.network.backbone, "heads": task.network.heads}
    return _Rehearsed(networks, steps, task.total_nimg, ClassifierProduct.remedy, task.network.reach())


def _prospect(
    directory: Path,
    config: AnyConfig,
    opened: OpenTraining,
    total_nimg: int,
    lengths: frozenset[str],
    fresh: bool,
) -> str | UserError:
    """Tell how a training would go on in a directory ("" without a run), or the error by which it would refuse."""
    try:
        earlier = check_usable(directory, config, fresh)
        if earlier is None:
            there = (directory / "config.yaml").exists()
            return f"{directory}: the run that is there would be moved aside" if there else ""
        checkpoint = earlier.read_checkpoint(opened.warn)
        meta = checkpoint["meta"] if checkpoint is not None else {}
        earlier.check_images(config, meta, opened.places, opened.dataset, opened.say)
        if checkpoint is not None:
            config = earlier.with_own_length(config, lengths, checkpoint["nimg"], opened.say)
            if isinstance(config, RunConfig):
                total_nimg = config.train.total_nimg
            earlier.tell_schedules(config, checkpoint["nimg"], opened.say)
    except UserError as error:
        return error
    nimg = checkpoint["nimg"] if checkpoint is not None else 0
    busy = "another process is training there now; after it " if is_locked(directory) else ""
    return f"{directory}: {busy}the training would go on from {nimg:,} of {total_nimg:,} images"


def _look_at_score(config: RunConfig, opened: OpenTraining) -> None:
    """Choose what scores the training, and build it unless that could mean a download."""
    remarks: list[str] = []
    validation = opened.dataset.validation
    chosen = choose_score(
        config,
        data_name=opened.dataset.name,
        class_names=opened.dataset.train.class_names,
        num_validation=len(validation) if validation is not None else 0,
        device=opened.device,
        say=remarks.append,
    )
    if chosen is None:
        if not remarks:
            why, remedy = (
                ("evaluate.extractor is null", "evaluate.extractor=auto scores on the validation images")
                if config.evaluate.extractor is None
                else ("data.validation_share is 0", "data.validation_share=0.1 holds a tenth out to score on")
            )
            remarks.append(
                f"no score during training, since {why}: there will be no best generator, and the last one is kept; "
                f"--set {remedy}"
            )
        for remark in remarks:
            opened.say(remark)
        return
    if chosen == INCEPTION:
        missing = "" if inception_weights_present() else ", whose weights are not here and would be fetched"
        name = f"{INCEPTION}{missing}"
    else:
        name = build_score_extractor(chosen, opened.device, opened.warn).name
    opened.say(
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
