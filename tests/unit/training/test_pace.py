"""The pace of a training: its time in the loop, and its speed without what is done aside."""

import pytest

from acgan.training import pace
from acgan.training.pace import Pace


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def test_speed_leaves_out_what_is_done_aside_and_the_time_does_not(clock: Clock) -> None:
    watch = Pace(nimg=1_000, trained_sec=7.0)
    clock.now += 50
    watch.start()
    clock.now += 2
    with watch.aside():
        clock.now += 30
    assert watch.measure(1_100) == pytest.approx(50)
    assert watch.trained_sec == pytest.approx(7 + 32)
    watch.tick(1_100)
    clock.now += 4
    assert watch.measure(1_300) == pytest.approx(50)
    watch.tick(1_300)
    assert watch.images_per_sec == pytest.approx(50)


def test_at_the_end_the_speed_is_that_of_all_images_and_the_time_stays(clock: Clock) -> None:
    watch = Pace(nimg=1_000, trained_sec=7.0)
    watch.start()
    clock.now += 4
    with watch.aside():
        clock.now += 6
    watch.stop(1_200)
    clock.now += 1_000
    assert watch.trained_sec == pytest.approx(17)
    assert watch.images_per_sec == pytest.approx(20)


def test_no_time_is_no_division_by_zero(clock: Clock) -> None:
    assert Pace(nimg=0, trained_sec=0.0).measure(8) > 0
