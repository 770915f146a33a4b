"""The classification accuracy score from answers, against numbers worked out by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from acgan.metrics.bootstrap import Difference, paired_bootstrap
from acgan.metrics.cas import CasScores, cas_scores

NAMES = ("cat", "dog", "owl", "yak")
LABELS = np.array([0] * 50 + [1] * 50 + [2])  # one owl, no yak
GAN_LABELS = np.array([0, 0, 1, 1])
SEEDS = 3


def answers(*shares: tuple[float, float]) -> np.ndarray:
    """(S, 101) bool: by seed the shares of cats and dogs that are named rightly; the owl always is."""
    rows = [[*(np.arange(50) < cats * 50), *(np.arange(50) < dogs * 50), True] for cats, dogs in shares]
    return np.array(rows)


RIGHT = {
    "real": answers((0.5, 0.8), (0.5, 0.82), (0.5, 0.78)),
    "synthetic": answers((0.2, 0.8), (0.22, 0.8), (0.18, 0.8)),
    "both": answers((0.9, 0.8), (0.92, 0.82), (0.88, 0.78)),
}
GAN_RIGHT = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0]], dtype=bool)


def score(**right: np.ndarray) -> CasScores:
    return cas_scores(
        {**RIGHT, **right},
        LABELS,
        gan_right=GAN_RIGHT,
        gan_labels=GAN_LABELS,
        class_names=NAMES,
        provenance={"steps": 7},
    )


def test_accuracies_over_seeds_and_by_class() -> None:
    scores = score()
    assert scores.real.values == pytest.approx([66 / 101, 67 / 101, 65 / 101])
    assert scores.real.mean == pytest.approx(66 / 101)
    assert scores.real.std == pytest.approx(1 / 101)
    assert scores.real.per_class == pytest.approx((0.5, 0.8, 1.0, None))
    assert scores.synthetic.per_class == pytest.approx((0.2, 0.8, 1.0, None))
    assert scores.both.per_class == pytest.approx((0.9, 0.8, 1.0, None))
    assert scores.gan_test.values == (0.75, 0.5, 0.5)
    assert scores.gan_test.per_class == pytest.approx((5 / 6, 2 / 6, None, None))


def test_differences_are_to_real_images_alone() -> None:
    scores = score()
    assert scores.gain.value == pytest.approx(20 / 101)
    assert scores.gap.value == pytest.approx(-15 / 101)
    assert scores.gain == paired_bootstrap(RIGHT["real"], RIGHT["both"])
    cats, dogs, owls, yaks = scores.class_gains
    assert cats == paired_bootstrap(RIGHT["real"][:, :50], RIGHT["both"][:, :50])
    assert cats.value == pytest.approx(0.4)
    assert dogs.value == 0
    assert owls is yaks is None


def test_the_verdict_goes_by_the_interval() -> None:
    assert score().verdict == (
        "helps: real and generated images together 85.1 %, real ones alone 65.3 % (+19.8 points, 95 % interval "
        f"{_interval(score().gain)}); generated ones alone 50.5 %, worse than real ones alone (-14.9 points, 95 % "
        f"interval {_interval(score().gap)})"
    )
    swapped = score(both=RIGHT["real"], real=RIGHT["both"])
    assert swapped.verdict.startswith("hurts: ")
    same = score(both=RIGHT["real"], synthetic=RIGHT["real"])
    assert same.verdict.startswith("not distinguishable: ")
    assert "not distinguishable from real ones alone" in same.verdict
    assert "better than real ones alone" in score(synthetic=RIGHT["both"]).verdict


def test_a_gain_that_may_be_chance_is_none() -> None:
    gain = Difference(0.03, -0.01, 0.07)
    assert replace(score(), gain=gain).verdict.startswith("not distinguishable: ")
    assert replace(score(), gain=replace(gain, low=0.01)).verdict.startswith("helps: ")


def test_it_is_told_as_plain_values() -> None:
    scores = score()
    found = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    overall = found["overall"]
    assert list(overall) == ["cas_real", "cas_synthetic", "cas_both", "gan_test", "cas_gain", "cas_gap"]
    assert overall["cas_both"] == {
        "value": scores.both.mean,
        "std": scores.both.std,
        "values": list(scores.both.values),
    }
    assert overall["cas_gap"] == {"value": scores.gap.value, "low": scores.gap.low, "high": scores.gap.high}
    assert list(found["per_class"]) == list(NAMES)
    assert found["per_class"]["cat"] == pytest.approx(
        {
            "cas_real": 0.5,
            "cas_synthetic": 0.2,
            "cas_both": 0.9,
            "gan_test": 5 / 6,
            "cas_gain": 0.4,
            "cas_gain_low": scores.class_gains[0].low,
            "cas_gain_high": scores.class_gains[0].high,
        }
    )
    assert set(found["per_class"]["yak"].values()) == {None}
    assert found["verdict"] == scores.verdict
    assert found["provenance"] == {"steps": 7}


def _interval(difference: Difference) -> str:
    return f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f}"
