"""Preparation of an evaluation: its options, generators, networks and images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from acgan import runtime
from acgan.api.cas import check_fit_for_cas
from acgan.api.inputs import tell_skipped
from acgan.api.places import find_trained_on
from acgan.api.subjects import Subject, find_subjects
from acgan.assembly.images import prepare_dataset
from acgan.assembly.to_score import load_to_score
from acgan.config import RunConfig
from acgan.data import ClassSets, regroup
from acgan.errors import ConfigError, DataError, did_you_mean
from acgan.evaluation import MAX_TRAINING, METRICS, class_counts, share_out
from acgan.extracting import ClassifierExtractor, Extractor, InceptionExtractor, choose_extractor, shipped_for
from acgan.metrics.bootstrap import MIN_UNITS
from acgan.metrics.catalogue import CATALOGUE, Need, default_metrics
from acgan.types import JUDGES, LABEL_PRIORS, MAX_SAMPLES, ON_ERROR, SPLITS, WHICH, Dataset, ImageStore

#: Key of the metric that trains classifiers and needs no pass over the images.
CAS = "cas"
_CAS_SEEDS = 5


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of an evaluation.

    Attributes:
        data: A source as ``--data`` takes it, or a torch Dataset; None is the generator's training data. The classes
            that it shares with the generator are scored.
        split: Part of the data that is the reference: ``test`` or ``train``.
        metrics: Keys of ``CATALOGUE``; ``cas`` trains classifiers with and without samples.
        num_images: Number of samples; None is that of the reference, at most ``MAX_SAMPLES``.
        extractor: ``inception``, a shipped classifier's name, or a classifier's run or file; None takes Inception
            if its weights are at hand, else the one shipped for the data, else the one that scored the training.
        inception_weights: File of Inception's weights; None is the hub's cache, or a download.
        label_prior: ``reference``, classes as often as in the reference, or ``uniform``.
        repeats: Number of generation seeds.
        seed: First generation seed, and seed of all choices.
        truncation: Factor on the latents.
        which: ``best`` or ``last`` of a run's generators; None is the best where one was scored.
        device: Device to compute on.
        on_error: ``stop`` at a broken image, or ``skip`` and list it; None does as the training did.
        seeds: Seeds of cas's trainings, three or more; None is five from ``seed`` on.
        steps: Optimiser steps of each of cas's trainings; None is 6 passes over the real images, within [400, 1000].
        judge: Network that cas trains: ``small`` or ``resnet18``.
    """

    data: Any = None
    split: str = "test"
    metrics: Sequence[str] = field(default_factory=default_metrics)
    num_images: int | None = None
    extractor: str | None = None
    inception_weights: str | Path | None = None
    label_prior: str = "reference"
    repeats: int = 1
    seed: int = 0
    truncation: float = 1.0
    which: str | None = None
    device: str = "auto"
    on_error: str | None = None
    seeds: Sequence[int] | None = None
    steps: int | None = None
    judge: str = "small"

    @property
    def cas_seeds(self) -> Sequence[int]:
        """Seeds of cas's trainings."""
        return range(self.seed, self.seed + _CAS_SEEDS) if self.seeds is None else self.seeds

    def check(self) -> None:
        """Check all values.

        Raises:
            ConfigError: If one is out of its range.
        """
        known = tuple(CATALOGUE)
        unknown = [name for name in self.metrics if name not in known]
        if unknown:
            raise ConfigError(
                f"metrics: {unknown[0]!r} is no metric.{did_you_mean(unknown[0], known)} Expected {', '.join(known)}."
            )
        if not self.metrics:
            raise ConfigError(f"metrics: found none; expected some of {', '.join(known)}.")
        allowed: dict[str, tuple[str | None, ...]] = {
            "split": SPLITS,
            "label_prior": LABEL_PRIORS,
            "which": (None, *WHICH),
            "on_error": (None, *ON_ERROR),
            "judge": JUDGES,
        }
        for key, choices in allowed.items():
            if getattr(self, key) not in choices:
                listed = ", ".join(str(choice) for choice in choices)
                raise ConfigError(f"{key}: found {getattr(self, key)!r}; expected one of {listed}.")
        self._check_cas()
        for key, least in (("num_images", 2), ("repeats", 1), ("seed", 0), ("steps", 1)):
            value = getattr(self, key)
            if value is not None and value < least:
                raise ConfigError(f"{key}: found {value}; expected {least} or more.")

    def _check_cas(self) -> None:
        asked = {
            "seeds": self.seeds,
            "steps": self.steps,
            "judge": None if self.judge == "small" else self.judge,
        }
        given = [key for key, value in asked.items() if value is not None]
        if given and CAS not in self.metrics:
            raise ConfigError(
                f"{given[0]}: is of cas, which is not measured. Add cas to metrics, or leave it out."
            )
        if len(self.cas_seeds) < MIN_UNITS or len(set(self.cas_seeds)) < len(self.cas_seeds):
            raise ConfigError(
                f"seeds: found {', '.join(map(str, self.cas_seeds))}; expected {MIN_UNITS} or more, each once."
            )


