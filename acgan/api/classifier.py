"""Training, scoring and using a classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from typing_extensions import Unpack

from acgan.api.inputs import described, resolve, tell_skipped
from acgan.api.opening import TrainOptions, TrainResult, open_training
from acgan.api.places import find_trained_on
from acgan.api.provenance import command_line, recorded
from acgan.api.report import report_after
from acgan.assembly import build_classifier_task
from acgan.assembly.images import prepare_dataset
from acgan.assembly.initialise import initialise_classifier
from acgan.assembly.packing_words import Packing
from acgan.assembly.portions import remark_on_cores
from acgan.assembly.product import ClassifierProduct
from acgan.assembly.to_score import load_to_score
from acgan.config import ClassifierConfig, restore, to_yaml
from acgan.data import extend, find_images, read_images, regroup
from acgan.errors import ConfigError, DataError
from acgan.evaluation import ClassifierScores, score_classifier
from acgan.predicting import PREDICTED_AT_ONCE, ImageClassifier, find_classifier, load_classifier
from acgan.showing import warn_shown
from acgan.training.classifier_loop import train_classifier_task
from acgan.training.product import Intervals
from acgan.training.run import TrainingRun
from acgan.training.tracking import Listener
from acgan.types import ON_ERROR, WHOLE_AND_SPLITS, SkippedImage


def train_classifier(
    config: ClassifierConfig | str | Path | None = None,
    data: Any = None,
    on_tick: Listener | None = None,
    *,
    overrides: Sequence[str] = (),
    **options: Unpack[TrainOptions],
) -> TrainResult:
    """Train a classifier, or go on with a training.

    Args:
        config: A ``ClassifierConfig``, a recipe's name, a YAML path, or a run directory, which it goes on with.
        data: A source as ``acgan classify train --data`` takes it, a map-style torch Dataset of (image, label), or an
            ``acgan.types.Dataset``, which is decoded already.
        on_tick: Called at each log interval.
        overrides: ``KEY=VALUE`` texts, as ``--set`` takes them.
        **options: ``run_dir``, ``device``, ``max_time_sec``, ``init_from``, ``fresh`` and others: see ``TrainOptions``.

    Raises:
        UserError: For whatever the user can mend.
        Interrupted: If a signal stopped it; a checkpoint was left.
    """
    asked = resolve(config, data, overrides, "classify", options.get("run_dir"))
    with open_training(asked, data, options) as opened:
        resolved: ClassifierConfig = opened.here
        dataset, device, ranks = opened.dataset, opened.device, opened.ranks
        task, info = build_classifier_task(
            resolved,
            dataset.train,
            num_real=dataset.num_real or len(dataset.train),  # all may be generated
            device=device,
            precision=opened.precision,
            ranks=ranks,
            say=opened.say,
            warn=opened.warn,
            architecture=opened.meta.get("architecture"),
        )
        remark = remark_on_cores(resolved.train, device, task.micro_batch)
        if remark is not None and opened.checkpoint is None:  # a run keeps its portions
            opened.say(remark)
        for reach in task.network.reach():
            opened.say(f"head {reach.head}: loss weight {reach.weight:g}, its loss {reach}")
        origin = None
        if opened.init_from is not None:
            report, origin = initialise_classifier(opened.init_from, task.network, info, opened.warn)
            opened.say(report)
        provenance = opened.provenance(origin)
        product = ClassifierProduct(resolved, task, info, dataset, provenance)
        opened.claim()
        run = TrainingRun(
            opened.directory,
            intervals=Intervals(total_nimg=task.total_nimg, **resolved.every.model_dump()),
            state=task,
            product=product,
            meta={**opened.new_meta(provenance), "architecture": info.architecture},
            device=device,
            ranks=ranks,
            checkpoint=opened.checkpoint,
            listeners=[on_tick] if on_tick is not None else [],
            on_images=opened.on_images,
            deadline=opened.deadline,
            texts={"command": command_line(), "config": to_yaml(opened.config)},
            say=opened.say,
        )
        networks = {"backbone": task.network.backbone, "heads": task.network.heads}
        with recorded(opened, run, networks, {}), run.running():
            train_classifier_task(task, run)
        if ranks.first:
            report_after(opened.directory, resolved.report, data=dataset, device=device, warn=opened.warn)
    return TrainResult.of(run)


def evaluate_classifier(
    classifier: str | Path,
    data: Any = None,
    *,
    split: str = "test",
    device: str | torch.device = "cpu",
    on_error: str | None = None,
    say: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = warn_shown,
) -> ClassifierScores:
    """Score a classifier on labelled images of the classes that it knows; images of others are left out.

    Args:
        classifier: A run directory, or a ``classifier.safetensors``.
        data: A source as ``--data`` takes it, or a torch Dataset; None is the classifier's training data.
        split: ``test``; ``train``, its training images without generated ones; or ``all`` of the source.
        device: Device to compute on.
        on_error: ``stop`` at a broken image, or ``skip`` and list it; None does as the training did.
        say: Receives remarks: what is not scored, and which images were skipped.
        warn: Receives doubts about the data, and warnings of classes of nearly the same name.

    Raises:
        UserError: If there is no such classifier or data, or they have no class in common.
    """
    _check_choice("split", split, WHOLE_AND_SPLITS)
    _check_choice("on_error", on_error, (None, *ON_ERROR))
    file = find_classifier(classifier)
    loaded = load_classifier(file, device)
    config = config_of(loaded)
    if data is None:
        config = find_trained_on(config, file, loaded.info.provenance, say, warn)
    config, dataset, classes = load_to_score(
        config, data, loaded.class_names, whose="classifier", on_error=on_error, warn=warn
    )
    for warning in Packing(config.data.source, config.data).after(dataset.warnings) if data is None else ():
        warn(warning)
    tell_skipped(dataset.skipped, say)
    if split == "train":
        dataset = prepare_dataset(config.model_copy(update={"synthetic": None}), dataset)
    store = dataset.test if split == "test" else dataset.train
    if split == "all":
        store = extend(store, dataset.test.images, dataset.test.labels)
    if not len(store):
        raise DataError(
            f"{dataset.name}: has no {split} images to score on; expected some. Choose another --split, or other "
            "images with --data."
        )
    # Labels are the classifier's: a prediction of a class without images is a wrong one.
    store = regroup(store, {name: [name] for name in loaded.class_names})
    classes = classes.narrowed(np.bincount(store.labels, minlength=store.num_classes))
    for remark in classes.remarks("classifier", "" if split == "all" else f"{split} "):
        say(remark)
    origin = {"classes": classes.describe(), **described(dataset.skipped)}
    return score_classifier(loaded, store, file=file, data=dataset.name, split=split, origin=origin)


def predict(
    classifier: str | Path,
    images: Sequence[Path],
    device: str | torch.device = "cpu",
    *,
    on_error: str = "stop",
    on_skip: Callable[[SkippedImage], None] = lambda image: None,
    warn: Callable[[str], None] = warn_shown,
) -> list[tuple[Path, list[tuple[str, float]]]]:
    """Predict the classes of image files.

    Args:
        classifier: A run directory, or a ``classifier.safetensors``.
        images: Files, and folders of files.
        device: Device to compute on.
        on_error: ``stop`` at a broken image, or ``skip`` it.
        on_skip: Receives each image that is skipped.
        warn: Receives a warning about pictures in folders that cannot be read.

    Returns:
        Each file's path, with all classes and their probabilities, the likeliest first; skipped files are left out.

    Raises:
        UserError: If there is no such classifier or image, or none can be decoded.
    """
    _check_choice("on_error", on_error, ON_ERROR)
    loaded = load_classifier(classifier, device)
    files = find_images(images, warn)
    info, found = loaded.info, []
    form: Any = {
        "resolution": info.resolution,
        "channels": info.channels,
        "fit": config_of(loaded).data.fit,
        "black_white": loaded.target.black_white,
    }
    for start in range(0, len(files), PREDICTED_AT_ONCE):
        part = files[start : start + PREDICTED_AT_ONCE]
        skipped: list[SkippedImage] = []
        pixels = read_images(part, **form, on_skip=skipped.append if on_error == "skip" else None)
        for image in skipped:
            on_skip(image)
        broken = {image.path for image in skipped}
        readable = [file for file in part if str(file) not in broken]
        if not readable:
            continue
        for file, row in zip(readable, loaded(torch.from_numpy(pixels)), strict=True):
            values, order = row.sort(descending=True)
            names = [info.class_names[index] for index in order.tolist()]
            found.append((file, list(zip(names, values.tolist(), strict=True))))
    if not found:
        raise DataError(f"images: none of {len(files):,} could be decoded; expected at least one that can.")
    return found


def config_of(classifier: ImageClassifier) -> ClassifierConfig:
    """Configuration of a classifier's training, with the shape of its images filled in."""
    config = restore(ClassifierConfig, classifier.info.provenance["config"], "the classifier's file")
    shape = {"resolution": classifier.info.resolution, "channels": classifier.info.channels}
    return config.model_copy(update={"data": config.data.model_copy(update=shape)})


def _check_choice(name: str, value: str | None, choices: Sequence[str | None]) -> None:
    if value not in choices:
        raise ConfigError(
            f"{name}: found {value!r}; expected one of {', '.join(str(choice) for choice in choices)}."
        )
