"""One pass over samples and one over real images: every metric, overall and per class, with the floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from acgan.evaluation.bank import Bank, View, make_plan
from acgan.evaluation.judge import Judge, TrainingImages, look_at_training, shuffled, stored
from acgan.evaluation.measures import Context, Found, measure_all
from acgan.sampling import ClassSampler
from acgan.types import ImageStore

#: Every division of the groups into two halves.
_HALVINGS = (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2)))
#: Subsets of the kernel distance for each halving.
_FLOOR_SUBSETS = 20


@dataclass(frozen=True)
class Reference:
    """Real images and all that is remembered of them.

    Attributes:
        store: The images.
        rows: For each class, rows of the store in the order in which they were seen.
        bank: Statistics and features of the images.
        training: The training images; None if copies of them are not looked for.
        floor: Scores of real images against real ones, one for each halving.
    """

    store: ImageStore
    rows: tuple[np.ndarray, ...]
    bank: Bank
    training: TrainingImages | None
    floor: tuple[Found, ...]

    @property
    def counts(self) -> list[int]:
        """Images by class."""
        return class_counts(self.store)


@dataclass(frozen=True)
class Pass:
    """Samples of one generator and one seed.

    Attributes:
        bank: Statistics and features of the samples; None if they were dropped.
        found: Scores of the samples against the reference.
        at_floor_count: Scores of as many samples as the floor has images, one for each halving.
        confusion: (K, K) counts of the samples, see ``View.confusion``.
    """

    bank: Bank | None
    found: Found
    at_floor_count: tuple[Found, ...]
    confusion: np.ndarray | None


def class_counts(store: ImageStore) -> list[int]:
    """Images by class."""
    counts: list[int] = np.bincount(store.labels, minlength=store.num_classes).tolist()
    return counts


def share_out(num: int, reference: Sequence[int], prior: str) -> list[int]:
    """Divide a number of samples among the classes.

    Args:
        num: Total number of samples.
        reference: Real images by class.
        prior: ``reference``, in proportion to the real images, or ``uniform`` over classes.
    """
    weights = np.asarray(reference if prior == "reference" else [1] * len(reference), dtype=np.float64)
    exact = num * weights / weights.sum()
    counts = np.floor(exact).astype(np.int64)
    # What rounding down left over goes to the largest remainders, the first of equal ones.
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: num - int(counts.sum())]] += 1
    shares: list[int] = counts.tolist()
    return shares


def look_at_reference(
    judge: Judge,
    context: Context,
    metrics: Sequence[str],
    store: ImageStore,
    training: ImageStore | None,
    samples: Sequence[int],
) -> Reference:
    """See the real images once and measure the floor.

    Args:
        judge: Sees the images.
        context: Other inputs of metrics.
        metrics: Keys of ``METRICS``.
        store: The reference.
        training: The generator's training images, none of them in the reference; None looks for no copies.
        samples: Samples by class that the reference will be compared with.
    """
    counts = class_counts(store)
    plan = make_plan(counts, samples, seed=context.seed)
    rows = shuffled(store, seed=context.seed)
    bank = judge.look(plan, stored(store, rows), judge.classwise(counts, samples))
    looked = None
    if training is not None:
        looked = look_at_training(judge, training, seed=context.seed)
        looked.look_for(bank)
    quick = replace(context, subsets=_FLOOR_SUBSETS)
    floor = tuple(measure_all(a, b, quick, metrics) for a, b in _halves(bank, bank))
    return Reference(store, rows, bank, looked, floor)


def look_at_samples(
    judge: Judge,
    context: Context,
    metrics: Sequence[str],
    sampler: ClassSampler,
    counts: Sequence[int],
    reference: Reference,
    *,
    seed: int,
    truncation: float,
) -> Pass:
    """Draw samples once and score them against the reference.

    Args:
        judge: The one that looked at the reference.
        context: Other inputs of metrics.
        metrics: Keys of ``METRICS``.
        sampler: The generator.
        counts: Samples by class.
        reference: Real images.
        seed: Seed of the samples.
        truncation: Factor on the latents.
    """

    def drawn() -> Iterator[tuple[int, Tensor]]:
        for label, count in enumerate(counts):
            for _, images in sampler.stream(label, count, seed=seed, truncation=truncation):
                yield label, images

    plan = make_plan(counts, reference.counts, seed=context.seed)
    bank = judge.look(plan, drawn(), judge.classwise(counts, reference.counts))
    if reference.training is not None:
        reference.training.look_for(bank)
    quick = replace(context, subsets=_FLOOR_SUBSETS)
    return Pass(
        bank,
        measure_all(bank.view(), reference.bank.view(), context, metrics),
        tuple(measure_all(a, b, quick, metrics) for a, b in _halves(bank, reference.bank)),
        bank.view().confusion(),
    )


def _halves(fake: Bank, real: Bank) -> Iterator[tuple[View, View]]:
    """Half of one side against the other half of the other, so that no image meets itself."""
    for first, second in _HALVINGS:
        yield fake.view(first), real.view(second)
