"""Configurations of runs that earlier versions wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acgan.config.base import is_plain_number


def with_shares(values: Mapping[str, Any]) -> dict[str, Any]:
    """A run's plain values with all schedules by shares of its length; up to version 0.1 they were by images.

    The values of a schedule stay those of the run. What a schedule would have done after the end is not kept.
    """
    train = values.get("train")
    total_nimg = train.get("total_nimg") if isinstance(train, Mapping) else None
    if not is_plain_number(total_nimg) or total_nimg <= 0:
        return dict(values)
    return {key: _converted(value, total_nimg) for key, value in values.items()}


def _converted(value: Any, total_nimg: float) -> Any:
    if isinstance(value, Mapping):
        return {key: _converted(inner, total_nimg) for key, inner in value.items()}
    if not _by_images(value):
        return value
    return _up_to_the_end([[nimg / total_nimg, number] for nimg, number in value])


def _up_to_the_end(points: list[list[float]]) -> list[list[float]]:
    kept = [point for point in points if point[0] <= 1]
    if not kept:
        return [[0.0, points[0][1]]]
    (before, low), beyond = kept[-1], points[len(kept) :]
    if not beyond or before == 1:
        return kept
    after, high = beyond[0]
    return [*kept, [1.0, low + (1 - before) / (after - before) * (high - low)]]


def _by_images(value: Any) -> bool:
    """True for points, in order, of which one is after the first image; shares are at most 1."""
    if not isinstance(value, list) or not value:
        return False
    if not all(
        isinstance(point, list) and len(point) == 2 and all(map(is_plain_number, point)) for point in value
    ):
        return False
    times = [time for time, _ in value]
    return times[-1] > 1 and times == sorted(set(times))
