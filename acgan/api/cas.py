"""Classifiers trained on a generator's images, on real ones and on both, judged on real ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from acgan.api.cas_judges import (
    Judges,
    answers_of_full_training,
    judges_for,
    keep_answers,
    kept_answers,
    real_classifier,
    right,
    trained,
)
from acgan.data import extend, take
from acgan.errors import DataError, UserError
from acgan.metrics.bootstrap import MIN_UNITS
from acgan.metrics.cas import CasScores, cas_scores
from acgan.sampling import GivenSamples, Samples
from acgan.showing import warn_shown
from acgan.types import JUDGES, Dataset, ImageStore

ARMS = ("real", "synthetic", "both")
_GAN_TEST = "gan_test"


def classification_accuracy_score(
    samples: Samples,
    dataset: Dataset,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    steps: int | None = None,
    network: str = "small",
    truncation: float = 1.0,
    device: str = "auto",
    generator: str | None = None,
    kept: Path | None = None,
    say: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = warn_shown,
) -> CasScores:
    """Train classifiers with and without a generator's images, and score them on real test images.

    For each seed there are three trainings that differ in their images alone: the real ones; as many generated ones of
    each class (the classification accuracy score, Ravuri & Vinyals 2019); and both, twice as many of each class. Start,
    steps, augmentation and schedule are the same, so that differences are paired; images are mirrored where the
    generator's training mirrored them. Each seed has generated images of its own. The classifier trained on real images
    is then judged on yet other generated images (GAN-test, Shmelkov et al. 2018), as many of each class as there are
    test images.

    The network has no auxiliary heads and is trained by the recipe of the data, else by one for as many images. In a
    short training extra images take the place of real ones, which judges them too hard. So the accuracy of a longer
    training is measured too, and the verdict says if the judges are far below it.

    Args:
        samples: The generator, or samples that something else generated.
        dataset: Its training images, and real images held out from them.
        seeds: Seeds of the trainings and of the generated images, three or more.
        steps: Optimiser steps in every training; None is 6 passes over the real images, within [400, 1000].
        network: ``small``, or ``resnet18`` from random weights.
        truncation: Factor on the latents.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        generator: Hash of the generator's file, by which answers are kept; None keeps none.
        kept: Folder where answers are kept, so that a measurement that was interrupted goes on; None keeps none.
        say: Receives remarks for people.
        warn: Receives a doubt about the worth of the scores.

    Raises:
        UserError: If the data does not serve: no test images, a class without training images, classes or images of
            another shape than the generator's.
        Interrupted: If a signal stopped it.
    """
    if len(seeds) < MIN_UNITS or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise UserError(f"seeds: found {list(seeds)}; expected {MIN_UNITS} or more, from 0 on, each once.")
    if steps is not None and steps < 1:
        raise UserError(f"steps: found {steps}; expected at least 1.")
    if network not in JUDGES:
        raise UserError(f"network: found {network!r}; expected one of {', '.join(JUDGES)}.")
    check_fit_for_cas(samples, dataset)
    origin = samples.origin
    judges = judges_for(
        dataset,
        mirror=bool(origin.get("config", {}).get("data", {}).get("mirror", False)),
        steps=steps,
        network=network,
        device=device,
        kept=kept if generator is not None else None,
    )
    say(
        f"{len(ARMS) * len(seeds)} trainings of the {network} classifier ({judges.recipe}), {judges.steps:,} steps "
        "each"
    )
    trained_on = [origin.get(f"{part}_fingerprint") for part in ("data", "source")]
    if isinstance(samples, GivenSamples):
        say(
            "the judges mirror images only if their recipe does: how the samples' generator was trained is not known"
        )
    elif dataset.train.fingerprint not in trained_on:
        warn(
            f"the generator was trained on other images than {dataset.name}'s: if the test images were among them, "
            "the scores here will be too good"
        )
    answers: dict[str, list[np.ndarray]] = {name: [] for name in (*ARMS, _GAN_TEST)}
    begun = time.monotonic()
    for number, seed in enumerate(seeds, start=1):
        found = _answers(samples, dataset, judges, seed, truncation, generator)
        for name in answers:
            answers[name].append(found[name])
        shares = (f"{name} {100 * one.mean():.1f} %" for name, one in found.items())
        left = (time.monotonic() - begun) / number * (len(seeds) - number) / 60
        say(f"seed {seed} ({number} of {len(seeds)}): {', '.join(shares)}; about {left:.0f} minutes left")
    full, whose = answers_of_full_training(judges, dataset, seeds[0])
    return cas_scores(
        {arm: np.stack(answers[arm]) for arm in ARMS},
        dataset.test.labels,
        gan_right=np.stack(answers[_GAN_TEST]),
        gan_labels=np.sort(dataset.test.labels),  # as ``_generated`` makes them
        class_names=dataset.test.class_names,
        full=full,
        full_of=whose,
        provenance={
            "data": dataset.name,
            "data_fingerprint": dataset.train.fingerprint,
            "test_fingerprint": dataset.test.fingerprint,
            "generator_data_fingerprint": trained_on[0],
            "num_train": len(dataset.train),
            "num_test": len(dataset.test),
            "recipe": judges.recipe,
            "network": network,
            "steps": judges.steps,
            "seeds": list(seeds),
            "truncation": truncation,
            "device": judges.device,
            "config": judges.config.model_dump(mode="json", exclude={"seed"}),
        },
    )


def _answers(
    samples: Samples,
    dataset: Dataset,
    judges: Judges,
    seed: int,
    truncation: float,
    generator: str | None,
) -> dict[str, np.ndarray]:
    """True where each arm's classifier is right on a test image, for ``gan_test`` on a generated one."""
    own = {"seed": seed, "generator": generator, "truncation": truncation}
    files = {name: judges.file(".npz", arm=name, **own) for name in (*ARMS, _GAN_TEST)}
    found = {name: answers for name, file in files.items() if (answers := kept_answers(file)) is not None}
    real, test = dataset.train, dataset.test
    if not found.keys() >= {"real", _GAN_TEST}:
        classifier = real_classifier(judges, dataset, seed)
        found["real"] = right(classifier, test)
        found[_GAN_TEST] = right(classifier, _generated(samples, test, 2 * seed + 1, truncation))
    if not found.keys() >= set(ARMS):
        synthetic = _generated(samples, real, 2 * seed, truncation)
        arms = {"synthetic": synthetic, "both": extend(real, synthetic.images, synthetic.labels)}
        for arm, store in arms.items():
            if arm not in found:
                found[arm] = right(trained(judges, replace(dataset, train=store), seed), test)
                keep_answers(files[arm], found[arm])
    for name in ("real", _GAN_TEST):
        keep_answers(files[name], found[name])
    return {name: found[name] for name in files}


