"""Preparation of an evaluation: its options, generators, networks and images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from acgan import runtime
from acgan.api.cas import check_fit_for_cas
from acgan.api.evaluate_options import CAS, EvaluateOptions
from acgan.api.judging import classifier_command
from acgan.api.real_images import (
    RealImages,
    counts_of_samples,
    real_images_beside_samples,
    real_images_of_generator,
)
from acgan.api.subjects import Subject, find_subjects
from acgan.data import ClassSets, regroup
from acgan.errors import ConfigError, DataError
from acgan.evaluation import MAX_TRAINING, METRICS, class_counts
from acgan.extracting import (
    ClassifierExtractor,
    Extractor,
    InceptionExtractor,
    NetworkExtractor,
    choose_extractor,
    shipped_for,
)
from acgan.metrics.catalogue import CATALOGUE, Need
from acgan.types import Dataset, ImageStore


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
    def nearest_k(self) -> int:
        """The neighbour that the balls of ``prdc`` reach to: as asked for, else as the first generator's run has it."""
        asked = self.options.nearest_k
        return self.subjects[0].config.evaluate.nearest_k if asked is None else asked

    @property
    def scored(self) -> list[int]:
        """The generator's labels of the classes that are scored."""
        return [self.classes.known.index(name) for name in self.classes.scored]

    @property
    def unlike(self) -> list[str]:
        """Words on the images that the classifier that makes the features was not made for."""
        if not isinstance(self.extractor, ClassifierExtractor):
            return []
        return self.extractor.unlike(self.classes.scored, self.store.channels, self.store.resolution)

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
    subjects = find_subjects(
        runs, options.which, device, beside_real=options.data is not None, on_error=options.on_error
    )
    if subjects[0].is_given:
        subjects, real = real_images_beside_samples(subjects, options, say, warn)
    else:
        real = real_images_of_generator(subjects[0], options, say, warn)
    first, dataset = subjects[0], real.dataset
    class_names = first.samples.class_names
    _check_part(real.reference, dataset.name, options.split)
    # From here on labels are the generator's; a class may be without images.
    store = regroup(real.reference, {name: [name] for name in class_names})
    reference_counts = class_counts(store)
    classes = real.classes.narrowed(reference_counts)
    for remark in classes.remarks(first.whose, f"{options.split} "):
        say(remark)
    extractor = None
    if set(options.metrics) != {CAS}:
        extractor = choose_extractor(
            options.extractor, data_name=dataset.name, class_names=classes.scored,
            weights=options.weights, otherwise=first.config.evaluate.extractor,
            resize=options.resize, device=device, warn=warn,
        )  # fmt: skip
    elif options.extractor is not None:
        raise ConfigError(
            f"--extractor {options.extractor}: cas trains classifiers of its own. Leave it out, or measure more with "
            "--metrics."
        )
    if CAS in options.metrics:
        _check_cas(subjects, dataset)
    metrics, classifier, training = _measurable(options, dataset, classes, extractor, first, device, say)
    setting = EvaluationSetup(
        options, subjects, dataset, extractor, classifier,
        _is_unseen(extractor, real), store, training,
        counts_of_samples(subjects, options, reference_counts, say, warn), classes, metrics,
    )  # fmt: skip
    if isinstance(extractor, (InceptionExtractor, NetworkExtractor)) and device.type == "cpu":
        copies = f", {len(training):,} of them only to find copies (--metrics)" if training else ""
        looks = f"looks at {setting.num_looked_at:,} images{copies}"
        if isinstance(extractor, InceptionExtractor):
            say(f"Inception {looks}: a CPU needs most of a second for each")
        else:
            say(f"{extractor.name} {looks}, which may take long on a CPU")
    return setting


def _measurable(
    options: EvaluateOptions,
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
                f"data; `{classifier_command(subject.config, options.data)}` makes one for --extractor"
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
    check_fit_for_cas(subjects[0].samples, dataset)


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


def _is_unseen(extractor: Extractor | None, real: RealImages) -> bool | None:
    """True if the extractor was trained on other images than the reference; None if unknown."""
    if not isinstance(extractor, ClassifierExtractor):
        return None  # Inception and others were trained on ImageNet and more, which the reference may be of
    origin = extractor.classifier.info.provenance
    # The source's fingerprint counts if the classifier was trained on a part of it.
    if real.whole.train.fingerprint in (origin.get("data_fingerprint"), origin.get("source_fingerprint")):
        return real.reference.fingerprint == real.whole.test.fingerprint
    return None


def _training_images(dataset: Dataset, split: str, subject: Subject) -> tuple[ImageStore | None, str]:
    """Training images if they are at hand and apart from the reference; else None and the reason."""
    if split != "test":
        return None, "they are the reference; --split test has others"
    expected = subject.data_fingerprint
    if expected is not None and dataset.train.fingerprint != expected:
        return (
            None,
            f"this data's (fingerprint {dataset.train.fingerprint[:8]}) are not those trained on ({expected[:8]})",
        )
    return dataset.train, ""
