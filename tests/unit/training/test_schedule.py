"""The learning rate's rise and fall, and curves through points, against closed forms."""

import math
import typing
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from acgan.assembly.gan import build_schedules
from acgan.config import RunConfig, load, schedules
from acgan.config.base import Points
from acgan.config.classifier import AdamWConfig
from acgan.config.recipes import recipes
from acgan.training.schedule import DECAYS, Curve, WarmupDecay

#: By the share of the fall that is done.
FALLS: dict[str, Callable[[float], float]] = {
    "linear": lambda share: 1 - share,
    "cosine": lambda share: math.cos(math.pi * share / 2) ** 2,
    "none": lambda share: 1.0,
}
RATES = ("generator_lr", "discriminator_lr")
GRID = [step / 1000 for step in range(1001)]


def test_the_configuration_offers_these_decays() -> None:
    assert set(DECAYS) == set(typing.get_args(AdamWConfig.model_fields["decay"].annotation))
    assert set(DECAYS) == FALLS.keys()


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("warmup", [0.0, 0.2, 0.5, 0.999])
def test_values(decay: str, warmup: float) -> None:
    schedule = WarmupDecay(warmup=warmup, decay=decay)
    expected = [(warmup, 1.0), (1.0, FALLS[decay](1.0))]
    expected += [(warmup * share, share) for share in (0.0, 0.25, 0.5) if warmup]
    expected += [(warmup + (1 - warmup) * share, FALLS[decay](share)) for share in (0.25, 0.5, 0.9)]
    for progress, factor in expected:
        assert schedule.factor(progress) == pytest.approx(factor, abs=1e-12), progress


def test_some_numbers() -> None:
    assert WarmupDecay(0.2, "linear").factor(0.6) == pytest.approx(0.5)
    assert WarmupDecay(0.2, "cosine").factor(0.4) == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert WarmupDecay(0.0, "cosine").factor(0.75) == pytest.approx((1 - math.sqrt(0.5)) / 2)
    assert WarmupDecay(0.2, "none").factor(0.1) == pytest.approx(0.5)
    assert WarmupDecay(0.2, "none").factor(1.0) == 1


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("warmup", [0.0, 0.2, 1 / 3, 0.999])
def test_it_rises_then_falls_and_stays_in_bounds(decay: str, warmup: float) -> None:
    schedule = WarmupDecay(warmup, decay)
    rise = [schedule.factor(progress) for progress in GRID if progress < warmup]
    fall = [schedule.factor(progress) for progress in GRID if progress >= warmup]
    assert rise == sorted(rise)
    assert fall == sorted(fall, reverse=True)
    assert all(0 <= factor <= 1 for factor in (*rise, *fall))


@pytest.mark.parametrize("decay", DECAYS)
def test_without_warmup_it_starts_at_its_highest(decay: str) -> None:
    assert WarmupDecay(0.0, decay).factor(0.0) == 1


@pytest.mark.parametrize("warmup", [0.0, 0.2, 1 / 3, 0.999])
@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_it_ends_at_nought(decay: str, warmup: float) -> None:
    assert WarmupDecay(warmup, decay).factor(1.0) == 0


# ---------------------------------------------------------------- curves


@pytest.mark.parametrize("nimg", [0, 1, 10**9])
@pytest.mark.parametrize("value", [0.0, 5e-4, 1])
def test_a_number_is_a_constant_curve(value: float, nimg: int) -> None:
    found = Curve.of(value, 1000).at(nimg)
    assert found == value
    assert type(found) is float


@pytest.mark.parametrize("of", [list, tuple, Points])
def test_a_curve_is_linear_between_its_points_and_constant_outside(of: Callable[..., Any]) -> None:
    curve = Curve.of(of([(0.05, 2.0), (0.1, 6.0), (0.6, 1.0)]), 2000)
    expected = {0: 2, 99: 2, 100: 2, 125: 3, 150: 4, 200: 6, 400: 5, 1199: 1.005, 1200: 1, 10**9: 1}
    assert {nimg: curve.at(nimg) for nimg in expected} == pytest.approx(expected, rel=1e-12)


def test_a_step_is_two_points_next_to_each_other() -> None:
    curve = Curve.of([(0, 1.0), (0.999, 1.0), (1, 0.25)], 1000)
    assert [curve.at(nimg) for nimg in (998, 999, 1000, 1001)] == [1.0, 1.0, 0.25, 0.25]


def test_one_point_is_a_constant() -> None:
    assert [Curve.of([(0.5, 3.0)], 1000).at(nimg) for nimg in (0, 500, 501)] == [3.0, 3.0, 3.0]


def test_curves_may_come_from_nought_and_be_compared() -> None:
    assert Curve.of([(0, 0.0), (1, 1.0)], 10).at(0) == 0
    assert Curve.of(((0, 0.0), (1, 1.0)), 10) == Curve.of(Points([(0, 0.0), (1, 1.0)]), 10)


def _falling(lr: float, nimg: int, total_nimg: int) -> dict[str, list[tuple[int, float]]]:
    """Both learning rates: constant up to an image, then falling."""
    return {name: [(0, lr), (nimg, lr), (total_nimg, 2.5e-5)] for name in RATES}


#: Schedules of recipes as they were while points were in images, up to version 0.1.
IN_IMAGES: dict[str, dict[str, list[tuple[int, float]]]] = {
    "digits": _falling(5e-4, 35_000, 70_000),
    "collapse-digits": _falling(5e-4, 20_000, 40_000),
    "mnist": _falling(5e-4, 215_000, 430_000),
    "cifar10": _falling(1e-3, 150_000, 1_200_000),
    "folder": _falling(5e-4, 60_000, 160_000),
    "cifar10-gpu": {
        **_falling(5e-4, 10_000_000, 20_000_000),
        "ema_half_life_nimg": [(0, 10_000), (1_000_000, 100_000)],
    },
    "folder-gpu": {"ema_half_life_nimg": [(0, 5_000), (500_000, 20_000)]},
}


@pytest.mark.parametrize("recipe", recipes())
def test_recipes_have_the_bits_of_their_points_in_images(recipe: str) -> None:
    config = load(RunConfig, recipes()[recipe])
    found = build_schedules(config)
    for name, points in IN_IMAGES.get(recipe, {}).items():
        assert getattr(found, name).points == tuple(points), name
    assert len(schedules(config)) == len(IN_IMAGES.get(recipe, {})), "no other key has a schedule"


@pytest.mark.parametrize("total_nimg", [8_000, 100, 1])
def test_a_shortened_recipe_is_the_recipe_in_short(total_nimg: int) -> None:
    whole = load(RunConfig, recipes()["digits"])
    short = load(RunConfig, recipes()["digits"], [f"train.total_nimg={total_nimg}"])
    for share in (0, 0.25, 0.5, 0.6, 0.75, 1):
        of_whole = build_schedules(whole).generator_lr.at(round(share * 70_000))
        of_short = build_schedules(short).generator_lr
        times, values = zip(*of_short.points, strict=True)
        assert np.interp(share * total_nimg, times, values) == pytest.approx(of_whole, rel=1e-9)


def test_any_whole_number_of_images_comes_back_from_its_share() -> None:
    rng = np.random.default_rng(0)
    for total_nimg in (3, 7, 70_000, 999_983, 25_000_000):
        for nimg in rng.integers(0, total_nimg + 1, 200).tolist():
            assert Curve.of([(nimg / total_nimg, 1.0)], total_nimg).points == ((nimg, 1.0),)
