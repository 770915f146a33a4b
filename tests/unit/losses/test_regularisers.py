"""Consistency and LeCam against their papers' equations, image by image in float64."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from acgan.losses import Consistency, LeCam

N = 5


def _logits(count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    drawn = 2 * torch.randn(count, N, dtype=torch.float64, generator=generator)
    return [row.requires_grad_() for row in drawn]


def _mean_square(a: Tensor, b: Tensor) -> Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for i in range(N):
        total = total + (a[i] - (b[i] if b.ndim else b)) ** 2
    return total / N


def _assert_same(value: Tensor, expected: Tensor, leaves: list[Tensor]) -> None:
    assert_close(value, expected)
    found, wanted = (
        torch.autograd.grad(side, leaves, retain_graph=True, materialize_grads=True)
        for side in (value, expected)
    )
    assert_close(found, wanted)


@pytest.mark.parametrize(("weight_real", "weight_fake"), [(10.0, 0.0), (10.0, 5.0), (0.5, 2.0)])
def test_consistency(weight_real: float, weight_fake: float) -> None:
    # Zhao et al. 2021: lambda_real |D(x) - D(T(x))|^2 and lambda_fake |D(G(z)) - D(T(G(z)))|^2
    real, fake, real_changed, fake_changed = leaves = _logits(4)
    terms = Consistency(weight_real, weight_fake)(real, fake, real_changed, fake_changed)
    assert list(terms) == ["consistency_real", "consistency_fake"]
    _assert_same(terms["consistency_real"], weight_real * _mean_square(real, real_changed), leaves)
    _assert_same(terms["consistency_fake"], weight_fake * _mean_square(fake, fake_changed), leaves)


def test_consistency_knows_no_common_offset_and_is_nothing_without_a_change() -> None:
    real, fake, *changed = _logits(4)
    regulariser = Consistency(1.0, 1.0)
    one = regulariser(real, fake, *changed)
    other = regulariser(real + 7, fake - 3, changed[0] + 7, changed[1] - 3)
    assert_close(one, other)
    assert not any(regulariser(real, fake, real.clone(), fake.clone()).values())


@pytest.mark.parametrize("weight", [0.3, 2.0])
def test_lecam(weight: float) -> None:
    # Tseng et al. 2021, eq. 4: E|D(x) - alpha_F|^2 + E|D(G(z)) - alpha_R|^2
    real, fake = leaves = _logits(2)
    of_real, of_fake = torch.tensor(0.7, dtype=torch.float64), torch.tensor(-0.4, dtype=torch.float64)
    terms = LeCam(weight)(real, fake, of_real, of_fake)
    assert list(terms) == ["lecam"]
    expected = weight * (_mean_square(real, of_fake) + _mean_square(fake, of_real))
    _assert_same(terms["lecam"], expected, leaves)


def test_lecam_draws_each_side_towards_the_other_s_mean() -> None:
    real, fake = (torch.full((2,), value, requires_grad=True) for value in (3.0, -3.0))
    term = LeCam(1.0)(real, fake, torch.tensor(3.0), torch.tensor(-3.0))["lecam"]
    assert term.item() == 72
    of_real, of_fake = torch.autograd.grad(term, (real, fake))
    assert (of_real > 0).all()
    assert (of_fake < 0).all()


@pytest.mark.parametrize("value", [-1e6, 1e6])
def test_large_logits_stay_finite(value: float) -> None:
    leaves = [torch.full((3,), value, requires_grad=True), torch.full((3,), -value, requires_grad=True)]
    terms = {
        **LeCam(1.0)(*leaves, torch.tensor(0.0), torch.tensor(0.0)),
        **Consistency(1.0, 1.0)(*leaves, *leaves[::-1]),
    }
    gradients = torch.autograd.grad(sum(terms.values()), leaves)
    assert all(torch.isfinite(tensor).all() for tensor in (*terms.values(), *gradients))
