"""Verdicts on made images where the truth is known: perfect, collapsed, blurred, noisy, unlike, copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from eyes import Projection, Replay, scenes_store
from scipy.ndimage import gaussian_filter

from acgan.evaluation import (
    Context,
    Judge,
    Reference,
    Scores,
    class_counts,
    look_at_reference,
    look_at_samples,
    mean_per_class,
    summarise_all,
    summarise_halves,
    verdict,
)
from acgan.types import ImageStore

COUNTS = [400, 400]
EYES = Projection(dims=6, num_classes=2)
METRICS = ("frechet", "prdc", "diversity", "memorisation", "copies")


@pytest.fixture(scope="module")
def real() -> ImageStore:
    return scenes_store(COUNTS, 1)


@pytest.fixture(scope="module")
def training() -> ImageStore:
    return scenes_store([500, 500], 2)


@pytest.fixture(scope="module")
def judged(real: ImageStore, training: ImageStore) -> Callable[[np.ndarray], list[str]]:
    """The verdict on samples, (800, 1, 16, 16), those of each class in a row."""
    judge = Judge(EYES, None, real.class_names, lambda count: None)  # type: ignore[arg-type]
    context = Context(EYES, None, 0)  # type: ignore[arg-type]
    reference = look_at_reference(judge, context, METRICS, real, training, COUNTS)

    def of(images: np.ndarray) -> list[str]:
        fake = replace(real, images=images, labels=np.repeat(np.arange(2), COUNTS))
        found = look_at_samples(
            judge,
            context,
            METRICS,
            Replay(fake),
            COUNTS,
            reference,
            seed=0,
            truncation=1.0,  # type: ignore[arg-type]
        )
        return verdict(scores_of(reference, [found]))

    return of


def scores_of(reference: Reference, passes: list[Any]) -> Scores:
    names, halves = reference.store.class_names, [one for each in passes for one in each.at_floor_count]
    counts = class_counts(reference.store)
    provenance = {
        "floor_images": sum(counts) // 2, "samples_by_class": counts, "reference_by_class": counts,
        "reference_spread": reference.spread,
    }  # fmt: skip
    return Scores(
        provenance=provenance,
        overall=summarise_all([one.found.overall for one in passes]),
        floor=summarise_all([one.overall for one in reference.floor]),
        at_floor_count=summarise_halves(passes),
        per_class=mean_per_class([one.found for one in passes], names),
        floor_per_class=mean_per_class(reference.floor, names),
        at_floor_count_per_class=mean_per_class(halves, names),
        confusion=None,
    )


def other(count: int = 800, seed: int = 3) -> np.ndarray:
    """More images of the same distribution, class by class."""
    store = scenes_store([count // 2, count // 2], seed)
    return store.images[np.argsort(store.labels, kind="stable")]


def of_class(lines: list[str], start: str) -> str:
    return " ".join(line for line in lines if line.startswith(start))


def test_of_a_perfect_generator_nothing_bad_is_said(judged: Callable[[np.ndarray], list[str]]) -> None:
    lines = judged(other())
    assert lines[0].startswith(("Verdict: good", "Verdict: usable at least")), lines
    assert not any("worse than real images;" in line or "collapsed" in line for line in lines), lines
    assert of_class(lines, "Copies").startswith("Copies: no more than among held-out images: 0 of 800"), lines


def test_one_image_a_class_is_collapsed(judged: Callable[[np.ndarray], list[str]]) -> None:
    images = np.repeat(other(2), 400, axis=0)
    lines = judged(images)
    assert lines[0].startswith("Verdict: collapsed, by diversity"), lines
    assert lines[1].startswith("Diversity: "), lines


def test_one_class_of_one_image_is_poor_and_named(judged: Callable[[np.ndarray], list[str]]) -> None:
    images = other()
    images[400:] = images[400]
    lines = judged(images)
    assert lines[0].startswith(("Verdict: poor", "Verdict: collapsed")), lines
    assert "collapsed in class b (MS-SSIM 1.00" in of_class(lines, "Diversity"), lines


@pytest.mark.parametrize("what", ["blurred", "noisy", "unlike"])
def test_bad_images_are_poor(what: str, judged: Callable[[np.ndarray], list[str]]) -> None:
    images = other().astype(float)
    if what == "blurred":
        images = 0.4 * gaussian_filter(images, (0, 0, 3, 3)) + 0.6 * images.mean((1, 2, 3), keepdims=True)
    elif what == "noisy":
        images = images + np.random.default_rng(0).normal(0, 120, images.shape)
    else:
        images = 255 - images / 2
    lines = judged(np.clip(images, 0, 255).astype(np.uint8))
    assert lines[0].startswith(("Verdict: poor", "Verdict: collapsed")), lines


@pytest.mark.parametrize("how", ["verbatim", "mirrored", "moved"])
@pytest.mark.parametrize(("share", "said"), [(0.00125, 1), (0.01, 8), (0.5, 400)])
def test_copies_are_found_whatever_their_share(
    share: float, said: int, how: str, judged: Callable[[np.ndarray], list[str]], training: ImageStore
) -> None:
    """One of 800 counts too: none of the held-out images is one."""
    copied = training.images[training.labels == 0][:said]
    copied = (
        copied[..., ::-1] if how == "mirrored" else np.roll(copied, 1, axis=3) if how == "moved" else copied
    )
    images = other()
    images[: len(copied)] = copied
    lines = judged(images)
    line = next(line for line in lines if line.startswith("Copies"))
    assert f"{said} of 800 samples ({share:.2%}) are the same picture" in line, lines
    assert line.endswith("most in class a (%.1f%%): look at memorisation.png." % (said / 4)), lines
    assert lines[0].startswith("Verdict: poor, by" if share == 0.5 else "Verdict: usable, with faults of"), (
        lines
    )
