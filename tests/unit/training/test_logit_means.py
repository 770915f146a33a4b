"""Running means of D's logits against closed forms."""

import io

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from acgan.training.logit_means import LogitMeans

CPU = torch.device("cpu")


def _means(half_life: float = 100.0, dtype: torch.dtype = torch.float64) -> LogitMeans:
    return LogitMeans(half_life_nimg=half_life, device=CPU, dtype=dtype)


def _number(value: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(value, dtype=dtype)


def test_before_the_first_step_they_are_zero() -> None:
    assert (_means().real, _means().fake) == (0, 0)


@pytest.mark.parametrize("batch", [1, 16, 100, 1000])
def test_after_a_half_life_an_old_batch_counts_half(batch: int) -> None:
    means = _means(half_life=float(batch))
    means.update(_number(2.0), _number(-6.0), batch)
    assert_close((means.real, means.fake), (_number(2.0), _number(-6.0)))
    means.update(_number(0.0), _number(0.0), batch)
    assert_close((means.real, means.fake), (_number(2 / 3), _number(-2.0)))


@pytest.mark.parametrize(("batch", "steps"), [(16, 1), (16, 7), (50, 4), (3, 40)])
def test_constant_logits_are_their_own_mean(batch: int, steps: int) -> None:
    means = _means()
    for _ in range(steps):
        means.update(_number(3.0), _number(-1.0), batch)
    assert_close((means.real, means.fake), (_number(3.0), _number(-1.0)))


def test_a_mean_is_the_weighted_mean_of_all_batches() -> None:
    means, logits = _means(half_life=30.0), [1.0, -2.0, 0.5, 4.0, 3.0]
    for x in logits:
        means.update(_number(x), _number(10 * x), 8)
    kept = 0.5 ** (8 / 30)
    weights = [kept ** (len(logits) - 1 - i) for i in range(len(logits))]
    expected = sum(weight * x for weight, x in zip(weights, logits, strict=True)) / sum(weights)
    assert_close((means.real, means.fake), (_number(expected), _number(10 * expected)))


def test_the_batch_size_does_not_matter() -> None:
    small, large = _means(), _means()
    for logit in (2.0, 5.0):
        for _ in range(6):
            small.update(_number(logit), _number(logit / 2), 8)
        large.update(_number(logit), _number(logit / 2), 48)
    assert_close((small.real, small.fake), (large.real, large.fake))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_they_keep_their_precision(dtype: torch.dtype) -> None:
    means = _means(dtype=dtype)
    means.update(_number(1.0, torch.float64), _number(1.0, torch.float64), 16)
    assert means.real.dtype is means.fake.dtype is dtype


def test_resuming_is_going_on() -> None:
    whole, first, second = _means(), _means(), _means()
    for step in range(10):
        whole.update(_number(step / 3), _number(-step / 7), 16)
        if step < 4:
            first.update(_number(step / 3), _number(-step / 7), 16)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    before = second.state_dict()["means"].clone()
    saved = second.state_dict()
    for step in range(4, 10):
        second.update(_number(step / 3), _number(-step / 7), 16)
    assert torch.equal(second.real, whole.real)
    assert torch.equal(second.fake, whole.fake)
    assert torch.equal(saved["means"], before)  # what is saved does not change afterwards


def test_means_without_a_weight_are_taken_for_what_they_are() -> None:
    means = _means(half_life=16.0)
    means.load_state_dict({"means": torch.tensor([0.4, -0.2])})
    assert_close((means.real, means.fake), (_number(0.4), _number(-0.2)), rtol=1e-6, atol=0)
    means.update(_number(1.0), _number(0.0), 16)
    assert_close((means.real, means.fake), (_number(0.7), _number(-0.1)), rtol=1e-6, atol=0)