@dataclass(frozen=True)
class EvaluationSetup:
    """Parts of an evaluation, which fit together.

    Attributes:
        dataset: Their training data, or ``data`` in its place.
        extractor: Network that makes features; None if ``cas`` is the only metric.
        classifier: Network that sees classes; None if no metric needs it, or there is none.
        unseen: True if the extractor was trained on other images than the reference; None if unknown.
        training: Training images, if copies of them can be looked for.
        counts: Samples by class of the generator.
        classes: Those that are scored, and those that are not.
        metrics: Keys of ``METRICS`` that can be measured.
    """

    options: EvaluateOptions
    subjects: list[Subject]
    dataset: Dataset
    extractor: Extractor | None
    classifier: ClassifierExtractor | None
    unseen: bool | None
    store: ImageStore
    training: ImageStore | None
    counts: list[int]
    classes: ClassSets
    metrics: list[str]

    @property
    def scored(self) -> list[int]:
        """The generator's labels of the classes that are scored."""
        return [self.classes.known.index(name) for name in self.classes.scored]

    @property
    def num_looked_at(self) -> int:
        """Number of images, real and drawn."""
        if self.extractor is None:
            return 0
        drawn = sum(self.counts) * self.options.repeats * len(self.subjects)
        return len(self.store) + min(len(self.training or ()), MAX_TRAINING) + drawn


