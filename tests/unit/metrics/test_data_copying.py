"""C_T against SciPy's U, and of copied, noised, collapsed, blurred and unseen samples."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu
from torch import Tensor

from acgan.metrics.data_copying import Cells, data_copying, num_cells

CENTRES = 12 * torch.eye(4, 6, dtype=torch.float64)
NOISE = torch.randn(400, 6, generator=torch.Generator().manual_seed(9), dtype=torch.float64)


def _images(seed: int, count: int = 400, modes: int = 4) -> Tensor:
    """Images of some modes, in turn."""
    spread = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return CENTRES[torch.arange(count) % modes] + spread


TRAINING, HELD_OUT, UNSEEN = _images(0, 800), _images(1), _images(2)
CELLS = Cells(TRAINING, 4, seed=0)


def _measured(samples: Tensor, held_out: Tensor = HELD_OUT, cells: Cells = CELLS) -> float:
    (of_samples, near), (of_held_out, real) = cells.nearest(samples), cells.nearest(held_out)
    found = data_copying(near, of_samples, real, of_held_out)
    assert found is not None
    return found


def _by_definition(distances: Tensor, cells: Tensor, real: Tensor, real_cells: Tensor) -> float:
    """Meehan et al. 2020, cell by cell, with SciPy's statistic."""
    total, weights = 0.0, 0.0
    for cell in set(cells.tolist()) & set(real_cells.tolist()):
        own, held_out = distances[cells == cell].numpy(), real[real_cells == cell].numpy()
        m, n = len(own), len(held_out)
        if m / len(cells) < 20 / len(cells):
            continue
        u = mannwhitneyu(own, held_out).statistic
        z = (u - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12)
        total += n / len(real_cells) * z
        weights += n / len(real_cells)
    return total / weights


@pytest.mark.parametrize("ties", [False, True])
def test_it_is_that_of_the_definition(ties: bool) -> None:
    draws = np.random.default_rng(0)
    distances, real = (torch.from_numpy(draws.random(count)) for count in (200, 150))
    if ties:
        distances, real = (distances * 8).round(), (real * 8).round()
    # Cells of 20 to 70 samples, one of 19, one without samples and one without held-out images.
    cells = torch.tensor([0] * 70 + [1] * 60 + [2] * 20 + [3] * 19 + [5] * 31)
    real_cells = torch.tensor([0] * 10 + [1] * 60 + [2] * 1 + [3] * 39 + [4] * 40)
    found = data_copying(distances, cells, real, real_cells)
    assert found == pytest.approx(_by_definition(distances, cells, real, real_cells), rel=1e-12)


def test_of_one_cell_it_is_the_z_score() -> None:
    samples, held_out = torch.arange(20.0), torch.arange(20.0, 50.0)
    one = torch.zeros(20, dtype=torch.int64), torch.zeros(30, dtype=torch.int64)
    expected = -300 / math.sqrt(20 * 30 * 51 / 12)
    assert data_copying(samples, one[0], held_out, one[1]) == pytest.approx(expected)
    assert data_copying(held_out, one[1], samples, one[0]) == pytest.approx(-expected)
    assert data_copying(samples[:19], one[0][:19], held_out, one[1]) is None


def test_cells_are_those_of_the_modes_and_distances_stay_within() -> None:
    cells, distances = CELLS.nearest(HELD_OUT)
    assert all(len(set(cells[mode::4].tolist())) == 1 for mode in range(4))
    assert len(cells.unique()) == 4
    expected = torch.cdist(HELD_OUT, TRAINING).amin(dim=1)
    torch.testing.assert_close(distances, expected, rtol=1e-6, atol=1e-6)


def test_every_cell_s_centre_is_the_mean_of_its_training_images() -> None:
    """Lloyd's algorithm has come to its end: images of one cloud, without modes that would be found at once."""
    training = torch.randn(600, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    cells = Cells(training, 3, seed=0)
    found = cells.nearest(training)[0]
    assert found.bincount().min() > 100
    for cell in range(3):
        torch.testing.assert_close(
            cells._centres[cell], training[found == cell].mean(dim=0), rtol=0, atol=1e-6
        )


def test_cells_hang_on_the_seed_alone_and_are_never_empty() -> None:
    again = Cells(TRAINING, 4, seed=0).nearest(HELD_OUT)
    assert all(torch.equal(a, b) for a, b in zip(CELLS.nearest(HELD_OUT), again, strict=True))
    few = Cells(TRAINING[:2].repeat(10, 1), 7, seed=0)
    cells, distances = few.nearest(TRAINING[:2])
    assert cells.max() <= 1
    assert distances.tolist() == [0.0, 0.0]
    assert Cells(TRAINING[:3], 50, seed=0).nearest(HELD_OUT)[0].max() <= 2


def test_a_cell_has_about_a_hundred_held_out_images() -> None:
    assert [num_cells(count) for count in (10, 269, 1000, 10_000)] == [1, 2, 10, 50]


def test_copies_are_far_below_zero_and_unseen_images_about_zero() -> None:
    assert abs(_measured(UNSEEN)) < 1.5  # the mean of four z-scores
    assert _measured(TRAINING[:400]) < -8
    assert _measured(TRAINING[:400] + 0.05 * NOISE) < -8
    assert _measured(torch.cat((TRAINING[:200], UNSEEN[200:]))) < -3


def test_noise_lies_above_zero() -> None:
    assert _measured(UNSEEN + NOISE) > 3


def test_copies_in_one_cell_show_beside_noise_in_another_only_by_cell() -> None:
    """Cells are averaged, as in the paper, and so may make up for each other."""
    samples = UNSEEN.clone()
    samples[0::4] = TRAINING[0::4][:100]
    assert _measured(samples) < -2
    samples[1::4] += 2 * NOISE[1::4]
    assert abs(_measured(samples)) < 2


def test_a_missing_mode_is_no_copying() -> None:
    """Where fewer modes are drawn, distances of other cells do not count; over all cells they would."""
    real = TRAINING.clone()
    real[0::4] = CENTRES[0] + 0.2 * (
        real[0::4] - CENTRES[0]
    )  # a tight mode, whose images are near to each other
    cells = Cells(real, 4, seed=0)
    held_out, only = HELD_OUT.clone(), UNSEEN[0::4]
    held_out[0::4] = CENTRES[0] + 0.2 * (held_out[0::4] - CENTRES[0])
    only = CENTRES[0] + 0.2 * (only - CENTRES[0])
    assert abs(_measured(only, held_out, cells)) < 3
    assert _measured(only, held_out, Cells(real, 1, seed=0)) < -8


def test_typical_samples_are_below_zero_without_being_copies() -> None:
    """A limit: what lies in the middle of a cell is near to many training images; so is one image for all."""
    middles = CENTRES[torch.arange(400) % 4]
    assert _measured(middles + 0.4 * (UNSEEN - middles)) < -5


def test_what_is_refused() -> None:
    some = torch.ones(3)
    with pytest.raises(ValueError, match="expected"):
        data_copying(some, torch.zeros(2, dtype=torch.int64), some, torch.zeros(3, dtype=torch.int64))
