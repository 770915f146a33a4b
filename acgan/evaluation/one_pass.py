"""One pass over samples and one over real images: every metric, overall and per class, with the floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from acgan.evaluation.bank import Bank, View, make_plan
from acgan.evaluation.judge import Judge, TrainingImages, look_at_training, shuffled, stored
from acgan.evaluation.measures import Context, Found, measure_all
from acgan.metrics.data_copying import num_cells
from acgan.sampling import Samples
from acgan.types import ImageStore

#: Pairs of groups that are compared: every way to halve the four.
_HALVINGS = (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2)))
#: Subsets of the kernel distance in each halving.
_FLOOR_SUBSETS = 20


@dataclass(frozen=True)
class Reference:
    """Real images, with their memory and their floor.

    Attributes:
        rows: By class, rows of the store in the order of the pass.
        bank: Memory of the images.
        training: Training images, if copies are looked for.
        floor: Scores of real images against real ones, by halving.
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

    @property
    def spread(self) -> float:
        """Sum of the variances of all features: the Fréchet distance of one image for all, the mean, from these."""
        return float(self.bank.view().statistics().covariance.trace())


@dataclass(frozen=True)
class Pass:
    """Samples of one generator and one seed.

    Attributes:
        bank: Memory of the samples; None once released.
        found: Scores of the samples against the reference.
        at_floor_count: The same with as many images on either side as the floor has, by halving.
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
    """Number of samples of each class.

    Args:
        num: Number of all samples.
        reference: Real images by class.
        prior: ``reference``, in proportion to the real images, or ``uniform`` over the classes that have some.
    """
    weights = np.asarray(reference, dtype=np.float64)
    if prior == "uniform":
        weights = (weights > 0).astype(np.float64)
    exact = num * weights / weights.sum()
    counts = np.floor(exact).astype(np.int64)
    # The largest remainders get what rounding down left over; of equal ones the first.
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
    """Look at real images once, and score the floor.

    Args:
        judge: Networks that look at images.
        context: Inputs of metrics besides images.
        metrics: Keys of ``METRICS``.
        store: The reference.
        training: Training images, none of them in the reference; None looks for no copies.
        samples: Number of samples by class.
    """
    counts = class_counts(store)
    plan = make_plan(counts, samples, seed=context.seed)
    rows = shuffled(store, seed=context.seed)
    bank = judge.look(
        plan, stored(store, rows), judge.classwise(counts, samples), keeps_pictures=training is not None
    )
    looked = None
    if training is not None:
        looked = look_at_training(
            judge,
            training,
            seed=context.seed,
            cells=num_cells(len(bank.features)) if "data_copying" in metrics else None,
            own="authenticity" in metrics,
        )
        looked.look_for(bank)
    quick = replace(context, subsets=_FLOOR_SUBSETS)
    floor = tuple(measure_all(a, b, quick, metrics) for a, b in _halves(bank, bank))
    return Reference(store, rows, bank, looked, floor)


def look_at_samples(
    judge: Judge,
    context: Context,
    metrics: Sequence[str],
    samples: Samples,
    counts: Sequence[int],
    reference: Reference,
    *,
    seed: int,
    truncation: float,
) -> Pass:
    """Look at samples once, ``counts`` of each class, and score them against the reference."""
    drawn = samples.stream_classes(dict(enumerate(counts)), seed=seed, truncation=truncation)
    plan = make_plan(counts, reference.counts, seed=context.seed)
    bank = judge.look(
        plan,
        ((label, images) for label, _, images in drawn),
        judge.classwise(counts, reference.counts),
        keeps_pictures=reference.training is not None,
    )
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
    """Halves of one side with the opposite halves of the other, so that no image meets itself."""
    for first, second in _HALVINGS:
        yield fake.view(first), real.view(second)
