"""Gradient penalties against closed forms on critics whose gradient is known."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from acgan.losses import PENALTIES, Penalty

Penalize = Callable[..., dict[str, Tensor]]
SHAPE = (2, 3, 3)  # C, H, W
N = 4


def _draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


REAL, FAKE = _draw(N, *SHAPE, seed=1), 3 * _draw(N, *SHAPE, seed=2) + 1
MIX = torch.tensor([0.0, 0.25, 0.5, 0.9], dtype=torch.float64)


class Drawn:
    """The draws above, for whoever asks for a number an image."""

    def uniform(self, shape: tuple[int, ...], purpose: str, like: Tensor) -> Tensor:
        assert (shape, purpose) == ((1, 1, 1), "mix")
        return MIX.to(like.dtype).view(-1, *shape)


DRAWS = Drawn()


def _linear(a: Tensor, b: float = 0.7) -> Callable[[Tensor], Tensor]:
    """a.x + b: the gradient is a."""
    return lambda x: (a * x).sum(dim=(1, 2, 3)) + b


def _quadratic(a: Tensor) -> Callable[[Tensor], Tensor]:
    """sum a x^2 / 2: the gradient is a x."""
    return lambda x: (a * x.square()).sum(dim=(1, 2, 3)) / 2


def _weighted(penalty: Penalty, strength: float) -> Penalize:
    """The terms as they count in the sum."""
    return lambda *images: {name: term.weighted for name, term in penalty(*images, strength).items()}


def _zero_centered(on: list[str], gamma: float) -> Penalize:
    return _weighted(PENALTIES["zero_centered"](on=on), gamma)


def _gradient_penalty(weight: float) -> Penalize:
    return _weighted(PENALTIES["gradient_penalty"](), weight)


def _squared(x: Tensor) -> Tensor:
    return x.square().sum(dim=(1, 2, 3))


ON = [(["real"], {"r1": REAL}), (["fake"], {"r2": FAKE}), (["real", "fake"], {"r1": REAL, "r2": FAKE})]


def test_the_registry_holds_what_is_tested_here() -> None:
    assert set(PENALTIES) == {"zero_centered", "gradient_penalty"}, "a new penalty needs closed forms here"


@pytest.mark.parametrize(("on", "sides"), ON, ids=["r1", "r2", "both"])
def test_zero_centered_on_a_linear_critic(on: list[str], sides: dict[str, Tensor]) -> None:
    a = _draw(*SHAPE, seed=3).requires_grad_()
    terms = _zero_centered(on, 0.8)(_linear(a), REAL, FAKE, DRAWS)
    assert list(terms) == list(sides)
    for value in terms.values():
        assert_close(value, 0.8 / 2 * a.square().sum())  # gamma/2 |a|^2
        assert_close(torch.autograd.grad(value, a, retain_graph=True)[0], 0.8 * a)


@pytest.mark.parametrize(("on", "sides"), ON, ids=["r1", "r2", "both"])
def test_zero_centered_on_a_quadratic_critic(on: list[str], sides: dict[str, Tensor]) -> None:
    a = _draw(*SHAPE, seed=3).requires_grad_()
    terms = _zero_centered(on, 0.8)(_quadratic(a), REAL, FAKE, DRAWS)
    assert list(terms) == list(sides)
    for name, x in sides.items():
        assert_close(terms[name], 0.8 / 2 * _squared(a * x).mean())  # gamma/2 E|a x|^2
        (gradient,) = torch.autograd.grad(terms[name], a, retain_graph=True)
        assert_close(gradient, 0.8 * (a * x.square()).mean(dim=0))  # gamma E a x^2


def test_the_order_of_the_sides_in_the_configuration_does_not_matter() -> None:
    a = _draw(*SHAPE, seed=3)
    one = _zero_centered(["real", "fake"], 1.0)(_quadratic(a.requires_grad_()), REAL, FAKE, DRAWS)
    other = _zero_centered(["fake", "real"], 1.0)(_quadratic(a), REAL, FAKE, DRAWS)
    assert one == other


def test_gradient_penalty_on_a_linear_critic() -> None:
    a = _draw(*SHAPE, seed=3).requires_grad_()
    (value,) = _gradient_penalty(10.0)(_linear(a), REAL, FAKE, DRAWS).values()
    norm = a.square().sum().sqrt()
    assert_close(value, 10.0 * (norm - 1) ** 2)
    assert_close(torch.autograd.grad(value, a)[0], (20.0 * (norm - 1) / norm * a).detach())


def test_gradient_penalty_is_taken_at_the_mixtures() -> None:
    a = _draw(*SHAPE, seed=3).requires_grad_()
    (value,) = _gradient_penalty(10.0)(_quadratic(a), REAL, FAKE, DRAWS).values()
    norms = []
    for real, fake, e in zip(REAL, FAKE, MIX, strict=True):
        norms.append((a * (e * real + (1 - e) * fake)).square().sum().sqrt())
    expected = 10.0 * sum((norm - 1) ** 2 for norm in norms) / N
    assert_close(value, expected)
    assert_close(torch.autograd.grad(value, a), torch.autograd.grad(expected, a))


def test_gradient_penalty_of_a_flat_critic_is_finite() -> None:
    a = torch.zeros(SHAPE, dtype=torch.float64, requires_grad=True)
    (value,) = _gradient_penalty(10.0)(_linear(a), REAL, FAKE, DRAWS).values()
    assert_close(value, torch.tensor(10.0, dtype=torch.float64))
    assert torch.isfinite(torch.autograd.grad(value, a)[0]).all()


@pytest.mark.parametrize(
    "penalty", [_zero_centered(["real", "fake"], 1.0), _gradient_penalty(1.0)], ids=["zero", "gp"]
)
def test_the_images_get_no_gradient(penalty: Penalize) -> None:
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    a = _draw(*SHAPE, seed=3).requires_grad_()
    sum(penalty(_quadratic(a), real, fake, DRAWS).values()).backward()
    assert real.grad is None
    assert fake.grad is None
    assert a.grad is not None


@pytest.mark.parametrize(
    "penalty", [_zero_centered(["real", "fake"], 1.0), _gradient_penalty(1.0)], ids=["zero", "gp"]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_precision_is_that_of_the_images(penalty: Penalize, dtype: torch.dtype) -> None:
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.dtype)
        return x.square().sum(dim=(1, 2, 3))

    terms = penalty(critic, REAL.to(dtype), FAKE.to(dtype), DRAWS)
    assert seen == [dtype]
    assert all(value.dtype is dtype for value in terms.values())
