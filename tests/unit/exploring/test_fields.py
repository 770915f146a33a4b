"""Fields of the page of ``acgan explore``, with anything that a person may type."""

from __future__ import annotations

import pytest

from acgan.errors import UserError
from acgan.exploring.fields import MOST_SEED, mixed_shares, whole_number


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 0), (0, 0), (-0.0, 0), (7.0, 7), (MOST_SEED, MOST_SEED)]
)
def test_whole_numbers_and_nothing(value: float | None, expected: int) -> None:
    assert whole_number("Seed", value, MOST_SEED) == expected


@pytest.mark.parametrize(
    ("value", "told"),
    [(-3, "-3"), (1.5, "1.5"), (1e300, "1e.300"), (float("inf"), "inf"), (float("nan"), "nan")],
)
def test_other_numbers(value: float, told: str) -> None:
    with pytest.raises(UserError, match=rf"Seed: found {told}; expected a whole number from 0 to 63\."):
        whole_number("Seed", value, 63)


def test_shares() -> None:
    assert mixed_shares([4, 2, 1, None], [0.5, 1, 0, 1]) == {4: 0.5, 2: 1}
    assert mixed_shares([4, 4], [0.5, 0.25]) == {4: 0.75}
    for labels, shares in (([4, 2], [0, 0]), ([None], [1]), ([], [])):
        with pytest.raises(UserError, match="expected one above 0"):
            mixed_shares(labels, shares)
