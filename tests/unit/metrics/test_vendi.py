"""The Vendi score against its definition and closed forms, and of collapsed, blurred, copied and noised samples."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from acgan.metrics.vendi import vendi_score


def _features(seed: int, count: int, dims: int) -> Tensor:
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _by_definition(features: Tensor) -> float:
    """Friedman & Dieng 2023: the dense N x N matrix of cosines, pair by pair."""
    x = features.double().numpy()
    cosines = [[float(a @ b / np.sqrt((a @ a) * (b @ b))) for b in x] for a in x]
    shares = np.linalg.eigvalsh(np.array(cosines) / len(x))
    return math.exp(-sum(share * math.log(share) for share in shares if share > 1e-14))


@pytest.mark.parametrize(("count", "dims"), [(1, 3), (7, 20), (20, 20), (40, 6), (60, 1)])
@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_it_is_that_of_the_definition_on_either_side(count: int, dims: int, shift: float) -> None:
    features = _features(count, count, dims) + shift
    assert vendi_score(features) == pytest.approx(_by_definition(features), rel=1e-10)
    assert vendi_score(features.float()) == pytest.approx(_by_definition(features.float()), rel=1e-10)


def test_it_counts_different_images() -> None:
    assert vendi_score(torch.eye(6)) == pytest.approx(6)
    assert vendi_score(torch.eye(6).repeat(9, 1)) == pytest.approx(6)
    assert vendi_score(torch.ones(30, 4)) == pytest.approx(1)
    # Two groups of 1/4 and 3/4.
    expected = math.exp(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
    assert vendi_score(torch.eye(3)[[0, 1, 1, 1]]) == pytest.approx(expected)


def test_length_does_not_count_and_zeros_are_one_kind_of_image() -> None:
    features = _features(0, 30, 5)
    scaled = features * torch.linspace(0.1, 900, 30)[:, None]
    assert vendi_score(scaled) == pytest.approx(vendi_score(features), rel=1e-10)
    assert vendi_score(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])) == pytest.approx(3)
    assert vendi_score(torch.zeros(8, 3)) == pytest.approx(1)
    assert vendi_score(torch.zeros(2, 3)) == pytest.approx(1)


def test_parts_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    features = _features(1, 90, 8)
    whole = vendi_score(features)
    monkeypatch.setattr("acgan.metrics.vendi._PART", 7)
    assert vendi_score(features) == pytest.approx(whole, rel=1e-12)


def test_it_sees_collapse_and_blur_and_neither_noise_nor_copies() -> None:
    real, others, noise = (2 + _features(seed, 600, 12) for seed in (2, 3, 4))
    whole = vendi_score(real)
    assert vendi_score(others) == pytest.approx(whole, rel=0.05)
    assert vendi_score(real[torch.randperm(600)]) == pytest.approx(whole, rel=1e-9)  # copies
    assert vendi_score(others[:1].repeat(600, 1)) == pytest.approx(1)
    assert vendi_score(others[:3].repeat(200, 1)) < 3.001
    assert vendi_score(2 + 0.5 * (others - 2)) < 0.7 * whole  # blurred: all nearer to the mean
    assert vendi_score(others + noise - 2) > 1.1 * whole  # a limit: noise is diverse


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 image"):
        vendi_score(torch.zeros(0, 3))
    with pytest.raises(ValueError, match="finite"):
        vendi_score(torch.tensor([[1.0, torch.nan]]))
