"""Metrics of two sets of images, computed from their banks.

The same functions make a score (samples against the reference) and its floor (real images against real images).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from torch import Tensor

from acgan.evaluation.bank import View
from acgan.extracting import Extractor, metric_name
from acgan.metrics.authenticity import authenticity
from acgan.metrics.copies import NEAR, SAME
from acgan.metrics.data_copying import data_copying
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.frechet_infinity import fewest_samples, frechet_infinity
from acgan.metrics.kid import KernelDistance, kernel_distance
from acgan.metrics.memorisation import memorisation
from acgan.metrics.mind import monge_distance
from acgan.metrics.ms_ssim import intra_class_similarity
from acgan.metrics.prdc import prdc
from acgan.metrics.vendi import vendi_score
from acgan.parallel import in_order
from acgan.types import MIN_IMAGES_PER_CLASS

#: The neighbour that a ball reaches to where nothing else is said, as in evaluations from before it could be chosen.
NEAREST_K = 5
PAIRS = 100
#: Images per feature that the Fréchet distance of a class needs.
FRECHET_FACTOR = 2

Value = float | None


@dataclass(frozen=True)
class Found:
    """Values of metrics; None where there are too few images.

    Attributes:
        overall: Value by metric.
        per_class: Values by metric, one a class.
    """

    overall: Mapping[str, Value]
    per_class: Mapping[str, list[Value]]


@dataclass(frozen=True)
class Context:
    """Inputs of metrics besides images.

    Attributes:
        extractor: Network that made the features.
        classifier: Name of the classifier.
        seed: Seed of subsets and pairs.
        subsets: Number of subsets of the kernel distance.
        nearest_k: The neighbour that the balls of ``prdc`` reach to.
    """

    extractor: Extractor
    classifier: str | None
    seed: int
    subsets: int = 100
    nearest_k: int = NEAREST_K

    def name(self, metric: str) -> str:
        """A metric's name with its extractor."""
        return metric_name(metric, self.extractor)


Metric = Callable[[View, View, Context], Found]
_Measured = TypeVar("_Measured")


def _of_classes(view: View, function: Callable[[int], _Measured]) -> list[_Measured]:
    """Values of a function of labels; each core has a class."""
    return list(in_order(function, range(view.num_classes)))


def frechet(fake: View, real: View, context: Context) -> Found:
    """FID, or FCD with another network, overall and of each class with itself (intra-class)."""
    kind = context.extractor.frechet
    dims = fake.bank.dims

    def distance(label: int | None, least: int) -> Value:
        a, b = fake.statistics(label), real.statistics(label)
        if min(a.count, b.count) < least:
            return None
        return frechet_distance(a.mean, a.covariance, b.mean, b.covariance)

    # Overall first: it counts in what the banks keep waiting, which threads cannot do at the same time.
    overall: dict[str, Value] = {context.name(kind): distance(None, 2)}
    # Classes without statistics of their own get None.
    each = _of_classes(fake, lambda label: distance(label, FRECHET_FACTOR * dims))
    known = [value for value in each if value is not None]
    overall[context.name(f"intra_{kind}_mean")] = float(np.mean(known)) if known else None
    overall[context.name(f"intra_{kind}_worst")] = max(known, default=None)
    return Found(overall, {context.name(kind): each})


def extrapolated(fake: View, real: View, context: Context) -> Found:
    """Fréchet distances of infinitely many samples, from those whose features are kept, and their standard errors."""
    kind = f"{context.extractor.frechet}_infinity"

    def distance(label: int | None) -> tuple[Value, Value]:
        features, statistics = fake.features(label), real.statistics(label)
        least = fewest_samples(fake.bank.dims)
        if len(features) < least or statistics.count < (2 if label is None else least):
            return None, None
        found = frechet_infinity(features, statistics.mean, statistics.covariance, seed=context.seed)
        return found.value, found.error

    # Overall first, as in ``frechet``.
    value, error = distance(None)
    each = _of_classes(fake, lambda label: distance(label)[0])
    return Found(
        {context.name(kind): value, context.name(f"{kind}_error"): error}, {context.name(kind): each}
    )


