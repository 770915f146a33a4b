"""Classifiers that judge a generator's images: their recipe, their training, and what is kept of them."""

from __future__ import annotations

import json
import math
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from acgan import runtime
from acgan.api.classifier import train_classifier
from acgan.atomic import write_atomically
from acgan.code_version import code_version
from acgan.config import ClassifierConfig, load
from acgan.config.classifier import BackboneConfig, TorchvisionBackboneConfig
from acgan.config.recipes import find_recipe
from acgan.data import take
from acgan.errors import Interrupted, RunError
from acgan.extracting import shipped_for
from acgan.predicting import ImageClassifier, load_classifier
from acgan.types import Dataset, ImageStore
from acgan.weights import CLASSIFIER_FILE

#: Default length of a training: passes over the real images, and bounds in steps.
EPOCHS, MIN_STEPS, MAX_STEPS = 6, 400, 1_000
#: Recipes by the data that they are made for; cifar10_jpg is CIFAR-10 as JPEG files.
_RECIPES = {
    "digits": "digits",
    "mnist": "mnist",
    "fashion_mnist": "mnist",
    "cifar10": "cifar10",
    "cifar10_jpg": "cifar10",
}
_MANY = 10_000  # training images from which other data have the recipe of a large set
_TIMES_AS_LONG = 4  # of the training that shows what the network can reach


@dataclass(frozen=True)
class Judges:
    """Settings that all trainings of a measurement share.

    Attributes:
        config: Their configuration, but for the seed.
        recipe: Name of the recipe that it comes from.
        steps: Optimiser steps of each.
        device: Device to compute on.
        kept: Folder where answers are kept; None keeps none.
        parts: What answers depend on besides: images and code.
    """

    config: ClassifierConfig
    recipe: str
    steps: int
    device: str
    kept: Path | None
    parts: Mapping[str, Any]

    def file(self, ending: str, **own: Any) -> Path | None:
        """The file that keeps what depends on ``own`` besides; None if nothing is kept."""
        if self.kept is None:
            return None
        parts = {**self.parts, **own, "config": self.config.model_dump(mode="json"), "device": self.device}
        text = json.dumps(parts, sort_keys=True)
        return self.kept / f"{blake2b(text.encode(), digest_size=16).hexdigest()}{ending}"


def judges_for(
    dataset: Dataset,
    *,
    mirror: bool,
    steps: int | None,
    network: str,
    device: str,
    kept: Path | None,
) -> Judges:
    """The judges for real images and a generator of them.

    Args:
        dataset: Real images.
        mirror: The generator's training mirrored images. So do all judges then: samples bring mirrored images, which
            would otherwise be news to the classifier of real ones.
        steps: Optimiser steps; None is 6 passes over the real images, within [400, 1000].
        network: One of ``JUDGES``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        kept: Folder where answers are kept; None keeps none.
    """
    store, recipe = dataset.train, _recipe_for(dataset)
    config = load(ClassifierConfig, find_recipe(recipe, "classify"))
    batch_size = config.train.batch_size
    if steps is None:
        steps = _usual_steps(store, batch_size)
    shape = {"source": dataset.name, "resolution": store.resolution, "channels": store.channels}
    backbone: BackboneConfig = config.model.backbone
    if network == "resnet18":
        backbone = TorchvisionBackboneConfig(kind="torchvision", name="resnet18")
    parts: dict[str, dict[str, Any]] = {
        "data": {**shape, "mirror": config.data.mirror or mirror},
        # Auxiliary heads cost time, and change little in a network as shallow as this one.
        "model": {"aux": {}, "backbone": backbone},
    }
    sections = {name: getattr(config, name).model_copy(update=part) for name, part in parts.items()}
    images = {"train": store.fingerprint, "test": dataset.test.fingerprint, "code": code_version()}
    config = _as_long(config.model_copy(update=sections), steps)
    return Judges(config, recipe, steps, str(runtime.choose_device(device)), kept, images)


def _usual_steps(store: ImageStore, batch_size: int) -> int:
    return min(max(math.ceil(EPOCHS * len(store) / batch_size), MIN_STEPS), MAX_STEPS)


def _recipe_for(dataset: Dataset) -> str:
    """The recipe that is made for the data, else one by the number of images and their channels."""
    shipped = shipped_for(dataset.name, dataset.train.class_names)
    known = _RECIPES.get(dataset.name if shipped is None else shipped.stem)
    if known is not None:
        return known
    if len(dataset.train) < _MANY:
        return "folder"
    return "cifar10" if dataset.train.channels == 3 else "mnist"


