"""Classifiers trained on a generator's images, on real ones and on both, judged on real ones."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from acgan import runtime
from acgan.api.classifier import train_classifier
from acgan.config import ClassifierConfig, load
from acgan.config.recipes import find_recipe
from acgan.data import extend, take
from acgan.errors import DataError, Interrupted, UserError
from acgan.metrics.bootstrap import MIN_UNITS
from acgan.metrics.cas import CasScores, cas_scores
from acgan.predicting import ImageClassifier
from acgan.sampling import ClassSampler
from acgan.types import Dataset, ImageStore

ARMS = ("real", "synthetic", "both")
#: Default length of a training: passes over the real images, and bounds in steps.
EPOCHS, MIN_STEPS, MAX_STEPS = 6, 400, 1_000
_RECIPES = {"digits": "digits", "mnist": "mnist", "fashion_mnist": "mnist", "cifar10": "cifar10"}


def classification_accuracy_score(
    sampler: ClassSampler,
    dataset: Dataset,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    steps: int | None = None,
    truncation: float = 1.0,
    device: str = "auto",
    say: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = warnings.warn,
) -> CasScores:
    """Train classifiers with and without a generator's images, and score them on real test images.

    For each seed there are three trainings that differ in their images alone: the real ones; as many generated ones of
    each class (the classification accuracy score, Ravuri & Vinyals 2019); and both, twice as many of each class. Start,
    steps, augmentation and schedule are the same, so that differences are paired. Each seed has generated images of its
    own. The classifier trained on real images is then judged on yet other generated images (GAN-test, Shmelkov et al.
    2018), as many of each class as there are test images.

    The network is the ``small`` one without auxiliary heads, trained by the recipe of the data's name, else by
    ``folder``. In a short training extra images take the place of real ones, which judges them too hard: raise
    ``steps`` before concluding that a generator hurts.

    Args:
        sampler: The generator.
        dataset: Its training images, and real images held out from them.
        seeds: Seeds of the trainings and of the generated images, three or more.
        steps: Optimiser steps in every training; None is 6 passes over the real images, within [400, 1000].
        truncation: Factor on the latents.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        say: Receives remarks for people.
        warn: Receives a doubt about the worth of the scores.

    Raises:
        UserError: If the data does not serve: no test images, a class without training images, classes or images of
            another shape than the generator's.
        Interrupted: If a signal stopped it; nothing is kept.
    """
    if len(seeds) < MIN_UNITS or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise UserError(f"seeds: found {list(seeds)}; expected {MIN_UNITS} or more, from 0 on, each once.")
    if steps is not None and steps < 1:
        raise UserError(f"steps: found {steps}; expected at least 1.")
    check_fit_for_cas(sampler, dataset)
    config, recipe, length = _config(dataset, steps)
    say(f"{len(ARMS) * len(seeds)} trainings of the small classifier ({recipe}), {length:,} steps each")
    trained_on = [sampler.info.provenance.get(f"{part}_fingerprint") for part in ("data", "source")]
    if dataset.train.fingerprint not in trained_on:
        warn(
            f"the generator was trained on other images than {dataset.name}'s: if the test images were among them, "
            "the scores here will be too good"
        )
    right: dict[str, list[np.ndarray]] = {name: [] for name in (*ARMS, "gan_test")}
    for seed in seeds:
        for name, found in _answers(sampler, dataset, config, seed, truncation, device).items():
            right[name].append(found)
        shares = (f"{name} {100 * found[-1].mean():.1f} %" for name, found in right.items())
        say(f"seed {seed}: {', '.join(shares)}")
    return cas_scores(
        {arm: np.stack(right[arm]) for arm in ARMS},
        dataset.test.labels,
        gan_right=np.stack(right["gan_test"]),
        gan_labels=np.sort(dataset.test.labels),  # as ``_generated`` makes them
        class_names=dataset.test.class_names,
        provenance={
            "data": dataset.name,
            "data_fingerprint": dataset.train.fingerprint,
            "test_fingerprint": dataset.test.fingerprint,
            "generator_data_fingerprint": trained_on[0],
            "num_train": len(dataset.train),
            "num_test": len(dataset.test),
            "recipe": recipe,
            "steps": length,
            "seeds": list(seeds),
            "truncation": truncation,
            "device": str(runtime.choose_device(device)),
            "config": config.model_dump(mode="json", exclude={"seed"}),
        },
    )


def _config(dataset: Dataset, steps: int | None) -> tuple[ClassifierConfig, str, int]:
    """Configuration of every training, the recipe's name, and the steps."""
    recipe, store = _RECIPES.get(dataset.name, "folder"), dataset.train
    config = load(ClassifierConfig, find_recipe(recipe, "classify"))
    batch_size = config.train.batch_size
    if steps is None:
        steps = min(max(math.ceil(EPOCHS * len(store) / batch_size), MIN_STEPS), MAX_STEPS)
    nimg = steps * batch_size
    every = dict.fromkeys(type(config.every).model_fields, nimg)  # nothing before the end
    parts = {
        "data": {"source": dataset.name, "resolution": store.resolution, "channels": store.channels},
        # Auxiliary heads cost time, and change little in a network as shallow as this one.
        "model": {"aux": {}},
        "train": {"total_nimg": nimg},
        "every": every,
    }
    sections = {name: getattr(config, name).model_copy(update=part) for name, part in parts.items()}
    return config.model_copy(update=sections), recipe, steps


