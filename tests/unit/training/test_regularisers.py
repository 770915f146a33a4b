"""Consistency and LeCam against their papers' equations in float64, and a regulariser of one's own."""

import io

import pytest
import torch
from loop_helpers import CPU, tiny_gan
from torch import Tensor
from torch.testing import assert_close

from acgan.config.losses import BaseRegulariserConfig, LossConfig
from acgan.errors import ConfigError
from acgan.runtime import Draws, FiniteGuard
from acgan.training import regularisers
from acgan.training.gan_loop import discriminator_step
from acgan.training.regularisers import Consistency, Judged, LeCam, Regulariser, Surroundings
from acgan.training.step import Portion
from acgan.types import Batch, DiscriminatorOutput, Term

N = 5
PORTION = Portion(0, 0, slice(0, N), 1.0, Draws(0), N)
LABELS = torch.arange(N) % 3


def _around(dtype: torch.dtype = torch.float64, mirror: bool = True) -> Surroundings:
    return Surroundings(mirror=mirror, resolution=8, device=CPU, dtype=dtype)


def _number(value: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(value, dtype=dtype)


def _images(seed: int) -> Tensor:
    return torch.randn(N, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


class _D:
    """Logits that are linear in the pixels."""

    def __init__(self) -> None:
        self.weight = _images(9)[0].requires_grad_()
        self.labels: list[Tensor] = []

    def __call__(self, x: Tensor, y: Tensor) -> DiscriminatorOutput:
        self.labels.append(y)
        return DiscriminatorOutput((x * self.weight).sum(dim=(1, 2, 3)), None, x.flatten(1))


def _terms(regulariser: Regulariser, d: _D) -> dict[str, Term]:
    real, fake = Batch(_images(1), LABELS), _images(2)
    return regulariser.terms(Judged(d, real, fake, d(real.images, LABELS), d(fake, LABELS), PORTION))


def _output(logits: Tensor) -> DiscriminatorOutput:
    return DiscriminatorOutput(logits, None, logits[:, None])


# ---------------------------------------------------------------- consistency


def test_consistency() -> None:
    # Zhao et al. 2021: lambda_real |D(x) - D(T(x))|^2 and lambda_fake |D(G(z)) - D(T(G(z)))|^2
    d, consistency = _D(), Consistency(_around(), weight_real=10.0, weight_fake=2.0, shift=0.25)
    terms = _terms(consistency, d)
    draws = PORTION.uniform((10,), "consistency", _images(1))
    assert all(torch.equal(labels, LABELS) for labels in d.labels)
    for name, seed, weight in (("consistency_real", 1, 10.0), ("consistency_fake", 2, 2.0)):
        images = _images(seed)
        changed = consistency.change(images, draws)  # both sides alike
        assert not torch.equal(changed, images)
        expected = sum(((images[i] - changed[i]) * d.weight).sum() ** 2 for i in range(N)) / N
        assert_close(terms[name].value, expected)
        assert terms[name].weight == weight
        (found,), (wanted,) = (
            torch.autograd.grad(side, [d.weight], retain_graph=True)
            for side in (terms[name].weighted, weight * expected)
        )
        assert_close(found, wanted)


def test_a_side_without_weight_costs_nothing() -> None:
    d = _D()
    assert list(_terms(Consistency(_around(), weight_real=1.0, weight_fake=0.0, shift=0.2), d)) == [
        "consistency_real"
    ]
    assert len(d.labels) == 3


def test_a_change_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"less than a pixel of 8 .* expected a shift of 0\.125"):
        Consistency(_around(mirror=False), weight_real=1.0, weight_fake=1.0, shift=0.12)
    assert Consistency(_around(), weight_real=1.0, weight_fake=1.0, shift=0.12).change.mirror
    assert not Consistency(_around(mirror=False), weight_real=1.0, weight_fake=1.0, shift=0.125).change.mirror


# ---------------------------------------------------------------- LeCam


def _lecam(half_life: float = 100.0, dtype: torch.dtype = torch.float64, weight: float = 0.3) -> LeCam:
    return LeCam(_around(dtype), weight=weight, half_life_nimg=half_life)


@pytest.mark.parametrize("weight", [0.3, 2.0])
def test_lecam(weight: float) -> None:
    # Tseng et al. 2021, eq. 4: E|D(x) - alpha_F|^2 + E|D(G(z)) - alpha_R|^2
    real, fake = leaves = [_images(seed)[:, 0, 0, 0].requires_grad_() for seed in (1, 2)]
    lecam = _lecam(weight=weight)
    lecam.observe(_number(0.7), _number(-0.4), 16)
    judged = Judged(_D(), Batch(_images(1), LABELS), _images(2), _output(real), _output(fake), PORTION)
    (name, term), *others = lecam.terms(judged).items()
    assert (name, others) == ("lecam", [])
    expected = weight * sum((r + 0.4) ** 2 + (f - 0.7) ** 2 for r, f in zip(real, fake, strict=True)) / N
    assert_close(term.weighted, expected)
    found, wanted = (torch.autograd.grad(side, leaves) for side in (term.weighted, expected))
    assert_close(found, wanted)


def test_before_the_first_step_the_means_are_zero() -> None:
    assert _lecam().means == (0, 0)


@pytest.mark.parametrize("batch", [1, 100, 1000])
def test_after_a_half_life_an_old_batch_counts_half(batch: int) -> None:
    lecam = _lecam(half_life=float(batch))
    lecam.observe(_number(2.0), _number(-6.0), batch)
    assert_close(lecam.means, (_number(2.0), _number(-6.0)))
    lecam.observe(_number(0.0), _number(0.0), batch)
    assert_close(lecam.means, (_number(2 / 3), _number(-2.0)))


def test_a_mean_is_the_weighted_mean_of_all_batches() -> None:
    lecam, logits = _lecam(half_life=30.0), [1.0, -2.0, 0.5, 4.0, 3.0]
    for x in logits:
        lecam.observe(_number(x), _number(10 * x), 8)
    kept = 0.5 ** (8 / 30)
    weights = [kept ** (len(logits) - 1 - i) for i in range(len(logits))]
    expected = sum(weight * x for weight, x in zip(weights, logits, strict=True)) / sum(weights)
    assert_close(lecam.means, (_number(expected), _number(10 * expected)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_means_keep_their_precision(dtype: torch.dtype) -> None:
    lecam = _lecam(dtype=dtype)
    lecam.observe(_number(1.0), _number(1.0), 16)
    assert {mean.dtype for mean in lecam.means} == {dtype}


def test_resuming_is_going_on() -> None:
    whole, first, second = _lecam(), _lecam(), _lecam()
    for step in range(10):
        whole.observe(_number(step / 3), _number(-step / 7), 16)
        if step < 4:
            first.observe(_number(step / 3), _number(-step / 7), 16)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    saved = second.state_dict()
    before = saved["means"].clone()
    for step in range(4, 10):
        second.observe(_number(step / 3), _number(-step / 7), 16)
    assert second.means == whole.means
    assert torch.equal(saved["means"], before)  # what is saved does not change afterwards


# ---------------------------------------------------------------- one's own


class _ShrinkConfig(BaseRegulariserConfig):
    """A toy section."""

    weight: float = 2.0


class _LossConfig(LossConfig):
    shrink: _ShrinkConfig | None = None


class Shrink(Regulariser):
    """weight E D(x)^2, which counts its steps."""

    def __init__(self, around: Surroundings, *, weight: float):
        self.weight, self.steps = weight, torch.zeros((), device=around.device)

    def terms(self, judged: Judged) -> dict[str, Term]:
        return {"shrink": Term(judged.on_real.adv.square().mean(), self.weight)}

    def observe(self, logit_real: Tensor, logit_fake: Tensor, images: float) -> None:
        self.steps = self.steps + 1

    def state_dict(self) -> dict[str, Tensor]:
        return {"steps": self.steps}


def test_a_regulariser_is_an_object_in_the_table_and_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way that docs/code.md tells: nothing else knows its name."""
    monkeypatch.setitem(regularisers.REGULARISERS, "shrink", Shrink)
    found = {}
    for name, shrink in (("with", _ShrinkConfig()), ("without", None)):
        gan = tiny_gan(loss=_LossConfig(shrink=shrink))
        found[name] = discriminator_step(gan, FiniteGuard(CPU), 1, 0)
        assert ("shrink" in gan.state_dict()) == (name == "with")
    assert_close(found["with"]["weighted/shrink"], 2 * found["with"]["shrink"])
    assert found["with"]["shrink"] > 0
    assert found["with"]["gradient_norm"] != found["without"]["gradient_norm"]
    assert "shrink" not in found["without"]