def _generated(samples: Samples, like: ImageStore, seed: int, truncation: float) -> ImageStore:
    """As many generated images of each class as a store has, class by class, under its labels."""
    counts = np.bincount(like.labels, minlength=like.num_classes)
    own = [samples.class_names.index(name) for name in like.class_names]
    drawn = samples.stream_classes(
        dict(zip(own, counts.tolist(), strict=True)), seed=seed, truncation=truncation
    )
    nothing = take(like, np.empty(0, np.int64))
    return extend(nothing, np.concatenate([part.numpy() for _, _, part in drawn]), np.sort(like.labels))


def check_fit_for_cas(samples: Samples, dataset: Dataset) -> None:
    """Check, before anything is trained, that the score can be measured.

    Raises:
        DataError: If the data does not serve.
    """
    if not set(dataset.train.class_names) <= set(samples.class_names):
        raise DataError(
            f"{dataset.name}: has the classes {', '.join(dataset.train.class_names)}, and the generator makes "
            f"{', '.join(samples.class_names)}; expected no class that it does not make. Choose with --data the images "
            "that it was trained on."
        )
    made = samples.image_shape
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
    _check_enough(samples, dataset)
    if len(dataset.test) < 2:
        raise DataError(
            f"{dataset.name}: test images: found {len(dataset.test)}; expected two or more real images that were not "
            "trained on, to judge by. Choose with --data a source that has some, or train the generator with "
            "data.test_share above 0."
        )


def _check_enough(samples: Samples, dataset: Dataset) -> None:
    """Check that given samples are as many of each class as the real images.

    Raises:
        DataError: They are not.
    """
    names = dataset.train.class_names
    counts = np.maximum(
        *(np.bincount(store.labels, minlength=len(names)) for store in (dataset.train, dataset.test))
    )
    for name, count in zip(names, counts.tolist(), strict=True):
        given = samples.available(samples.class_names.index(name))
        if given is not None and given < count:
            raise DataError(
                f"cas: there are {given:,} samples of {name}, and {count:,} real images to train or test on; expected "
                "as many samples, since classifiers trained on either are compared. Give more, or leave cas out of "
                "--metrics."
            )
