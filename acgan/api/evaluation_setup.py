"""What an evaluation is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from acgan import runtime
from acgan.api.gan import prepare
from acgan.api.inputs import load_data
from acgan.api.subjects import Subject, find_subjects
from acgan.errors import ConfigError, DataError
from acgan.evaluation import METRICS, class_counts, share_out
from acgan.extracting import ClassifierExtractor, Extractor, choose_extractor
from acgan.predicting import ImageClassifier, shipped
from acgan.types import Dataset, ImageStore

MAX_SAMPLES = 50_000
#: A metric beside those of ``METRICS``: trains classifiers.
CAS = "cas"


@dataclass(frozen=True)
class EvaluateOptions:
    """How generators are evaluated.

    Attributes:
        data: A source as ``--data`` takes it; None is what the generator was trained on.
        split: The reference: ``test``, or ``train``, the images that were trained on.
        metrics: Keys of ``METRICS``, and ``cas``, which trains classifiers to see whether samples help them.
        num_images: Samples; None is as many as the reference has images, at most 50,000.
        extractor: ``inception``, a shipped classifier's name, or a classifier's run or file; None chooses.
        inception_weights: A file; None is the hub's cache, or a download.
        label_prior: ``reference``, classes as often as there, or ``uniform``.
        repeats: Generation seeds.
        seed: The first of them, and that of all choices.
        truncation: Factor on the latents.
        which: ``best`` or ``last`` of a run's generators; None is the best where one was scored.
        device: Where to compute.
    """

    data: str | None = None
    split: str = "test"
    metrics: Sequence[str] = tuple(METRICS)
    num_images: int | None = None
    extractor: str | None = None
    inception_weights: Path | None = None
    label_prior: str = "reference"
    repeats: int = 1
    seed: int = 0
    truncation: float = 1.0
    which: str | None = None
    device: str = "auto"


@dataclass(frozen=True)
class Setting:
    """What an evaluation is made of, once everything is found and fits together.

    Attributes:
        options: As given.
        subjects: The generators.
        dataset: What they were trained on, or ``data`` in its place.
        extractor: Makes features.
        classifier: Sees classes; None where nothing at hand knows them.
        classifier_name: Its name.
        unseen: Whether the extractor was trained on other images than the reference; None where that is not known.
        store: The reference.
        training: The training images, where copies of them can be looked for.
        counts: Samples by class.
        metrics: Keys of ``METRICS`` that can be measured.
    """

    options: EvaluateOptions
    subjects: list[Subject]
    dataset: Dataset
    extractor: Extractor
    classifier: ImageClassifier | None
    classifier_name: str | None
    unseen: bool | None
    store: ImageStore
    training: ImageStore | None
    counts: list[int]
    metrics: list[str]

    @property
    def num_looked_at(self) -> int:
        """Images, real and drawn."""
        drawn = sum(self.counts) * self.options.repeats * len(self.subjects)
        return len(self.store) + len(self.training or ()) + drawn


def set_up(runs: Sequence[str | Path], options: EvaluateOptions, say: Callable[[str], None]) -> Setting:
    """Find everything, and see that it fits together, before anything is computed.

    Raises:
        UserError: For whatever the user can mend.
    """
    device = runtime.choose_device(options.device)
    subjects = find_subjects(runs, options.which, device)
    first = subjects[0]
    class_names = first.sampler.class_names
    config = first.config
    if options.data is not None:
        classes = config.data.classes or list(class_names)
        section = config.data.model_copy(update={"source": options.data, "classes": classes})
        config = config.model_copy(update={"data": section})
    whole = load_data(config)
    dataset = prepare(config, whole)
    store = dataset.test if options.split == "test" else dataset.train
    _check_store(store, dataset.name, options.split, first)
    extractor = choose_extractor(
        options.extractor, data_name=dataset.name, class_names=class_names,
        weights=options.inception_weights, device=device,
    )  # fmt: skip
    metrics = [name for name in options.metrics if name != CAS]
    classifier, classifier_name = _classifier(extractor, dataset.name, class_names, device)
    if classifier is None and "accuracy" in metrics:
        metrics.remove("accuracy")
        say(
            "no class accuracy: the extractor knows none of these classes, and no classifier is shipped for this data; "
            f"`acgan classify train --data {config.data.source}` makes one for --extractor"
        )
    training = None
    if "memorisation" in metrics:
        training, reason = _training_images(dataset, options.split, first)
        if training is None:
            metrics.remove("memorisation")
            say(f"copies of training images are not looked for: {reason}")
    reference_counts = class_counts(store)
    num = options.num_images or min(len(store), MAX_SAMPLES)
    return Setting(
        options, subjects, dataset, extractor, classifier, classifier_name,
        _is_unseen(extractor, whole, options.split), store, training,
        share_out(num, reference_counts, options.label_prior), metrics,
    )  # fmt: skip


def _check_store(store: ImageStore, name: str, split: str, subject: Subject) -> None:
    if store.class_names != subject.sampler.class_names:
        raise ConfigError(
            f"{subject.path}: makes the classes {', '.join(subject.sampler.class_names)}, and the data has "
            f"{', '.join(store.class_names)}; expected the same."
        )
    if len(store) < 2:
        raise DataError(
            f"{name}: has {len(store)} {split} images; expected at least 2 to score against. Choose another --split, "
            "or other images with --data."
        )


def _classifier(
    extractor: Extractor, data_name: str, class_names: tuple[str, ...], device: torch.device
) -> tuple[ImageClassifier | None, str | None]:
    """Who judges classes: the extractor where it knows them, else what is shipped for the data."""
    judges = [extractor] if isinstance(extractor, ClassifierExtractor) else []
    if data_name in shipped():
        judges.append(ClassifierExtractor(data_name, device))
    for judge in judges:
        if set(class_names) <= set(judge.classifier.class_names):
            return judge.classifier, judge.name
    return None, None


def _is_unseen(extractor: Extractor, whole: Dataset, split: str) -> bool | None:
    """Whether the extractor was trained on other images than the reference; None where that is not known."""
    if not isinstance(extractor, ClassifierExtractor):
        return True
    if extractor.classifier.info.provenance.get("data_fingerprint") == whole.train.fingerprint:
        return split == "test"
    return None


def _training_images(dataset: Dataset, split: str, subject: Subject) -> tuple[ImageStore | None, str]:
    """What the generator was trained on, if it is at hand and apart from the reference; else why not."""
    if split == "train":
        return None, "they are the reference; --split test has others"
    expected = subject.sampler.info.provenance["data_fingerprint"]
    if dataset.train.fingerprint != expected:
        return (
            None,
            f"this data's (fingerprint {dataset.train.fingerprint[:8]}) are not those trained on ({expected[:8]})",
        )
    return dataset.train, ""
