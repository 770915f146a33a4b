"""The Inception score against its definition, closed forms and torch-fidelity's numbers."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_fidelity.metric_isc import isc_features_to_metric

from acgan.metrics.inception_score import InceptionScore


def _logits(seed: int, count: int, num_classes: int, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(count, num_classes, generator=torch.Generator().manual_seed(seed))


def _score(logits: Tensor, split: Tensor, splits: int) -> tuple[float, float]:
    score = InceptionScore(logits.shape[1], splits)
    score.update(logits, split)
    return score.compute()


def _one_split(logits: Tensor) -> float:
    return _score(logits, torch.zeros(len(logits), dtype=torch.int64), 1)[0]


def _by_definition(logits: Tensor) -> float:
    """Salimans et al. 2016, section 4: exp(E KL(p(y|x) || p(y)))."""
    probabilities = logits.double().softmax(dim=1).numpy()
    marginal = probabilities.mean(axis=0)
    return float(np.exp(np.mean(np.sum(probabilities * np.log(probabilities / marginal), axis=1))))


@pytest.mark.parametrize(
    ("count", "num_classes", "splits"), [(50, 10, 10), (103, 7, 10), (64, 1008, 3), (9, 2, 1)]
)
def test_the_score_is_that_of_torch_fidelity(count: int, num_classes: int, splits: int) -> None:
    logits = _logits(0, count, num_classes)
    bounds = [split * count // splits for split in range(1, splits)]
    split = torch.bucketize(torch.arange(count), torch.tensor(bounds, dtype=torch.int64), right=True)
    expected = isc_features_to_metric(logits, splits=splits, shuffle=False)
    assert _score(logits, split, splits) == pytest.approx(tuple(expected.values()), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("num_classes", [2, 10, 1000])
def test_the_score_of_one_split_is_that_of_the_definition(num_classes: int) -> None:
    logits = _logits(1, 200, num_classes)
    assert _one_split(logits) == pytest.approx(_by_definition(logits), rel=1e-12)


def test_the_bounds_are_1_and_the_number_of_classes() -> None:
    certain = 1e4 * torch.eye(10).repeat(3, 1)  # probabilities of exactly 0 and 1
    assert _one_split(certain) == pytest.approx(10, rel=1e-14)
    assert _one_split(certain[:3]) == pytest.approx(3, rel=1e-14)
    assert _one_split(torch.zeros(30, 10)) == pytest.approx(1, rel=1e-14)
    assert _one_split(_logits(2, 1, 10).repeat(30, 1)) == pytest.approx(1, rel=1e-14)
    impossible = torch.full((4, 3), -torch.inf).index_fill_(1, torch.tensor([0, 1]), 0.0)
    assert _one_split(impossible) == pytest.approx(1, rel=1e-14)


def test_two_classes_by_hand() -> None:
    """Probabilities (3/4, 1/4) and (1/4, 3/4): the divergence of each from (1/2, 1/2)."""
    logits = torch.tensor([[math.log(3), 0.0], [0.0, math.log(3)]], dtype=torch.float64)
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert _one_split(logits) == pytest.approx(math.exp(divergence), rel=1e-14)


def test_mean_and_deviation_are_over_the_splits() -> None:
    """Split 0 has both classes (score 2), split 2 one of them (score 1); split 1 has no images and is left out."""
    logits = 1e4 * torch.eye(2)[[0, 1, 1, 1]]
    assert _score(logits, torch.tensor([0, 2, 0, 2]), 3) == pytest.approx((1.5, 0.5), rel=1e-14)


def test_batches_do_not_show() -> None:
    logits, split = _logits(3, 101, 12), torch.arange(101) % 4
    score = InceptionScore(12, splits=4)
    for batch in torch.arange(101).split(8):
        score.update(logits[batch], split[batch])
    score.update(logits[:0], split[:0])
    assert score.compute() == pytest.approx(_score(logits, split, 4), rel=1e-13)
    assert score.compute() == score.compute()


def test_what_is_kept_does_not_grow_with_the_number_of_images() -> None:
    score = InceptionScore(6, splits=5)

    def kept() -> int:
        return sum(value.untyped_storage().nbytes() for value in vars(score).values())

    before = kept()
    score.update(_logits(4, 1000, 6), torch.arange(1000) % 5)
    assert kept() == before < 500


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_types_are_computed_with_in_float64(dtype: torch.dtype) -> None:
    logits, split = _logits(5, 60, 9).to(dtype), torch.arange(60) % 3
    assert _score(logits, split, 3) == _score(logits.double(), split, 3)


def test_parts_merge_to_what_the_whole_gives() -> None:
    logits, split = _logits(6, 90, 7), torch.arange(90) % 4
    first, second = InceptionScore(7, splits=4), InceptionScore(7, splits=4)
    first.update(logits[:50], split[:50])
    second.update(logits[50:], split[50:])
    first.merge(second)
    assert first.compute() == pytest.approx(_score(logits, split, 4), rel=1e-13)


def test_what_does_not_fit_together() -> None:
    score, split = InceptionScore(4, splits=3), torch.tensor([0, 2])
    with pytest.raises(ValueError, match="at least one image"):
        score.compute()
    for logits in (torch.zeros(2, 5), torch.zeros(3, 4), torch.zeros(2)):
        with pytest.raises(ValueError, match=r"expected \(n, 4\) and \(n,\)"):
            score.update(logits, split)
    for wrong in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match=r"splits in \[0, 3\)"):
            score.update(torch.zeros(2, 4), torch.tensor(wrong))
    with pytest.raises(ValueError, match="at least one image"):
        score.compute()  # nothing was added
