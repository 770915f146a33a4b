"""A classifier's scores against closed forms, scikit-learn and naive loops."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)
from torch import Tensor

from acgan.metrics.classification import (
    CALIBRATION_BINS,
    ClassScores,
    classification_scores,
    expected_calibration_error,
    mcnemar,
)


def _case(seed: int, num_images: int, num_classes: int) -> tuple[Tensor, Tensor]:
    """Logits that are right more often than by chance; the number of images varies by class."""
    generator = torch.Generator().manual_seed(seed)
    shares = torch.rand(num_classes, generator=generator) + 0.05
    labels = torch.multinomial(shares, num_images, replacement=True, generator=generator)
    labels[:num_classes] = torch.arange(num_classes)
    logits = 2 * torch.randn(num_images, num_classes, generator=generator)
    logits[torch.arange(num_images), labels] += 1.5
    return logits, labels


def _logits(predicted: list[int], num_classes: int) -> Tensor:
    return torch.eye(num_classes)[predicted]


CASES = [(0, 200, 2), (1, 500, 6), (2, 900, 10), (3, 400, 37)]


@pytest.mark.parametrize("case", CASES)
def test_class_scores_are_those_of_scikit_learn(case: tuple[int, int, int]) -> None:
    logits, labels = _case(*case)
    scores = classification_scores(logits, labels)
    predicted = logits.argmax(dim=1)
    found = [[s.precision or 0, s.recall or 0, s.f1 or 0, s.images] for s in scores.per_class]
    expected = precision_recall_fscore_support(labels, predicted, labels=range(case[2]), zero_division=0)
    np.testing.assert_allclose(np.array(found).T, np.stack(expected), rtol=1e-12)
    assert scores.macro_f1 == pytest.approx(expected[2].mean(), rel=1e-12)
    assert scores.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted), rel=1e-12)
    assert scores.accuracy == pytest.approx((predicted == labels).double().mean().item(), rel=1e-12)
    assert scores.num_images == case[1]


@pytest.mark.parametrize("case", CASES)
def test_the_confusion_matrix_is_that_of_scikit_learn(case: tuple[int, int, int]) -> None:
    logits, labels = _case(*case)
    scores = classification_scores(logits, labels)
    assert scores.confusion.dtype == np.int64
    expected = confusion_matrix(labels, logits.argmax(dim=1), labels=range(case[2]))
    np.testing.assert_array_equal(scores.confusion, expected)


@pytest.mark.parametrize("case", [case for case in CASES if case[2] > 5])
def test_top5_is_that_of_scikit_learn(case: tuple[int, int, int]) -> None:
    logits, labels = _case(*case)
    expected = top_k_accuracy_score(labels, logits.double(), k=5, labels=range(case[2]))
    assert classification_scores(logits, labels).top5 == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("num_classes", "is_there"), [(2, False), (5, False), (6, True)])
def test_top5_is_there_only_where_it_can_fail(num_classes: int, is_there: bool) -> None:
    top5 = classification_scores(*_case(0, 50, num_classes)).top5
    assert (top5 is not None) == is_there


def test_classes_never_predicted_or_without_images_have_no_value_there() -> None:
    # Class 0 is never predicted, 2 has no images, 3 neither; 1 gets all.
    scores = classification_scores(_logits([1, 1, 2, 1], 4), torch.tensor([0, 1, 1, 1]))
    assert scores.per_class == (
        ClassScores(precision=None, recall=0.0, f1=0.0, images=1),
        ClassScores(precision=2 / 3, recall=2 / 3, f1=2 / 3, images=3),
        ClassScores(precision=0.0, recall=None, f1=0.0, images=0),
        ClassScores(precision=None, recall=None, f1=None, images=0),
    )
    assert scores.balanced_accuracy == pytest.approx((0 + 2 / 3) / 2)
    assert scores.macro_f1 == pytest.approx((0 + 2 / 3) / 2)
    assert scores.accuracy == 0.5
    np.testing.assert_array_equal(scores.confusion, [[0, 1, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def test_equal_logits_go_to_the_first_class() -> None:
    labels = torch.arange(8)
    scores = classification_scores(torch.zeros(8, 8), labels)
    assert scores.confusion[:, 0].tolist() == [1] * 8
    assert scores.accuracy == pytest.approx(1 / 8)
    assert scores.top5 == pytest.approx(5 / 8)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_it_takes_every_floating_point_type(dtype: torch.dtype) -> None:
    logits, labels = _case(4, 300, 7)
    logits = logits.to(dtype)
    found = classification_scores(logits, labels)
    assert found.ece == classification_scores(logits.double(), labels).ece
    assert found.accuracy == (logits.argmax(dim=1) == labels).double().mean().item()


def test_logits_with_gradient_are_scored_too() -> None:
    logits, labels = _case(4, 30, 7)
    assert classification_scores(logits.requires_grad_(), labels).num_images == 30


def _naive_ece(probabilities: Tensor, labels: Tensor) -> float:
    rows = [
        (max(row), row.index(max(row)) == label)
        for row, label in zip(probabilities.double().tolist(), labels.tolist(), strict=True)
    ]
    total = 0.0
    for number in range(CALIBRATION_BINS):
        lower, upper = number / CALIBRATION_BINS, (number + 1) / CALIBRATION_BINS
        inside = [(confidence, right) for confidence, right in rows if lower < confidence <= upper]
        if inside:
            accuracy = sum(right for _, right in inside) / len(inside)
            confidence = math.fsum(confidence for confidence, _ in inside) / len(inside)
            total += len(inside) / len(rows) * abs(accuracy - confidence)
    return total


@pytest.mark.parametrize("case", CASES)
def test_ece_is_that_of_a_naive_loop(case: tuple[int, int, int]) -> None:
    logits, labels = _case(*case)
    probabilities = logits.double().softmax(dim=1)
    expected = _naive_ece(probabilities, labels)
    assert expected > 0.01
    assert expected_calibration_error(probabilities, labels) == pytest.approx(expected, rel=1e-9)
    assert classification_scores(logits, labels).ece == pytest.approx(expected, rel=1e-9)


def test_a_bin_holds_its_upper_edge_and_not_its_lower_one() -> None:
    # 0.6 = 9 / 15 shares a bin with 0.55, where one gap makes up for the other; 0.65 lies in the next.
    def ece(other: float) -> float:
        probabilities = torch.tensor([[0.6, 0.4], [other, 1 - other]], dtype=torch.float64)
        return expected_calibration_error(probabilities, torch.tensor([0, 1]))

    assert ece(0.55) == pytest.approx((0.55 - 0.4) / 2)
    assert ece(0.65) == pytest.approx((0.65 + 0.4) / 2)


def test_perfect_calibration_has_no_error() -> None:
    tops = [0.55, 0.7, 0.8, 0.9, 1.0]
    probabilities = torch.tensor([[top, 1 - top] for top in tops for _ in range(20)], dtype=torch.float64)
    labels = torch.tensor([int(i >= round(20 * top)) for top in tops for i in range(20)])
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("confidence", [0.55, 0.8, 0.99])
@pytest.mark.parametrize("right", [0, 3, 10])
def test_constant_confidence_is_off_by_its_distance_from_the_accuracy(confidence: float, right: int) -> None:
    probabilities = torch.tensor([[confidence, 1 - confidence]] * 10, dtype=torch.float64)
    labels = torch.tensor([0] * right + [1] * (10 - right))
    found = expected_calibration_error(probabilities, labels)
    assert found == pytest.approx(abs(confidence - right / 10), abs=1e-12)


@pytest.mark.parametrize("function", [classification_scores, expected_calibration_error])
@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((3, 2), [0, 1], r"got \(3, 2\) and \(2,\)"),
        ((3,), [0, 1, 0], r"got \(3,\) and \(3,\)"),
        ((1, 3, 2), [0], r"got \(1, 3, 2\)"),
        ((0, 2), [], "at least one image"),
        ((2, 2), [0, 2], r"labels in \[0, 2\), got 0 to 2"),
        ((2, 2), [-1, 0], r"labels in \[0, 2\), got -1 to 0"),
    ],
)
def test_what_does_not_fit_is_refused(
    function: object, shape: tuple[int, ...], labels: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        function(torch.zeros(shape), torch.tensor(labels, dtype=torch.int64))


@pytest.mark.parametrize(
    ("only_a", "only_b", "expected"),
    [
        (0, 5, 2 / 2**5),
        (5, 0, 2 / 2**5),
        (1, 5, 2 * (1 + 6) / 2**6),
        (2, 8, 2 * (1 + 10 + 45) / 2**10),
        (3, 3, 1.0),
        (0, 1, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_counts_binomial_tails(only_a: int, only_b: int, expected: float) -> None:
    # Images on which both agree must not matter.
    for both, neither in ((0, 0), (7, 4)):
        right_a = np.array([True] * only_a + [False] * only_b + [True] * both + [False] * neither)
        right_b = np.array([False] * only_a + [True] * only_b + [True] * both + [False] * neither)
        assert mcnemar(right_a.astype(bool), right_b.astype(bool)) == pytest.approx(expected, rel=1e-12)


def test_mcnemar_refuses_different_images() -> None:
    with pytest.raises(ValueError, match=r"same images, got \(3,\) and \(1,\)"):
        mcnemar(np.ones(3, dtype=bool), np.ones(1, dtype=bool))
