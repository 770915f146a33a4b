"""The real images that a generator, or given samples, are scored on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from acgan.api.evaluate_options import EvaluateOptions
from acgan.api.inputs import tell_skipped
from acgan.api.judging import show_data_command
from acgan.api.places import find_trained_on
from acgan.api.subjects import Subject
from acgan.assembly.images import DATASET, data_options, prepare_dataset
from acgan.assembly.packing_words import Packing
from acgan.assembly.to_score import load_to_score
from acgan.config import RunConfig
from acgan.data import SAMPLES, ClassSets, dataset_from_torch, source_classes
from acgan.data.index import shortened
from acgan.errors import ConfigError, DataError
from acgan.evaluation import share_out
from acgan.sampling import GivenSamples
from acgan.types import MAX_SAMPLES, Dataset, ImageStore

_SHOWN = 20

Say = Callable[[str], None]


@dataclass(frozen=True)
class RealImages:
    """Real images that something is scored on.

    Attributes:
        config: How they were decoded.
        whole: All of the source, before a part of its training images is chosen.
        dataset: Training images, and images held out from them.
        reference: The part that is scored on.
        classes: Classes that are scored, and those that are not.
    """

    config: RunConfig
    whole: Dataset
    dataset: Dataset
    reference: ImageStore
    classes: ClassSets


def real_images_of_generator(
    first: Subject, options: EvaluateOptions, say: Say, warn: Say, *, skip_with: str = "--on-error skip"
) -> RealImages:
    """The images that a generator was trained on and those held out from them, or other ones.

    Args:
        first: The generator.
        options: Options of the evaluation.
        say: Receives remarks.
        warn: Receives doubts.
        skip_with: As in ``DataOptions``.

    Raises:
        UserError: For whatever the user can mend.
    """
    if options.train_data is not None:
        raise ConfigError(
            "--train-data: tells what the generator of given samples was trained on; a run knows that itself. Leave "
            "it out."
        )
    config, names = first.config, first.samples.class_names
    if options.data is None:
        config = find_trained_on(config, first.file, first.samples.origin, say, warn)
    config, whole, classes = load_to_score(
        config,
        options.data,
        names,
        whose="generator",
        on_error=options.on_error,
        skip_with=skip_with,
        warn=warn,
    )
    dataset = _prepared(
        config, whole, say, warn, told=() if options.data is None else whole.warnings,
        trained_on=first.data_fingerprint if options.data is None else None,
    )  # fmt: skip
    if options.data is None and dataset.train.fingerprint != first.data_fingerprint:
        warn(
            f"{dataset.name}: its training images have changed since the training; the scores are too good if the "
            "reference holds images that were trained on"
        )
    return RealImages(config, whole, dataset, _part(whole, dataset, options.split), classes)


def real_images_beside_samples(
    subjects: Sequence[Subject], options: EvaluateOptions, say: Say, warn: Say
) -> tuple[list[Subject], RealImages]:
    """Real images in the form of given samples, and the samples with the classes and channels of these.

    Raises:
        UserError: For whatever the user can mend.
    """
    _check_options(subjects[0], options)
    for subject in subjects:
        tell_skipped(subject.skipped, say)
        for warning in subject.warnings:
            warn(f"samples: {warning}")
    config = subjects[0].config
    if options.train_data is not None:
        config = config.model_copy(update={"data": config.data.model_copy(update={"test_share": 0.0})})
    if not isinstance(options.data, (str, os.PathLike, Dataset)):
        options = replace(options, data=dataset_from_torch(options.data, DATASET, data_options(config.data)))
    subjects = [_with_names(subject, config, options, warn) for subject in subjects]
    names = subjects[0].samples.class_names
    config, whole, classes = load_to_score(
        config, options.data, names, whose=SAMPLES, on_error=options.on_error, warn=warn
    )
    dataset = _prepared(config, whole, say, warn, told=whole.warnings)
    reference = _part(whole, dataset, options.split)
    if options.train_data is not None:
        if not len(dataset.test):
            reference = dataset.train
        config, trained_on, _ = load_to_score(
            config, options.train_data, names, whose=SAMPLES, on_error=options.on_error, warn=warn
        )
        dataset = _prepared(config, trained_on, say, warn, told=trained_on.warnings)
        dataset = replace(dataset, name=whole.name, test=reference)
    else:
        say(
            f"{subjects[0].path}: it is not known which images its generator was trained on; if these {options.split} "
            "images were among them, the scores are too good. --train-data names the images that it was trained on"
        )
    return [_with_channels(subject, reference.channels, warn) for subject in subjects], RealImages(
        config, whole, dataset, reference, classes
    )


def counts_of_samples(
    subjects: Sequence[Subject], options: EvaluateOptions, reference: Sequence[int], say: Say, warn: Say
) -> list[int]:
    """Number of samples of each class: as many as asked for or as the reference has; of given samples those at hand.

    Args:
        subjects: The generators or samples.
        options: Number and label prior.
        reference: Real images by class.
        say: Receives a remark where given samples are fewer.
        warn: Receives a doubt where most of them cannot be used.

    Raises:
        ConfigError: More are asked for than are given.
    """
    num = options.num_images or min(sum(reference), MAX_SAMPLES)
    counts = share_out(num, reference, options.label_prior)
    at_hand = [
        [of_class for subject in subjects if (of_class := subject.samples.available(label)) is not None]
        for label in range(len(reference))
    ]
    if not any(at_hand):
        return counts
    limits = [min(of_class) for of_class in at_hand]
    scarce = _scarce(counts, limits)
    if scarce is None:
        return counts
    names = subjects[0].samples.class_names
    if options.num_images is not None:
        raise ConfigError(
            f"-n {num}: takes {counts[scarce]:,} samples of {names[scarce]}, and {limits[scarce]:,} are given; "
            "expected no more than there are. Take fewer."
        )
    while (short := _scarce(counts, limits)) is not None:
        scarce = short
        # No larger number fits: rounding moves a count by one at most.
        num = min(num - 1, (limits[scarce] + 1) * num // max(1, counts[scarce] - 1))
        counts = share_out(num, reference, options.label_prior)
    of_all = sum(limit for limit, images in zip(limits, reference, strict=True) if images)
    how = (
        "equally many of each class"
        if options.label_prior == "uniform"
        else "classes as often as real images"
    )
    text = f"{num:,} of {of_all:,} samples are scored, {how}: of {names[scarce]} there are only {limits[scarce]:,}"
    (warn if 2 * num < min(of_all, sum(reference)) else say)(text)
    return counts


def _scarce(counts: Sequence[int], limits: Sequence[int]) -> int | None:
    """The class of which the least share of the samples wanted is at hand; None if all are."""
    short = [label for label, count in enumerate(counts) if count > limits[label]]
    return min(short, key=lambda label: limits[label] / counts[label], default=None)


def _prepared(
    config: RunConfig,
    whole: Dataset,
    say: Say,
    warn: Say,
    *,
    told: Sequence[str],
    trained_on: str | None = None,
) -> Dataset:
    """The parts that are trained on and scored on.

    Args:
        config: How images are decoded and parted.
        whole: All images of the source.
        say: Receives the images that were skipped.
        warn: Receives doubts; of images that were trained on, whose training told them, several are only counted.
        told: Warnings that the user has read.
        trained_on: Fingerprint of the images that a training told about.
    """
    tell_skipped(whole.skipped, say)
    dataset = prepare_dataset(config, whole)
    doubts = [warning for warning in dataset.warnings if warning not in told]
    if len(doubts) > 1 and dataset.train.fingerprint == trained_on:
        doubts = [
            f"{dataset.name}: there are {len(doubts)} doubts about these images, as at their training; "
            f"`{show_data_command(config)}` tells them"
        ]
    for doubt in doubts:
        warn(doubt)
    return dataset


def _part(whole: Dataset, dataset: Dataset, split: str) -> ImageStore:
    """The reference: a part of the images as a training divides them, or all training images of the source."""
    return {"test": dataset.test, "train": dataset.train, "train-all": whole.train}[split]


def _check_options(first: Subject, options: EvaluateOptions) -> None:
    """Check what is asked of given samples.

    Raises:
        ConfigError: Something that only a generator can do.
    """
    for key, value, default in (("repeats", options.repeats, 1), ("truncation", options.truncation, 1.0)):
        if value != default:
            raise ConfigError(
                f"--{key} {value}: asks for new samples, and {first.path} has given ones. Leave it out."
            )


def _with_names(subject: Subject, config: RunConfig, options: EvaluateOptions, warn: Say) -> Subject:
    """Samples whose labels are numbers from 0 have the names of as many classes of the real images, in their order.

    Raises:
        ConfigError: If both have numbers, which begin at 0 on one side and at 1 on the other.
    """
    samples = subject.samples
    assert isinstance(samples, GivenSamples)
    own = samples.class_names
    if isinstance(options.data, Dataset):
        real = options.data.train.class_names
    else:
        with Packing(str(options.data), config.data).told():
            real = source_classes(str(options.data), data_options(config.data))
    begins = [_first_number(names) for names in (own, real)]
    if len(own) == len(real) and sorted(begins, key=str) == [0, 1]:
        raise ConfigError(
            f"{subject.path}: its labels are numbers from {begins[0]}, and those of the real images from {begins[1]}; "
            "expected the same numbers, since classes are matched by name. Number both alike, or give both the same "
            "names."
        )
    if begins[0] != 0 or len(own) != len(real) or set(own) & set(real):
        return subject
    named = tuple(real[int(number)] for number in own)
    pairs = [f"{number} {name}" for number, name in enumerate(real)]
    warn(
        f"{subject.path}: its labels have no names; they are taken for the real images' classes in order: "
        f"{shortened(pairs, _SHOWN)}"
    )
    return replace(subject, samples=GivenSamples(replace(samples.store, class_names=named)))


def _first_number(names: Sequence[str]) -> int | None:
    """The lowest of classes that are numbers without gaps, in any order; None of others."""
    numbers = sorted(int(name) for name in names if name.isdecimal())
    whole = set(names) == {str(number) for number in numbers}
    return numbers[0] if whole and numbers[-1] - numbers[0] == len(numbers) - 1 else None


def _with_channels(subject: Subject, channels: int, warn: Say) -> Subject:
    """Samples with the channels of the real images: gray ones get three."""
    samples = subject.samples
    assert isinstance(samples, GivenSamples)
    if samples.store.channels == channels:
        return subject
    if channels == 1:
        raise DataError(f"{subject.path}: is in colour, and the real images are not; expected both alike.")
    warn(f"{subject.path}: every picture is gray, and there are real images in colour")
    images = samples.store.images[:]
    wide = np.broadcast_to(images, (len(images), channels, *images.shape[2:]))
    return replace(subject, samples=GivenSamples(replace(samples.store, images=wide)))