def _as_long(config: ClassifierConfig, steps: int) -> ClassifierConfig:
    """The configuration with another length, and nothing before the end."""
    nimg = steps * config.train.batch_size
    every = config.every.model_copy(update=dict.fromkeys(type(config.every).model_fields, nimg))
    train = config.train.model_copy(update={"total_nimg": nimg})
    return config.model_copy(update={"train": train, "every": every})


def answers_of_full_training(judges: Judges, dataset: Dataset, seed: int) -> tuple[float, str]:
    """Accuracy that the real images allow, and whose it is.

    It is that of the classifier which is shipped for the data, else of one trained four times as long as the judges, or
    as long as judges usually are if that is more: four times next to nothing would call nothing undertrained.
    """
    file = shipped_for(dataset.name, dataset.train.class_names)
    if file is not None:
        shipped = load_classifier(file, judges.device)
        backbone, test = shipped.info.architecture["backbone"], dataset.test
        same = set(shipped.class_names) == set(test.class_names)
        if same and (backbone["image_channels"], backbone["resolution"]) == (test.channels, test.resolution):
            labels = [shipped.class_names.index(name) for name in dataset.test.class_names]
            named = shipped.logits(dataset.test.images)[:, labels].argmax(dim=1).numpy()
            return float((named == dataset.test.labels).mean()), f"the shipped classifier {file.stem}"
    usual = _usual_steps(dataset.train, judges.config.train.batch_size)
    steps = max(_TIMES_AS_LONG * judges.steps, usual)
    longer = replace(judges, config=_as_long(judges.config, steps))
    found = kept_answers(longer.file(".npz", arm="real", seed=seed))
    if found is None:
        found = right(trained(longer, dataset, seed), dataset.test)
        keep_answers(longer.file(".npz", arm="real", seed=seed), found)
    return float(found.mean()), f"one trained for {steps:,} steps"


def kept_answers(file: Path | None) -> np.ndarray | None:
    """Answers of an earlier measurement; None if there are none."""
    if file is None or not file.is_file():
        return None
    try:
        with np.load(file, allow_pickle=False) as kept:
            found: np.ndarray = kept["right"]  # whose check the archive has
    except (OSError, ValueError, LookupError, NotImplementedError, EOFError, BadZipFile, zlib.error):
        return None  # cut short or damaged: made again
    return found


def keep_answers(file: Path | None, answers: np.ndarray) -> None:
    """Keep answers for the next measurement; a folder that cannot be written keeps none."""
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, lambda path: _save(path, answers))
    except OSError:
        return


def _save(path: Path, answers: np.ndarray) -> None:
    with open(path, "wb") as handle:
        np.savez(handle, right=answers)


def real_classifier(judges: Judges, dataset: Dataset, seed: int) -> ImageClassifier:
    """The classifier of real images, trained or kept: every generator of the same data is judged by the same one."""
    file = judges.file(".safetensors", arm="real", seed=seed)
    if file is not None and file.is_file():
        try:
            return load_classifier(file, judges.device)
        except RunError:  # cut short or of another version: made again
            pass
    classifier = trained(judges, dataset, seed)
    if file is not None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(
                file, lambda path: CLASSIFIER_FILE.save(path, classifier.network, classifier.info)
            )
        except OSError:
            pass  # as with answers
    return classifier


def trained(judges: Judges, dataset: Dataset, seed: int) -> ImageClassifier:
    """Train a classifier on the training images of a data set, and leave no run of it."""
    config = judges.config.model_copy(update={"seed": seed})
    unseen = take(dataset.test, np.empty(0, np.int64))  # no training has the images that it is judged by
    bare = replace(dataset, test=unseen, warnings=())  # doubts about the data were told before
    with tempfile.TemporaryDirectory(prefix="acgan-cas-") as folder:
        try:
            result = train_classifier(config, bare, run_dir=Path(folder) / "run", device=judges.device)
        except Interrupted as error:
            what = "nothing is kept" if judges.kept is None else "finished trainings are kept"
            raise Interrupted(
                f"interrupted while classifiers were trained; {what}, and the same command goes on.",
                error.exit_code,
            ) from None
        return result.classifier(judges.device)


def right(classifier: ImageClassifier, store: ImageStore) -> np.ndarray:
    """(N,) bool, True where the classifier is right."""
    found: np.ndarray = classifier.logits(store.images).argmax(dim=1).numpy() == store.labels
    return found
