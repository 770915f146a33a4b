"""A penalty of one's own, DRAGAN's, which draws noise for each image and sees the deviation of the whole batch."""

from __future__ import annotations

import pytest
import torch
from loop_helpers import gradients, tiny_gan
from torch import Tensor
from torch.testing import assert_close
from toy_parts import Dragan, DraganConfig

import acgan

pytestmark = pytest.mark.usefixtures("registry")


def test_draws_and_moments_of_a_penalty_do_not_depend_on_portions() -> None:
    acgan.register.penalty(Dragan, DraganConfig)
    dragan = "loss.penalty={kind: dragan, of: adversarial}"
    assert_close(gradients(tiny_gan(dragan, "train.portions=3")), gradients(tiny_gan(dragan)))


def test_dragans_penalty_on_a_quadratic_critic() -> None:
    """Against the equation, image by image, in float64."""

    class Drawn:
        def uniform(self, shape: tuple[int, ...], purpose: str, like: Tensor) -> Tensor:
            return {"dragan_pixels": pixels, "dragan_share": share}[purpose].view(-1, *shape)

    draw = torch.Generator().manual_seed(0)
    real, pixels = (torch.randn(4, 1, 3, 3, dtype=torch.float64, generator=draw) for _ in range(2))
    share, a = torch.tensor([0.0, 0.2, 0.7, 1.0]).double(), torch.linspace(0.5, 2, 9).double().view(1, 3, 3)
    term = Dragan(noise=0.5)(lambda x: (a * x.square()).sum() / 2, real, real, Drawn(), 10.0)["dragan"]
    spread = real.std(unbiased=False)
    each = [
        ((a * (x + e * 0.5 * spread * u)).square().sum().sqrt() - 1) ** 2
        for x, u, e in zip(real, pixels, share, strict=True)
    ]
    assert_close(term.weighted, 10 * sum(each) / 4)
