"""Intervals of shares: published examples, and what holds at the ends."""

from __future__ import annotations

import pytest

from acgan.metrics.intervals import half_interval_of_difference, share_difference, share_interval


def test_wilson_and_newcombe_are_those_of_the_paper() -> None:
    """Newcombe 1998, table II of the paper on differences, example a: 56/70 against 48/80."""
    assert share_difference(56 / 70, 70, 48 / 80, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert share_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert share_interval(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    assert share_interval(1, 29) == pytest.approx((0.8830, 1), abs=1e-4)


def test_no_difference_is_inside_and_more_tries_make_it_wider() -> None:
    low, high = share_difference(0.9, 50, 0.9, 50)
    assert low < 0 < high
    wider = share_difference(0.9, 50, 0.9, 50, tries=10)
    assert wider[0] < low < high < wider[1]


def test_the_difference_of_two_means_of_halvings_has_welchs_degrees_of_freedom() -> None:
    """Tables of Student's t: 4.303 of 2, 2.776 of 4."""
    assert half_interval_of_difference(0.1, 0.0) == pytest.approx(0.4303, abs=1e-4)
    assert half_interval_of_difference(0.3, 0.3) == pytest.approx(2.776 * 0.3 * 2**0.5, abs=1e-3)
    assert half_interval_of_difference(0.0, 0.0) == 0.0
