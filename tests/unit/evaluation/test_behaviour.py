"""Measures of made images, through the whole pass: perfect, copied, noised, blurred and collapsed samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from eyes import Projection, Replay, scenes_store
from scipy.ndimage import gaussian_filter

from acgan.data import take
from acgan.evaluation import Context, Judge, class_counts, look_at_reference, look_at_samples
from acgan.metrics.catalogue import plain_name
from acgan.types import ImageStore

COUNTS = [150, 150, 150]
METRICS = ["frechet_infinity", "kid", "mind", "prdc", "vendi", "data_copying", "authenticity"]
Scores = dict[str, float]


def _with(store: ImageStore, images: np.ndarray) -> ImageStore:
    return replace(store, images=images.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def scores() -> dict[str, Scores]:
    """Scores of each kind of samples, and of the floor, at the floor's count."""
    real, training, perfect = (scenes_store(COUNTS, seed) for seed in (1, 2, 3))
    # Single pictures of each class, again and again.
    alike = np.stack([perfect.images[perfect.labels == label][0] for label in perfect.labels])
    noise = np.random.default_rng(0).normal(0, 25, perfect.images.shape)
    samples = {
        "perfect": perfect,
        "copied": take(training, np.arange(len(training))),
        "noised": _with(perfect, perfect.images + noise),
        "blurred": _with(perfect, gaussian_filter(perfect.images.astype(float), (0, 0, 3, 3))),
        "collapsed": _with(perfect, alike),
    }
    eyes = Projection(dims=12)
    judge, context = Judge(eyes, None, real.class_names, lambda count: None), Context(eyes, None, 0)
    reference = look_at_reference(judge, context, METRICS, real, training, class_counts(real))
    found = {"floor": reference.floor[0].overall}
    for kind, store in samples.items():
        one = look_at_samples(
            judge, context, METRICS, Replay(store), COUNTS, reference, seed=0, truncation=1.0
        )  # type: ignore[arg-type]
        found[kind] = one.at_floor_count[0].overall
    return {
        kind: {plain_name(name): value for name, value in values.items() if value is not None}
        for kind, values in found.items()
    }


def test_perfect_samples_score_as_real_images(scores: dict[str, Scores]) -> None:
    perfect, floor = scores["perfect"], scores["floor"]
    assert perfect.keys() == floor.keys()
    for name, within in (("clipped_density", 0.15), ("clipped_coverage", 0.15), ("authenticity", 0.12)):
        assert perfect[name] == pytest.approx(floor[name], abs=within), name
        if name != "authenticity":
            assert perfect[name] > 0.8
    assert perfect["vendi"] == pytest.approx(floor["vendi"], rel=0.1)
    assert perfect["mind"] == pytest.approx(floor["mind"], rel=0.5)
    assert abs(perfect["c_t"]) < 2.5
    assert perfect["fcd_infinity_error"] > 0


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("clipped_density", ("noised",)),  # blurred ones are in the middle of all balls
        ("clipped_coverage", ("noised", "collapsed")),
        ("vendi", ("blurred", "collapsed")),
        ("kid_published", ("blurred", "collapsed")),  # with 225 images, noise is within its own
        ("fcd_infinity", ("noised", "blurred", "collapsed")),
        ("mind", ("noised", "blurred", "collapsed")),
        ("authenticity", ("copied",)),
        ("c_t", ("copied",)),
    ],
)
def test_each_measure_sees_what_it_is_for(
    name: str, seen: tuple[str, ...], scores: dict[str, Scores]
) -> None:
    sign = -1 if name in ("kid_published", "fcd_infinity", "mind") else 1
    limit = min(sign * scores[kind][name] for kind in ("floor", "perfect"))
    assert all(sign * scores[kind][name] < limit for kind in seen)


@pytest.mark.parametrize(
    "name", ["clipped_density", "clipped_coverage", "vendi", "kid_published", "fcd_infinity"]
)
def test_none_but_two_see_copies(name: str, scores: dict[str, Scores]) -> None:
    spread = max(abs(scores["floor"][name] - scores["perfect"][name]), 0.15 * abs(scores["floor"][name]))
    assert scores["copied"][name] == pytest.approx(scores["floor"][name], abs=3 * spread)