def kid(fake: View, real: View, context: Context) -> Found:
    """Kernel inception distance, which is unbiased and so compares few images too; and as papers have it."""

    def distance(
        label: int | None, least: int, strata: tuple[Tensor, Tensor] | None
    ) -> KernelDistance | None:
        a, b = real.features(label), fake.features(label)
        if min(len(a), len(b)) < least:
            return None
        return kernel_distance(a, b, strata=strata, subsets=context.subsets, seed=context.seed)

    each = _of_classes(fake, lambda label: distance(label, MIN_IMAGES_PER_CLASS, None))
    overall = distance(None, 2, (real.labels(), fake.labels()))
    values: dict[str, Value] = {"kid": None, "kid_published": None}
    if overall is not None:
        values = {"kid": overall.value, "kid_published": overall.published}
        if overall.published_std is not None:  # of few images there is one estimate, and nothing to say
            values["kid_published_std"] = overall.published_std
    # Within a class there are no strata, and both are the same.
    by_class = [None if one is None else one.value for one in each]
    found = {context.name(name): value for name, value in values.items()}
    return Found(found, {context.name("kid"): by_class})


def mind(fake: View, real: View, context: Context) -> Found:
    """Monge inception distance, of the images whose features are kept."""

    def distance(label: int | None, least: int) -> Value:
        a, b = real.features(label), fake.features(label)
        return None if min(len(a), len(b)) < least else monge_distance(a, b, seed=context.seed)

    each = _of_classes(fake, lambda label: distance(label, MIN_IMAGES_PER_CLASS))
    return Found({context.name("mind"): distance(None, 2)}, {context.name("mind"): each})


def inception_score(fake: View, _real: View, context: Context) -> Found:
    """Inception score of the samples, or that of another classifier."""
    score = fake.inception_score()
    value = None if score is None else score.compute()[0]
    return Found({context.name(context.extractor.inception_score): value}, {})


def neighbours(fake: View, real: View, context: Context) -> Found:
    """Precision, recall, density and coverage, plain and clipped."""
    names = ("precision", "recall", "density", "coverage", "clipped_density", "clipped_coverage")
    k = context.nearest_k

    def measured(label: int | None, least: int) -> list[Value]:
        a, b = real.features(label), fake.features(label)
        if min(len(a), len(b)) < least:
            return [None] * len(names)
        found = prdc(a, b, k)
        return [getattr(found, name) for name in names]

    each = _of_classes(fake, lambda label: measured(label, max(MIN_IMAGES_PER_CLASS, k + 1)))
    overall = measured(None, k + 1)
    return Found(
        {context.name(name): value for name, value in zip(names, overall, strict=True)},
        {context.name(name): [row[column] for row in each] for column, name in enumerate(names)},
    )


def accuracy(fake: View, _real: View, context: Context) -> Found:
    """Share of samples in which a classifier (not the discriminator) sees the class asked for."""
    counts, name = fake.confusion(), f"class_accuracy[{context.classifier}]"
    if counts is None:
        return Found({}, {})
    images = [fake.count(label) for label in range(fake.num_classes)]
    each = [counts[c, c] / n if n else None for c, n in enumerate(images)]
    return Found({name: float(counts.trace() / sum(images)) if sum(images) else None}, {name: each})


def diversity(fake: View, real: View, context: Context) -> Found:
    """Mean MS-SSIM of pairs within a class (lower is more diverse), and the share of classes no higher than real."""

    def similarity(view: View, label: int) -> Value:
        images = view.images(label)
        return None if images is None else intra_class_similarity(images, pairs=PAIRS, seed=context.seed)

    samples = _of_classes(fake, partial(similarity, fake))
    originals = _of_classes(fake, partial(similarity, real))
    pairs = [(a, b) for a, b in zip(samples, originals, strict=True) if a is not None and b is not None]
    overall: dict[str, Value] = {
        "ms_ssim": float(np.mean([a for a, _ in pairs])) if pairs else None,
        "diverse_classes": float(np.mean([a <= b for a, b in pairs])) if pairs else None,
    }
    return Found(overall, {"ms_ssim": samples, "ms_ssim_real": originals})