def _answers(
    sampler: ClassSampler,
    dataset: Dataset,
    config: ClassifierConfig,
    seed: int,
    truncation: float,
    device: str,
) -> dict[str, np.ndarray]:
    """True where each arm's classifier is right on a test image, for ``gan_test`` on a generated one."""
    real, test = dataset.train, dataset.test
    synthetic = _generated(sampler, real, 2 * seed, truncation)
    arms = {"real": real, "synthetic": synthetic, "both": extend(real, synthetic.images, synthetic.labels)}
    unseen = take(test, np.empty(0, np.int64))  # no training has the images that it is judged by
    bare = replace(dataset, test=unseen, warnings=())  # doubts about the data were told before
    classifiers = {arm: _trained(config, seed, replace(bare, train=arms[arm]), device) for arm in ARMS}
    answers = {arm: _right(classifier, test) for arm, classifier in classifiers.items()}
    answers["gan_test"] = _right(classifiers["real"], _generated(sampler, test, 2 * seed + 1, truncation))
    return answers


def _generated(sampler: ClassSampler, like: ImageStore, seed: int, truncation: float) -> ImageStore:
    """As many generated images of each class as a store has, class by class, under its labels."""
    counts = np.bincount(like.labels, minlength=like.num_classes)
    own = [sampler.class_names.index(name) for name in like.class_names]
    drawn = sampler.stream_classes(
        dict(zip(own, counts.tolist(), strict=True)), seed=seed, truncation=truncation
    )
    nothing = take(like, np.empty(0, np.int64))
    return extend(nothing, np.concatenate([part.numpy() for _, _, part in drawn]), np.sort(like.labels))


def _trained(config: ClassifierConfig, seed: int, dataset: Dataset, device: str) -> ImageClassifier:
    """Train a classifier and leave no file of it."""
    config = config.model_copy(update={"seed": seed})
    with tempfile.TemporaryDirectory(prefix="acgan-cas-") as folder:
        try:
            result = train_classifier(config, dataset, run_dir=Path(folder) / "run", device=device)
        except Interrupted as error:
            message = "interrupted while classifiers were trained; nothing is kept of them."
            raise Interrupted(message, error.exit_code) from None
        return result.classifier(runtime.choose_device(device))


def _right(classifier: ImageClassifier, store: ImageStore) -> np.ndarray:
    """(N,) bool, True where the classifier is right."""
    right: np.ndarray = classifier.logits(store.images).argmax(dim=1).numpy() == store.labels
    return right


def check_fit_for_cas(sampler: ClassSampler, dataset: Dataset) -> None:
    """Check, before anything is trained, that the score can be measured.

    Raises:
        DataError: If the data does not serve.
    """
    if not set(dataset.train.class_names) <= set(sampler.class_names):
        raise DataError(
            f"{dataset.name}: has the classes {', '.join(dataset.train.class_names)}, and the generator makes "
            f"{', '.join(sampler.class_names)}; expected no class that it does not make. Choose with --data the images "
            "that it was trained on."
        )
    made = (sampler.info.architecture["image_channels"], *[sampler.info.architecture["resolution"]] * 2)
    if made != dataset.train.images.shape[1:]:
        raise DataError(
            f"{dataset.name}: has images of {' x '.join(map(str, dataset.train.images.shape[1:]))}, and the generator "
            f"makes {' x '.join(map(str, made))}; expected the same. Choose with --data the images that it was "
            "trained on, or fit them with data.resolution and data.channels."
        )
    present = set(dataset.train.labels.tolist())
    missing = [name for label, name in enumerate(dataset.train.class_names) if label not in present]
    if missing:
        raise DataError(
            f"{dataset.name}: has no training images of {', '.join(missing)}; expected some of every class that is "
            "scored. Choose with --data the images that it was trained on."
        )
    if len(dataset.test) < 2:
        raise DataError(
            f"{dataset.name}: test images: found {len(dataset.test)}; expected two or more real images that were not "
            "trained on, to judge by. Choose with --data a source that has some, or train the generator with "
            "data.test_share above 0."
        )
