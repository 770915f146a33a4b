"""Train and evaluate a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from typing_extensions import Unpack

from acgan.api.inputs import resolve_config
from acgan.api.session import (
    Setting,
    Trainee,
    TrainOptions,
    TrainResult,
    run_training,
)
from acgan.assembly import build_classification
from acgan.assembly.images import limited, load_data
from acgan.assembly.initialise import initialise_classifier
from acgan.assembly.synthetic import with_synthetic
from acgan.config import ClassifierConfig, validate
from acgan.data import extend, find_images, hold_out, read_images
from acgan.errors import ConfigError, DataError
from acgan.evaluation import ClassifierScores, score_classifier
from acgan.plots.grid import tile, to_uint8
from acgan.predicting import CHUNK, ImageClassifier, find_classifier, load_classifier
from acgan.training.classifier_loop import Classification
from acgan.training.classifier_loop import train_classifier as run_loop
from acgan.training.hooks import Hooks, Intervals
from acgan.training.tracking import Listener
from acgan.types import WHOLE_AND_SPLITS, Dataset, Evaluation, ImageStore
from acgan.weights import CLASSIFIER_FILE, ClassifierInfo

_GRID_COLUMNS, _GRID_ROWS = 10, 10


@dataclass
class _Data:
    """Chooses what is trained on and what it is watched by, and remembers what it did."""

    config: ClassifierConfig
    num_real: int = 0
    watched: tuple[str, ImageStore] | None = None

    def prepare(self, dataset: Dataset) -> Dataset:
        data, train = self.config.data, dataset.train
        notes = list(dataset.notes)
        self.watched = ("test", dataset.test)
        if data.validation_share:
            train, held_out = hold_out(train, data.validation_share, seed=data.split_seed)
            self.watched = ("validation", held_out)
            notes.append(f"{len(held_out):,} training images are held out to evaluate on")
        train = limited(train, data, notes)
        self.num_real = len(train)
        if self.config.synthetic is not None:
            train, remarks = with_synthetic(train, self.config.synthetic, dataset.train.fingerprint)
            notes += remarks
        return replace(dataset, train=train, notes=tuple(notes))


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
    chosen = _Data(resolved)
    return run_training(
        resolved,
        name,
        data,
        lambda setting: _trainee(resolved, setting, chosen),
        options,
        on_tick,
        chosen.prepare,
    )


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
        data: A source as ``--data`` takes it; None is what the classifier was trained on.
        split: ``test``; ``train``, what it was trained on, but for generated images; or ``all`` of the source.
        device: Where to compute.

    Raises:
        UserError: If there is no such classifier or data, or the classes differ.
    """
    if split not in WHOLE_AND_SPLITS:
        raise ConfigError(f"split: found {split!r}; expected one of {', '.join(WHOLE_AND_SPLITS)}.")
    file = find_classifier(classifier)
    loaded = load_classifier(file, device)
    config = config_of(loaded)
    if data is not None:
        # Class names and the shape of images are the classifier's; so is how a source is split.
        classes = config.data.classes or list(loaded.class_names)
        section = config.data.model_copy(update={"source": str(data), "classes": classes})
        config = config.model_copy(update={"data": section})
    dataset = load_data(config)
    if split == "train":
        dataset = _Data(config.model_copy(update={"synthetic": None})).prepare(dataset)
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
    classifier: str | Path, images: Sequence[Path], device: str | torch.device = "cpu"
) -> list[tuple[Path, list[tuple[str, float]]]]:
    """Classes of image files.

    Args:
        classifier: A run directory, or a ``classifier.safetensors``.
        images: Files, and folders of files.
        device: Where to compute.

    Returns:
        For each file its path, and all classes with their probabilities, the likeliest first.
    """
    loaded = load_classifier(classifier, device)
    files = find_images(images)
    info, found = loaded.info, []
    for start in range(0, len(files), CHUNK):
        part = files[start : start + CHUNK]
        pixels = read_images(
            part, resolution=info.resolution, channels=info.channels, fit=config_of(loaded).data.fit
        )
        for file, row in zip(part, loaded(torch.from_numpy(pixels)), strict=True):
            values, order = row.sort(descending=True)
            names = [info.class_names[index] for index in order.tolist()]
            found.append((file, list(zip(names, values.tolist(), strict=True))))
    return found


def config_of(classifier: ImageClassifier) -> ClassifierConfig:
    """The configuration that a classifier was trained with, its images' shape filled in."""
    config = validate(ClassifierConfig, classifier.info.provenance["config"], "the classifier's file")
    shape = {"resolution": classifier.info.resolution, "channels": classifier.info.channels}
    return config.model_copy(update={"data": config.data.model_copy(update=shape)})


def _trainee(config: ClassifierConfig, setting: Setting, chosen: _Data) -> Trainee:
    """Network and data, and what happens to them besides training."""
    store = setting.dataset.train
    task, info = build_classification(
        config,
        store,
        num_real=chosen.num_real,
        device=setting.device,
        precision=setting.precision,
        ranks=setting.ranks,
        warn=setting.warn,
        architecture=setting.meta.get("architecture"),
    )
    for reach in task.network.reach():
        setting.say(f"head {reach.head}: loss weight {reach.weight:g}, {reach}")
    predictor = ImageClassifier(
        task.network, info, precision="bf16" if task.precision == "bf16" else "float32"
    )
    assert chosen.watched is not None
    return Trainee(
        state=task,
        loop=lambda run: run_loop(task, run),
        hooks=Hooks(
            sample=lambda: _grid(task),
            evaluate=_watch(predictor, *chosen.watched),
            export=lambda path, nimg, _score: CLASSIFIER_FILE.save(
                path,
                task.network,
                _with_provenance(info, setting, config, nimg),
                torch.float16 if config.train.half_weights else None,
            ),
            product=CLASSIFIER_FILE.name,
            remedy="Lower optim.lr",
        ),
        intervals=Intervals(total_nimg=task.total_nimg, **config.every.model_dump()),
        initialise=lambda path: initialise_classifier(path, task.network, info),
        meta={"architecture": info.architecture},
    )


def _with_provenance(
    info: ClassifierInfo, setting: Setting, config: ClassifierConfig, nimg: int
) -> ClassifierInfo:
    return replace(info, provenance=setting.provenance(config, nimg))


def _watch(predictor: ImageClassifier, split: str, store: ImageStore) -> Any:
    """Loss and accuracy on images that are not trained on; None where there are none."""
    if not len(store):
        return None

    def evaluate() -> Evaluation:
        logits = predictor.logits(store.images).float()
        labels = torch.from_numpy(store.labels)
        loss = torch.nn.functional.cross_entropy(logits, labels).item()
        accuracy = (logits.argmax(dim=1) == labels).float().mean().item()
        return Evaluation({f"{split}/loss": loss, f"{split}/accuracy": accuracy})

    return evaluate


def _grid(task: Classification) -> Tensor:
    """Training images (C, H, W) uint8 as the network sees them: the first batch."""
    size = min(task.feed.batch_size, _GRID_COLUMNS * _GRID_ROWS)
    return tile(to_uint8(task.batch(0, slice(0, size)).images.cpu()), _GRID_COLUMNS)


def _check_classes(classifier: ImageClassifier, store: ImageStore, file: Path) -> None:
    if classifier.class_names != store.class_names:
        raise ConfigError(
            f"{file}: knows the classes {', '.join(classifier.class_names)}, and the data has "
            f"{', '.join(store.class_names)}; expected the same. Pick and order the data's with data.classes when "
            "training."
        )
