"""Adversarial losses against their papers' equations, written with exp and log in float64."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from acgan.losses import ADVERSARIAL


def _log_sigmoid(x: Tensor) -> Tensor:
    return torch.log(1 / (1 + torch.exp(-x)))


def _pairs_in_order(real: Tensor, fake: Tensor) -> float:
    return sum(float(r > f) for r, f in zip(real, fake, strict=True)) / len(real)


def _sides_of_zero(real: Tensor, fake: Tensor) -> float:
    return sum(float(r > 0) + float(f < 0) for r, f in zip(real, fake, strict=True)) / (2 * len(real))


def _signs_of_pairs(real: Tensor, fake: Tensor) -> float:
    return sum(float(r > f) - float(r < f) for r, f in zip(real, fake, strict=True)) / len(real)


def _signs_of_real(real: Tensor, fake: Tensor) -> float:
    """ADA's r_t (Karras et al. 2020, eq. 1)."""
    return sum(float(r > 0) - float(r < 0) for r in real) / len(real)


# kind: (what D minimises, what G minimises, accuracy, sign of overfitting), each a function of (real, fake)
REFERENCES = {
    # Goodfellow et al. 2014, eq. 1 and the non-saturating G of section 3
    "bce": (
        lambda r, f: -_log_sigmoid(r).mean() - torch.log(1 - 1 / (1 + torch.exp(-f))).mean(),
        lambda r, f: -_log_sigmoid(f).mean(),
        _sides_of_zero,
        _signs_of_real,
    ),
    # Miyato et al. 2018, eq. 16 and 17
    "hinge": (
        lambda r, f: -torch.where(r < 1, r - 1, 0 * r).mean() - torch.where(f > -1, -1 - f, 0 * f).mean(),
        lambda r, f: -f.mean(),
        _sides_of_zero,
        _signs_of_real,
    ),
    # Gulrajani et al. 2017, eq. 3, its first two terms
    "wgan_gp": (
        lambda r, f: f.mean() - r.mean(),
        lambda r, f: -f.mean(),
        _pairs_in_order,
        _signs_of_pairs,
    ),
    # Huang et al. 2024, eq. 2 with f(t) = -log(1 + exp(-t))
    "relativistic": (
        lambda r, f: torch.log(1 + torch.exp(-(r - f))).mean(),
        lambda r, f: torch.log(1 + torch.exp(-(f - r))).mean(),
        _pairs_in_order,
        _signs_of_pairs,
    ),
}


def _logits(n: int = 7) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    real, fake = 2 * torch.randn(2, n, dtype=torch.float64, generator=generator)
    return real.requires_grad_(), fake.requires_grad_()


def _value_and_gradients(loss: Tensor, *inputs: Tensor) -> list[Tensor]:
    gradients = torch.autograd.grad(loss, inputs, allow_unused=True)
    zeros = (torch.zeros_like(x) for x in inputs)
    return [loss.detach(), *(z if g is None else g for g, z in zip(gradients, zeros, strict=True))]


@pytest.fixture(params=ADVERSARIAL)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param not in REFERENCES:
        pytest.fail(f"no reference for adversarial loss {request.param!r}: add its equations to REFERENCES")
    return str(request.param)


def test_discriminator_equals_the_equation(kind: str) -> None:
    real, fake = _logits()
    ours = ADVERSARIAL[kind]().discriminator(real, fake)
    assert_close(
        _value_and_gradients(ours, real, fake),
        _value_and_gradients(REFERENCES[kind][0](real, fake), real, fake),
    )


def test_generator_equals_the_equation(kind: str) -> None:
    real, fake = _logits()
    ours = ADVERSARIAL[kind]().generator(real.detach(), fake)
    assert_close(
        _value_and_gradients(ours, fake), _value_and_gradients(REFERENCES[kind][1](real, fake), fake)
    )


def test_generator_reads_real_logits_only_where_it_says_so(kind: str) -> None:
    loss = ADVERSARIAL[kind]()
    real, fake = _logits()
    with_real = loss.generator(real.detach(), fake)
    with_other_real = loss.generator(real.detach() + 3, fake)
    if loss.generator_needs_real:
        assert with_real != with_other_real
    else:
        assert with_real == with_other_real == loss.generator(None, fake)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("real_value", [-1e4, 1e4])
@pytest.mark.parametrize("fake_value", [-1e4, 1e4])
def test_extreme_logits_stay_finite(
    kind: str, real_value: float, fake_value: float, dtype: torch.dtype
) -> None:
    loss = ADVERSARIAL[kind]()
    real = torch.full((3,), real_value, dtype=dtype, requires_grad=True)
    fake = torch.full((3,), fake_value, dtype=dtype, requires_grad=True)
    for value in (loss.discriminator(real, fake), loss.generator(real.detach(), fake)):
        assert value.dtype is dtype
        assert all(torch.isfinite(t).all() for t in _value_and_gradients(value, real, fake))


def test_discriminator_gains_where_real_rises_and_fake_falls(kind: str) -> None:
    real = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    fake = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    loss = ADVERSARIAL[kind]()
    _, d_real, d_fake = _value_and_gradients(loss.discriminator(real, fake), real, fake)
    _, g_fake = _value_and_gradients(loss.generator(real.detach(), fake), fake)
    assert (d_real < 0).all()
    assert (d_fake > 0).all()
    assert (g_fake < 0).all()


@pytest.mark.parametrize("side", ["discriminator", "generator"])
def test_relativistic_loss_compares_in_pairs(side: str) -> None:
    loss = getattr(ADVERSARIAL["relativistic"](), side)
    real, fake = (x.detach() for x in _logits())
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    assert_close(loss(real[order], fake[order]), loss(real, fake))
    assert (loss(real, fake[order]) - loss(real, fake)).abs() > 1e-3


def test_relativistic_loss_knows_no_common_offset() -> None:
    loss = ADVERSARIAL["relativistic"]()
    real, fake = (x.detach() for x in _logits())
    assert_close(loss.discriminator(real + 5, fake + 5), loss.discriminator(real, fake))


def test_accuracy(kind: str) -> None:
    real, fake = (x.detach() for x in _logits())
    accuracy = ADVERSARIAL[kind]().accuracy(real, fake).item()
    assert 0 < accuracy < 1
    assert accuracy == pytest.approx(REFERENCES[kind][2](real, fake))
    assert ADVERSARIAL[kind]().accuracy(torch.ones(3), -torch.ones(3)).item() == 1
    assert ADVERSARIAL[kind]().accuracy(-torch.ones(3), torch.ones(3)).item() == 0


def test_sign_of_overfitting(kind: str) -> None:
    real, fake = (x.detach() for x in _logits())
    loss = ADVERSARIAL[kind]()
    sign = loss.real_sign(real, fake).item()
    assert -1 < sign < 1
    assert sign == pytest.approx(REFERENCES[kind][3](real, fake))
    # From -1 to 1 as D comes to know the real images; where logits have no zero of their own, offsets do not count.
    assert loss.real_sign(torch.ones(3), -torch.ones(3)).item() == 1
    assert loss.real_sign(-torch.ones(3), torch.ones(3)).item() == -1
    in_pairs = REFERENCES[kind][3] is _signs_of_pairs
    assert (loss.real_sign(real + 9, fake + 9).item() == sign) == in_pairs
