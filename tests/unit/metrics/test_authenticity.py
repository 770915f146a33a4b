"""Authenticity against its definition, and of copied, noised, collapsed and unseen samples."""

import pytest
import torch
from torch import Tensor

from acgan.metrics.authenticity import authenticity
from acgan.metrics.distances import distances_to_others, nearest_neighbours

TRAINING, HELD_OUT, UNSEEN = torch.randn(
    3, 400, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)


def _measured(samples: Tensor, training: Tensor = TRAINING) -> float:
    nearest, rows = nearest_neighbours(samples, training)
    return authenticity(nearest, distances_to_others(training, rows))


def _by_definition(samples: Tensor, training: Tensor) -> float:
    """Alaa et al. 2022: pair by pair."""
    authentic = 0
    for sample in samples:
        to_training = [float((sample - image).norm()) for image in training]
        nearest = min(range(len(training)), key=lambda row: to_training[row])
        own = min(
            float((training[nearest] - training[row]).norm())
            for row in range(len(training))
            if row != nearest
        )
        authentic += to_training[nearest] > own
    return authentic / len(samples)


@pytest.mark.parametrize("scale", [0.3, 1.0, 1.6])
def test_it_is_that_of_the_definition(scale: float) -> None:
    samples, training = scale * UNSEEN[:40], TRAINING[:60]
    assert _measured(samples, training) == pytest.approx(_by_definition(samples, training), abs=1e-12)


def test_ties_and_copies_by_definition() -> None:
    """Whole numbers, so that distances are exact; full of copies and of ties."""
    samples, training = (
        torch.randint(4, (50, 3), generator=torch.Generator().manual_seed(seed)).double() for seed in (1, 2)
    )
    assert _measured(samples, training) == pytest.approx(_by_definition(samples, training), abs=1e-12)


def test_copies_are_not_authentic_and_unseen_images_are_as_held_out_ones() -> None:
    floor = _measured(HELD_OUT)
    assert 0.4 < floor < 0.8
    assert _measured(UNSEEN) == pytest.approx(floor, abs=0.08)
    assert _measured(TRAINING) == 0
    noise = torch.randn(400, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert _measured(TRAINING + 0.05 * noise) < 0.02
    half = torch.cat((TRAINING[:200], UNSEEN[:200]))
    assert _measured(half) == pytest.approx(floor / 2, abs=0.05)


def test_noise_and_collapse_and_typical_samples() -> None:
    """Limits: noise is authentic; one image for all is or is not; typical samples are less so without being copies."""
    assert _measured(3 * UNSEEN) > 0.95
    assert _measured(UNSEEN[:1].repeat(50, 1)) in (0.0, 1.0)
    assert _measured(0.4 * UNSEEN) < _measured(HELD_OUT) - 0.1


def test_training_images_that_are_twice_there() -> None:
    """A copy of one is at no distance, as the twin is, and no further."""
    twice = TRAINING.repeat(2, 1)
    assert _measured(TRAINING, twice) == 0
    assert distances_to_others(twice, torch.arange(800)).tolist() == [0.0] * 800
    assert _measured(UNSEEN, twice) == 1


def test_distances_to_others_leave_the_image_itself_out() -> None:
    rows = torch.tensor([7, 3, 3, 399])
    expected = torch.cdist(TRAINING[rows], TRAINING, compute_mode="donot_use_mm_for_euclid_dist")
    expected[torch.arange(4), rows] = torch.inf
    found = distances_to_others(TRAINING, rows)
    torch.testing.assert_close(found, expected.amin(dim=1), rtol=1e-12, atol=0)
    with pytest.raises(ValueError, match="at least 2 images"):
        distances_to_others(TRAINING[:1], torch.tensor([0]))


def test_what_is_refused() -> None:
    for nearest, own in (
        (torch.ones(0), torch.ones(0)),
        (torch.ones(3), torch.ones(2)),
        (torch.ones(1, 1),) * 2,
    ):
        with pytest.raises(ValueError, match="expected distances"):
            authenticity(nearest, own)