def vendi(fake: View, _real: View, context: Context) -> Found:
    """Number of different samples that the samples are worth, by their features."""

    def measured(label: int | None, least: int) -> Value:
        features = fake.features(label)
        return None if len(features) < least else vendi_score(features)

    each = _of_classes(fake, lambda label: measured(label, MIN_IMAGES_PER_CLASS))
    return Found({context.name("vendi"): measured(None, 2)}, {context.name("vendi"): each})


def copying(fake: View, real: View, context: Context) -> Found:
    """Nearness of samples to training images, compared with that of held-out images."""
    names = ("memorisation_nearer", "memorisation_copies")
    if fake.nearest() is None or real.nearest() is None:
        return Found({}, {})

    def measured(label: int | None, least: int) -> tuple[Value, Value]:
        a, b = fake.nearest(label), real.nearest(label)
        if a is None or b is None or min(len(a), len(b)) < least:
            return None, None
        found = memorisation(a, b)
        return found.nearer, found.copies

    each = _of_classes(fake, lambda label: measured(label, MIN_IMAGES_PER_CLASS))
    overall = measured(None, 1)
    return Found(
        {context.name(name): value for name, value in zip(names, overall, strict=True)},
        {context.name(name): [row[column] for row in each] for column, name in enumerate(names)},
    )


def authentic(fake: View, _real: View, context: Context) -> Found:
    """Share of samples that are no copies of the training images next to them."""

    def measured(label: int | None, least: int) -> Value:
        nearest, own = fake.nearest(label), fake.own(label)
        return None if nearest is None or own is None or len(own) < least else authenticity(nearest, own)

    if fake.own() is None:
        return Found({}, {})
    each = _of_classes(fake, lambda label: measured(label, MIN_IMAGES_PER_CLASS))
    return Found({context.name("authenticity"): measured(None, 1)}, {context.name("authenticity"): each})


def tested_copying(fake: View, real: View, context: Context) -> Found:
    """C_T, the test of data-copying."""

    def measured(label: int | None, least: int) -> Value:
        a, b = fake.in_cells(label), real.in_cells(label)
        if a is None or b is None or min(len(a[0]), len(b[0])) < least:
            return None
        return data_copying(*a, *b)

    if fake.in_cells() is None or real.in_cells() is None:
        return Found({}, {})
    each = _of_classes(fake, lambda label: measured(label, MIN_IMAGES_PER_CLASS))
    return Found({context.name("c_t"): measured(None, 1)}, {context.name("c_t"): each})


def copies(fake: View, real: View, _context: Context) -> Found:
    """Shares of samples, and of held-out images, that are the same picture as a training image, or nearly the same."""
    if fake.copied() is None or real.copied() is None:
        return Found({}, {})
    overall: dict[str, Value] = {}
    per_class: dict[str, list[Value]] = {}

    def share(view: View, label: int | None, least: int, limit: float) -> Value:
        distances = view.copied(label)
        if distances is None or len(distances) < least:
            return None
        return float((distances < limit).double().mean())

    for name, limit in (("copies_same", SAME), ("copies_near", NEAR)):
        overall |= {name: share(fake, None, 1, limit), f"{name}_real": share(real, None, 1, limit)}
        per_class[name] = [share(fake, c, MIN_IMAGES_PER_CLASS, limit) for c in range(fake.num_classes)]
    return Found(overall, per_class)


#: Functions by the keys of ``--metrics``, in the order of the tables.
METRICS: dict[str, Metric] = {
    "frechet": frechet,
    "frechet_infinity": extrapolated,
    "kid": kid,
    "mind": mind,
    "inception_score": inception_score,
    "prdc": neighbours,
    "accuracy": accuracy,
    "diversity": diversity,
    "vendi": vendi,
    "memorisation": copying,
    "data_copying": tested_copying,
    "authenticity": authentic,
    "copies": copies,
}


def measure_all(fake: View, real: View, context: Context, metrics: Sequence[str]) -> Found:
    """Metrics, by keys of ``METRICS``, of samples (for a floor: of real images) against the reference."""
    overall: dict[str, Value] = {}
    per_class: dict[str, list[Value]] = {}
    for name in metrics:
        found = METRICS[name](fake, real, context)
        overall |= found.overall
        per_class |= found.per_class
    return Found(overall, per_class)
