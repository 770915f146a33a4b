"""Which score is the best so far, and when a training no longer improves."""

import math

import pytest

from acgan.training.best import Best, BestSoFar
from acgan.types import Score


def _taken(*values: float, every: int = 100, name: str = "fcd") -> BestSoFar:
    scores = BestSoFar()
    for number, value in enumerate(values, start=1):
        scores.take(Score(name, value), number * every)
    return scores


@pytest.mark.parametrize(
    ("values", "best", "waited"),
    [
        ((3.0,), Best("fcd", 3.0, 100), 0),
        ((3.0, 2.0, 2.5), Best("fcd", 2.0, 200), 100),
        ((2.0, 2.0, 2.0), Best("fcd", 2.0, 100), 200),  # an equal one is no better
        ((2.0, math.nan), Best("fcd", 2.0, 100), 100),
        ((2.0, -math.inf, 1.0), Best("fcd", 1.0, 300), 0),
        ((math.nan, 5.0, math.inf), Best("fcd", 5.0, 200), 100),
        ((math.nan, math.inf), None, 0),
        ((), None, 0),
    ],
)
def test_the_lowest_finite_one_is_the_best(values: tuple[float, ...], best: Best | None, waited: int) -> None:
    scores = _taken(*values)
    assert scores.best == best
    assert scores.waited_nimg == waited


def test_taking_tells_whether_it_is_the_best() -> None:
    scores = BestSoFar()
    values = (4.0, 5.0, math.nan, 3.0, 3.0)
    assert [scores.take(Score("fcd", value), nimg) for nimg, value in enumerate(values)] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_a_score_of_another_name_is_not_compared() -> None:
    scores = _taken(1.0, 2.0, 2.0, 2.0)
    assert scores.take(Score("fid", 300.0), 500)
    assert scores.best == Best("fid", 300.0, 500)
    assert scores.waited_nimg == 0
    assert scores.remark() is None


def test_standing_still_is_told_once_until_it_is_better() -> None:
    scores, told = BestSoFar(), []
    for nimg, value in enumerate([5.0, 6.0, 6.0, 6.0, 6.0, 4.0, 6.0, 6.0, 6.0, 6.0], start=1):
        scores.take(Score("fcd", value), nimg * 1000)
        told.append(scores.remark())
    assert [number for number, remark in enumerate(told, start=1) if remark] == [4, 9]
    assert told[3] == "no longer improves: the best was fcd 5 at 1,000 images, 3,000 images ago"


def test_three_scores_are_not_enough_late_in_a_training() -> None:
    scores = _taken(*[9.0] * 0, *range(30, 10, -1), 12.0, 12.0, 12.0)  # the best at 20 of 23
    assert scores.remark() is None, "3 of 23 is less than a fifth"
    for nimg in (2400, 2500):
        scores.take(Score("fcd", 12.0), nimg)
        assert (scores.remark() is not None) == (nimg == 2500)  # 5 of 25


def test_nothing_is_told_where_nothing_was_finite() -> None:
    assert _taken(*[math.nan] * 9).remark() is None


@pytest.mark.parametrize("stop", range(10))
def test_a_saved_state_goes_on_as_if_nothing_had_happened(stop: int) -> None:
    values = (5.0, 6.0, math.nan, 6.0, 6.0, 4.0, 6.0, 6.0, 6.0, 6.0)

    def play(scores: BestSoFar, start: int, end: int) -> list[object]:
        return [
            (scores.take(Score("fcd", values[n]), n * 10), scores.remark(), scores.waited_nimg, scores.best)
            for n in range(start, end)
        ]

    whole = play(BestSoFar(), 0, len(values))
    first, second = BestSoFar(), BestSoFar()
    seen = play(first, 0, stop)
    second.load_state_dict(first.state_dict())
    assert seen + play(second, stop, len(values)) == whole
