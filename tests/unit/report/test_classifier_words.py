"""The verdict on a classifier weighs all that was measured: good is said only where nothing stands against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from acgan.evaluation import ClassifierScores
from acgan.metrics.classification import classification_scores
from acgan.report.classifier_words import judge_classifier
from acgan.report.gather import KnownRun


def _scores(confusion: Sequence[Sequence[int]]) -> ClassifierScores:
    """Scores of a classifier with these counts; rows are true classes."""
    counts = np.array(confusion)
    labels, seen = (torch.from_numpy(one) for one in np.nonzero(counts))
    repeats = torch.from_numpy(counts[np.nonzero(counts)])
    labels, seen = labels.repeat_interleave(repeats), seen.repeat_interleave(repeats)
    main = classification_scores(torch.eye(len(counts), dtype=torch.float64)[seen] * 50, labels)
    right = (labels == seen).numpy()
    names = tuple("abcdefgh"[: len(counts)])
    return ClassifierScores(main, {"main": 1.0}, right, seen.numpy(), np.ones(len(labels)), {}, names)


def _run(nimg: int = 640, total: int = 640) -> KnownRun:
    config: dict[str, Any] = {"task": "classify", "train": {}}
    return KnownRun(Path("runs/my judge"), config, ({"nimg": nimg},), {}, None, length=total)


def test_good_in_all() -> None:
    judged = judge_classifier(_run(), _scores([[95, 5], [5, 95]]))
    assert (judged.state, judged.sentence[:5]) == ("good", "Good.")


@pytest.mark.parametrize(
    ("confusion", "start", "state"),
    [
        ([[100, 0], [50, 0]], "Poor.", "bad"),
        ([[80, 20], [25, 75]], "Weak. It is right about 77.5%", "fair"),
        ([[9, 1], [0, 10]], "Usable. It is right about 95.0%", "fair"),  # by 20 images
        ([[99, 1, 0], [1, 99, 0], [3, 3, 0]], "Usable. It is right about 96.1%", "fair"),
    ],
)
def test_what_stands_against_it(confusion: list[list[int]], start: str, state: str) -> None:
    judged = judge_classifier(_run(), _scores(confusion))
    assert judged.sentence.startswith(start)
    assert judged.state == state


def test_weakest_classes_are_named() -> None:
    judged = judge_classifier(_run(), _scores([[99, 1, 0, 0], [1, 99, 0, 0], [3, 3, 0, 0], [0, 0, 0, 0]]))
    assert judged.sentence.endswith("but hardly recognises 1 of 3 classes.")
    worst = next(one for one in judged.answers if one.question.startswith("Which class"))
    assert (worst.short, worst.state) == ("c", "bad")
    assert "Hardly recognised, less than half: c (0% of 6)." in worst.text
    assert judged.basis.endswith("Not judged, without test images: d.")


def test_a_training_that_was_stopped_goes_on_first() -> None:
    judged = judge_classifier(_run(64), _scores([[95, 5], [5, 95]]))
    assert judged.state == "fair"
    assert judged.sentence.endswith("but was not trained to its end.")
    assert judged.advice[0].command == "acgan classify train 'runs/my judge'"
    assert "64 of 640" in judged.advice[0].text
    assert judge_classifier(_run(64), None).advice[0].command == "acgan classify train 'runs/my judge'"


def test_the_rule_of_evaluations_says_whether_it_can_judge() -> None:
    short = {}
    for errors in (5, 14, 30):
        judged = judge_classifier(_run(), _scores([[100 - errors, errors], [errors, 100 - errors]]))
        short[errors] = next(one.short for one in judged.answers if one.question.startswith("Can it judge"))
    assert short == {5: "Yes", 14: "Not certain", 30: "Hardly"}
