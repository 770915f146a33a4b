"""Distances to training images against naive counts, SciPy, closed forms, and images whose copying is known."""

import time

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu
from sklearn.datasets import load_digits
from torch import Tensor

from acgan.metrics.memorisation import Memorisation, memorisation


def _values(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _ties(number: int, seed: int) -> Tensor:
    """Few different distances, many of them equal."""
    return torch.randint(12, (number,), generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 30), (30, 1), (17, 40), (200, 90)])
def test_it_is_what_counting_all_pairs_gives(n: int, m: int) -> None:
    samples, held_out = _ties(n, 0), _ties(m, 1)
    nearer = sum((s < h).item() + 0.5 * (s == h).item() for s in samples for h in held_out) / (n * m)
    copies = (samples.numpy() < np.percentile(held_out.numpy(), 1)).mean()
    found = memorisation(samples, held_out)
    assert found.nearer == pytest.approx(nearer, rel=1e-12)
    assert found.copies == pytest.approx(copies, rel=1e-12)


def test_it_is_mann_whitneys_statistic() -> None:
    samples, held_out = torch.rand(2, 300, generator=torch.Generator().manual_seed(0)).double()
    u = mannwhitneyu(held_out.numpy(), samples.numpy()).statistic
    assert memorisation(samples, held_out).nearer == pytest.approx(u / 300**2, rel=1e-12)


@pytest.mark.parametrize(
    ("samples", "held_out", "nearer", "copies"),
    [
        ((1, 2), (3, 4), 1.0, 1.0),
        ((3, 4), (1, 2), 0.0, 0.0),
        ((1, 4), (2, 3), 0.5, 0.5),
        ((2,), (2,), 0.5, 0.0),
        ((2, 2, 2), (2, 2), 0.5, 0.0),
        ((0, 1), (0, 1), 0.5, 0.5),
        ((0, 0), (0, 5), 0.75, 1.0),
    ],
)
def test_closed_forms(samples: tuple, held_out: tuple, nearer: float, copies: float) -> None:
    assert memorisation(_values(*samples), _values(*held_out)) == Memorisation(nearer, copies)


def test_the_percentile_lies_between_two_distances() -> None:
    held_out = torch.arange(51).double()  # the 1st percentile: 0.5
    assert memorisation(_values(0.49, 0.51), held_out).copies == 0.5
    assert memorisation(_values(0.5), held_out).copies == 0


def test_held_out_images_that_were_trained_on_hide_copies() -> None:
    held_out = torch.cat((torch.zeros(2), torch.linspace(1, 2, 98)))
    found = memorisation(torch.zeros(50), held_out)
    assert found == Memorisation(nearer=0.99, copies=0.0)


def test_the_two_directions_add_up_to_one() -> None:
    a, b = _ties(70, 2), _ties(50, 3)
    assert memorisation(a, b).nearer + memorisation(b, a).nearer == pytest.approx(1, rel=1e-12)


def test_neither_order_nor_scale_matters() -> None:
    a, b = torch.rand(2, 80, generator=torch.Generator().manual_seed(4)).double()
    expected = memorisation(a, b)
    assert memorisation(a.flip(0), b.flip(0)) == expected
    assert memorisation(4 * a, 4 * b) == expected
    assert memorisation(a.float(), b.float()) == expected


def test_smaller_distances_are_nearer() -> None:
    generator = torch.Generator().manual_seed(5)
    a, b = torch.rand(2, 400, generator=generator) + 0.5
    found = [memorisation(a * factor, b) for factor in (1.5, 1.2, 1.0, 0.8, 0.5)]
    assert (np.diff([one.nearer for one in found]) > 0).all()
    assert (np.diff([one.copies for one in found]) >= 0).all()


def _nearest(images: Tensor, training: Tensor) -> Tensor:
    return torch.cdist(images, training).min(dim=1).values


def _digits() -> Tensor:
    """(N, 64) in [0, 1], shuffled."""
    generator = torch.Generator().manual_seed(0)
    images = torch.tensor(load_digits().data) / 16
    return images[torch.randperm(len(images), generator=generator)]


def test_unseen_digits_are_told_from_copies() -> None:
    images = _digits()
    training, held_out, unseen = images[:900], images[900:1350], images[1350:]
    measure = _nearest(held_out, training)
    found = memorisation(_nearest(unseen, training), measure)
    assert found.nearer == pytest.approx(0.5, abs=0.06)
    assert found.copies <= 0.03
    noise = 0.02 * torch.randn(447, 64, generator=torch.Generator().manual_seed(1))
    copied = unseen.clone()
    copied[:223] = (training[:447] + noise)[:223]
    found = memorisation(_nearest(copied, training), measure)
    assert found.nearer == pytest.approx(0.75, abs=0.05)
    assert found.copies == pytest.approx(0.5, abs=0.03)


def test_typical_images_lie_nearer_without_being_copies() -> None:
    # The caveat of the documentation: what lies in the middle is near to much.
    training, held_out, samples = torch.randn(
        3, 500, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    found = memorisation(_nearest(0.5 * samples, training), _nearest(held_out, training))
    assert found.nearer > 0.9


def test_a_million_distances_are_quick() -> None:
    a, b = torch.rand(2, 10**6, generator=torch.Generator().manual_seed(0))
    start = time.process_time()
    found = memorisation(a, b)
    assert time.process_time() - start < 5
    assert found.nearer == pytest.approx(0.5, abs=2e-3)
    assert found.copies == pytest.approx(0.01, abs=1e-3)


def test_what_are_no_distances_is_refused() -> None:
    some = torch.ones(3)
    for samples, held_out in ((some[:0], some), (some, some[:0]), (some[None], some), (some, some[None])):
        with pytest.raises(ValueError, match=r"expected distances \(N,\) and \(M,\)"):
            memorisation(samples, held_out)
    for bad in (torch.nan, torch.inf):
        for samples, held_out in ((torch.tensor([1, bad]), some), (some, torch.tensor([1, bad]))):
            with pytest.raises(ValueError, match="finite"):
                memorisation(samples, held_out)
