"""Training, scoring and using a classifier."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from typing_extensions import Unpack

from acgan.api.inputs import resolve_config
from acgan.api.opening import TrainOptions, TrainResult, open_training
from acgan.assembly import build_classifier_task
from acgan.assembly.images import load_data, prepare_dataset
from acgan.assembly.initialise import initialise_classifier
from acgan.assembly.product import ClassifierProduct
from acgan.config import ClassifierConfig, to_yaml, validate
from acgan.data import extend, find_images, read_images
from acgan.errors import ConfigError, DataError
from acgan.evaluation import ClassifierScores, score_classifier
from acgan.predicting import PREDICTED_AT_ONCE, ImageClassifier, find_classifier, load_classifier
from acgan.training.classifier_loop import train_classifier_task
from acgan.training.product import Intervals
from acgan.training.run import TrainingRun
from acgan.training.tracking import Listener
from acgan.types import WHOLE_AND_SPLITS, ImageStore


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
        config: A ``ClassifierConfig``, a recipe's name or a YAML path.
        data: A source as ``acgan classify train --data`` takes it, a map-style torch Dataset of (image, label), or an
            ``acgan.types.Dataset``, which is decoded already.
        on_tick: Called at each log interval.
        overrides: ``KEY=VALUE`` texts, as ``--set`` takes them.
        **options: ``run_dir``, ``device``, ``max_time_sec``, ``init_from``, ``fresh`` and others: see ``TrainOptions``.

    Raises:
        UserError: For whatever the user can mend.
        Interrupted: If a signal stopped it; a checkpoint was left.
    """
    resolved, name = resolve_config(config, data, overrides, "classify")
    with open_training(resolved, name, data, options) as opened:
        dataset, device, ranks = opened.dataset, opened.device, opened.ranks
        task, info = build_classifier_task(
            resolved,
            dataset.train,
            num_real=dataset.num_real,
            device=device,
            precision=opened.precision,
            ranks=ranks,
            warn=opened.warn,
            architecture=opened.meta.get("architecture"),
        )
        for reach in task.network.reach():
            opened.say(f"head {reach.head}: loss weight {reach.weight:g}, {reach}")
        origin = None
        if opened.init_from is not None:
            report, origin = initialise_classifier(opened.init_from, task.network, info)
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
            deadline=opened.deadline,
            description=f"```yaml\n{to_yaml(resolved)}```",
            say=opened.say,
        )
        with run.running():
            train_classifier_task(task, run)
    return TrainResult.of(run)


def evaluate_classifier(
    classifier: str | Path,
    data: Any = None,
    *,
    split: str = "test",
    device: str | torch.device = "cpu",
) -> ClassifierScores:
    """Score a classifier on labelled images.

    Args:
        classifier: A run directory, or a ``classifier.safetensors``.
        data: A source as ``--data`` takes it; None is the classifier's training data.
        split: ``test``; ``train``, its training images without generated ones; or ``all`` of the source.
        device: Device to compute on.

    Raises:
        UserError: If there is no such classifier or data, or the classes differ.
    """
    if split not in WHOLE_AND_SPLITS:
        raise ConfigError(f"split: found {split!r}; expected one of {', '.join(WHOLE_AND_SPLITS)}.")
    file = find_classifier(classifier)
    loaded = load_classifier(file, device)
    config = config_of(loaded)
    if data is not None:
        # Class names, the shape of images and the way to split a source are the classifier's.
        classes = config.data.classes or list(loaded.class_names)
        section = config.data.model_copy(update={"source": str(data), "classes": classes})
        config = config.model_copy(update={"data": section})
    dataset = load_data(config)
    if split == "train":
        dataset = prepare_dataset(config.model_copy(update={"synthetic": None}), dataset)
    store = dataset.test if split == "test" else dataset.train
    if split == "all":
        store = extend(store, dataset.test.images, dataset.test.labels)
    _check_classes(loaded, store, file)
    if not len(store):
        raise DataError(
            f"{dataset.name}: has no {split} images to score on; expected some. Choose another --split, or other "
            "images with --data."
        )
    return score_classifier(loaded, store, file=file, data=dataset.name, split=split)


def predict(
    classifier: str | Path,
    images: Sequence[Path],
    device: str | torch.device = "cpu",
    warn: Callable[[str], None] = warnings.warn,
) -> list[tuple[Path, list[tuple[str, float]]]]:
    """Predict the classes of image files.

    Args:
        classifier: A run directory, or a ``classifier.safetensors``.
        images: Files, and folders of files.
        device: Device to compute on.
        warn: Receives a warning about pictures in folders that cannot be read.

    Returns:
        Each file's path, with all classes and their probabilities, the likeliest first.
    """
    loaded = load_classifier(classifier, device)
    files = find_images(images, warn)
    info, found = loaded.info, []
    for start in range(0, len(files), PREDICTED_AT_ONCE):
        part = files[start : start + PREDICTED_AT_ONCE]
        pixels = read_images(
            part,
            resolution=info.resolution,
            channels=info.channels,
            fit=config_of(loaded).data.fit,
            black_white=loaded.target.black_white,
        )
        for file, row in zip(part, loaded(torch.from_numpy(pixels)), strict=True):
            values, order = row.sort(descending=True)
            names = [info.class_names[index] for index in order.tolist()]
            found.append((file, list(zip(names, values.tolist(), strict=True))))
    return found


def config_of(classifier: ImageClassifier) -> ClassifierConfig:
    """Configuration of a classifier's training, with the shape and the range of its images filled in."""
    config = validate(ClassifierConfig, classifier.info.provenance["config"], "the classifier's file")
    shape = {"resolution": classifier.info.resolution, "channels": classifier.info.channels}
    found = classifier.target.black_white  # that of the training images, where the range was to be found
    values = {"range": found} if found is not None else {}
    return config.model_copy(update={"data": config.data.model_copy(update={**shape, **values})})


def _check_classes(classifier: ImageClassifier, store: ImageStore, file: Path) -> None:
    if classifier.class_names != store.class_names:
        raise ConfigError(
            f"{file}: knows the classes {', '.join(classifier.class_names)}, and the data has "
            f"{', '.join(store.class_names)}; expected the same. Pick and order the data's with data.classes when "
            "training."
        )