def set_up(
    runs: str | Path | Sequence[str | Path],
    options: EvaluateOptions,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> EvaluationSetup:
    """Find all parts and check that they fit together, before anything is computed.

    Raises:
        UserError: For whatever the user can mend.
    """
    options.check()
    device = runtime.choose_device(options.device)
    subjects = find_subjects(runs, options.which, device)
    first = subjects[0]
    class_names = first.sampler.class_names
    config = first.config
    if options.data is None:
        config = find_trained_on(config, first.file, first.origin, say, warn)
    config, whole, classes = load_to_score(
        config, options.data, class_names, whose="generator", on_error=options.on_error, warn=warn
    )
    tell_skipped(whole.skipped, say)
    dataset = prepare_dataset(config, whole)
    for warning in dataset.warnings:
        warn(warning)
    if options.data is None and dataset.train.fingerprint != first.origin["data_fingerprint"]:
        warn(
            f"{dataset.name}: its training images have changed since the training; the scores are too good if the "
            "reference holds images that were trained on"
        )
    part = dataset.test if options.split == "test" else dataset.train
    _check_part(part, dataset.name, options.split)
    # From here on labels are the generator's; a class may be without images.
    store = regroup(part, {name: [name] for name in class_names})
    reference_counts = class_counts(store)
    classes = classes.narrowed(reference_counts)
    for remark in classes.remarks("generator", f"{options.split} "):
        say(remark)
    extractor = None
    if set(options.metrics) != {CAS}:
        extractor = choose_extractor(
            options.extractor, data_name=dataset.name, class_names=classes.scored,
            weights=options.inception_weights, otherwise=first.config.evaluate.extractor,
            device=device, warn=warn,
        )  # fmt: skip
    elif options.extractor is not None:
        raise ConfigError(
            f"--extractor {options.extractor}: cas trains classifiers of its own. Leave it out, or measure more with "
            "--metrics."
        )
    if CAS in options.metrics:
        _check_cas(subjects, dataset)
    metrics, classifier, training = _measurable(
        options, config, dataset, classes, extractor, first, device, say
    )
    num = options.num_images or min(len(store), MAX_SAMPLES)
    setting = EvaluationSetup(
        options, subjects, dataset, extractor, classifier,
        _is_unseen(extractor, whole, options.split), store, training,
        share_out(num, reference_counts, options.label_prior), classes, metrics,
    )  # fmt: skip
    if isinstance(extractor, InceptionExtractor) and device.type == "cpu":
        copies = f", {len(training):,} of them only to find copies (--metrics)" if training else ""
        say(
            f"Inception looks at {setting.num_looked_at:,} images{copies}: a CPU needs most of a second for each"
        )
    return setting


def _measurable(
    options: EvaluateOptions,
    config: RunConfig,
    dataset: Dataset,
    classes: ClassSets,
    extractor: Extractor | None,
    subject: Subject,
    device: torch.device,
    say: Callable[[str], None],
) -> tuple[list[str], ClassifierExtractor | None, ImageStore | None]:
    """Metrics whose inputs are all there, the classifier, and the training images."""
    wanted = [name for name in METRICS if name in options.metrics]
    needs = {need for name in wanted for need in CATALOGUE[name].needs}
    classifier, training = None, None
    remarks: dict[Need, str] = {}
    if "classifier" in needs:
        classifier = _classifier(extractor, dataset.name, classes.scored, device)
        if classifier is None:
            remarks["classifier"] = (
                "no class accuracy: the extractor does not know these classes, and no classifier is shipped for this "
                f"data; `acgan classify train --data {config.data.source}` makes one for --extractor"
            )
    if "training images" in needs:
        training, reason = _training_images(dataset, options.split, subject)
        if training is None:
            remarks["training images"] = f"copies of training images are not looked for: {reason}"
    metrics = [name for name in wanted if not remarks.keys() & CATALOGUE[name].needs]
    if not metrics and CAS not in options.metrics:
        raise ConfigError(f"metrics: none is left to measure: {'; '.join(remarks.values())}.")
    for remark in remarks.values():
        say(remark)
    return metrics, classifier, training


def _check_cas(subjects: Sequence[Subject], dataset: Dataset) -> None:
    if len(subjects) > 1:
        raise ConfigError(
            f"metrics: cas is of one generator; found {len(subjects)}. Evaluate each by itself."
        )
    check_fit_for_cas(subjects[0].sampler, dataset)


def _check_part(store: ImageStore, name: str, split: str) -> None:
    if len(store) < 2:
        raise DataError(
            f"{name}: has {len(store)} {split} images; expected at least 2 to score against. Choose another --split, "
            "or other images with --data."
        )


def _classifier(
    extractor: Extractor | None, data_name: str, class_names: tuple[str, ...], device: torch.device
) -> ClassifierExtractor | None:
    """Classifier of the classes: the extractor if it knows them, else the one shipped for the data."""
    if isinstance(extractor, ClassifierExtractor) and set(class_names) <= set(
        extractor.classifier.class_names
    ):
        return extractor
    own = shipped_for(data_name, class_names)
    return None if own is None else ClassifierExtractor(own, device)


def _is_unseen(extractor: Extractor | None, whole: Dataset, split: str) -> bool | None:
    """True if the extractor was trained on other images than the reference; None if unknown."""
    if not isinstance(extractor, ClassifierExtractor):
        return None  # Inception was trained on ImageNet, which the reference may be of
    origin = extractor.classifier.info.provenance
    # The source's fingerprint counts if the classifier was trained on a part of it.
    if whole.train.fingerprint in (origin.get("data_fingerprint"), origin.get("source_fingerprint")):
        return split == "test"
    return None


def _training_images(dataset: Dataset, split: str, subject: Subject) -> tuple[ImageStore | None, str]:
    """Training images if they are at hand and apart from the reference; else None and the reason."""
    if split == "train":
        return None, "they are the reference; --split test has others"
    expected = subject.origin["data_fingerprint"]
    if dataset.train.fingerprint != expected:
        return (
            None,
            f"this data's (fingerprint {dataset.train.fingerprint[:8]}) are not those trained on ({expected[:8]})",
        )
    return dataset.train, ""
