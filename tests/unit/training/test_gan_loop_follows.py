"""The loop where values follow schedules or feedback, and where D does not see images as they are."""

import itertools
from typing import Any

import pytest
import torch
from loop_helpers import CPU, tiny_gan
from torch import Tensor
from torch.testing import assert_close

from acgan import distributed
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step, train_gan
from acgan.training.objective import Objective
from acgan.training.product import Intervals
from acgan.training.regularisers import LeCam

# ---------------------------------------------------------------- schedules


def _scheduled_gan() -> Gan:
    return tiny_gan(
        "train.total_nimg=200",
        "optim.generator.lr=[[0, 0.001], [0.5, 0.002]]",
        "optim.discriminator.lr=0.005",
        "train.ema_half_life_nimg=[[0, 10], [0.25, 60]]",
        "loss.penalty={gamma: [[0, 1], [0.4, 3]], every: 1}",
        precision="float32",
    )


@pytest.mark.parametrize(("nimg", "lr", "half_life"), [(0, 0.001, 10), (25, 0.00125, 35), (400, 0.002, 60)])
def test_learning_rates_and_half_life_follow_their_schedules(nimg: int, lr: float, half_life: float) -> None:
    gan = _scheduled_gan()
    gan.follow_schedules(nimg)
    assert [group["lr"] for group in gan.optim_generator.param_groups] == [pytest.approx(lr)]
    assert [group["lr"] for group in gan.optim_discriminator.param_groups] == [pytest.approx(0.005)]
    assert gan.ema.half_life_nimg == pytest.approx(half_life)


def test_the_penalty_follows_its_schedule_by_the_images_before_the_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strengths: list[float] = []
    original = Objective.penalize

    def spy(self: Objective, *arguments: Any) -> Any:
        strengths.append(arguments[-1])
        return original(self, *arguments)

    monkeypatch.setattr(Objective, "penalize", spy)
    gan = _scheduled_gan()
    for iteration in (0, 5, 10, 11):
        discriminator_step(gan, FiniteGuard(CPU), iteration, 0)
    assert strengths == pytest.approx([1, 2, 3, 3])


class _Run:
    """As much of a run as the loop needs: it says what the GAN was when a step was counted."""

    def __init__(self, gan: Gan, iterations: int) -> None:
        self.gan, self.left = gan, iterations
        self.guard, self.nimg, self.iteration = FiniteGuard(CPU), 0, 0
        self.seen: list[tuple[int, float, float]] = []

    intervals = Intervals(9, 9, 9, 9, 9)
    cut_short = False

    def finished(self) -> bool:
        return self.iteration == self.left

    def asked_to_stop(self) -> bool:
        return False

    def due_early(self) -> bool:
        return False

    def record(self, side: str, stats: dict[str, Tensor]) -> None:
        pass

    def advance(self, batch_size: int) -> None:
        self.seen.append(
            (self.nimg, self.gan.optim_generator.param_groups[0]["lr"], self.gan.ema.half_life_nimg)
        )
        self.nimg += batch_size
        self.iteration += 1

    def due(self, interval: int) -> bool:
        return False


def test_the_loop_follows_the_schedules_before_each_iteration() -> None:
    gan = _scheduled_gan()
    run = _Run(gan, 3)
    train_gan(gan, run)  # type: ignore[arg-type]
    expected = [(0, 0.001, 10.0), (8, 0.00108, 18.0), (16, 0.00116, 26.0)]
    assert [value for row in run.seen for value in row] == pytest.approx([v for row in expected for v in row])


def test_the_mean_takes_in_the_weights_after_the_step_by_the_images_with_it() -> None:
    gan = tiny_gan("train.ema_half_life_nimg=1000", "train.ema_ramp_up=0.5")
    before = [parameter.clone() for parameter in gan.ema.network.parameters()]
    train_gan(gan, _Run(gan, 1))  # type: ignore[arg-type]
    # 8 images and a half-life of 0.5 * 8: two half-lives.
    expected = [
        0.25 * old + 0.75 * new.detach() for old, new in zip(before, gan.generator.parameters(), strict=True)
    ]
    assert_close(list(gan.ema.network.parameters()), expected)
    assert not torch.equal(before[0], gan.generator.state_dict()[next(iter(gan.generator.state_dict()))])


# ---------------------------------------------------------------- what D sees


ADA = "augment={kind: ada, target: null, p: 0.8}"


def _watch(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """The objective's arguments: (real images, generated images) in each step."""
    shown: dict[str, list[Any]] = {"discriminator": [], "generator": [], "penalize": []}
    for side, seen in shown.items():
        original = getattr(Objective, side)

        def spy(
            self: Any, d: Any, real: Any, fake: Any, *rest: Any, seen: Any = seen, original: Any = original
        ) -> Any:
            seen.append((real.images.detach().clone(), fake.detach().clone()))
            return original(self, d, real, fake, *rest)

        monkeypatch.setattr(Objective, side, spy)
    return shown


def _one_iteration(gan: Gan, iteration: int = 0) -> None:
    discriminator_step(gan, FiniteGuard(CPU), iteration, 0)
    generator_step(gan, FiniteGuard(CPU), iteration)


def test_real_and_generated_images_are_changed_alike_and_anew_in_each_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[tuple[Tensor, Tensor, float]] = []
    gan = tiny_gan(ADA)
    transform = gan.augmenter.transform

    def spy(images: Tensor, draws: Tensor, p: Tensor) -> Tensor:
        given.append((images.detach(), draws, p.item()))
        return transform(images, draws, p)

    gan.augmenter.transform = spy
    spy.num_draws = transform.num_draws
    shown = _watch(monkeypatch)
    for iteration in range(2):
        _one_iteration(gan, iteration)
    assert len(given) == 8  # real and generated images, in D's step and in G's
    assert [p for *_, p in given] == pytest.approx([0.8] * 8)
    for real, fake in zip(given[::2], given[1::2], strict=True):
        assert torch.equal(real[1], fake[1])
        assert real[1].shape == (8, transform.num_draws)
    draws = [draws for _, draws, _ in given[::2]]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(draws, 2))
    steps = [*itertools.chain(*zip(shown["discriminator"], shown["generator"], strict=True))]
    for (real, fake), first, second in zip(steps, given[::2], given[1::2], strict=True):
        p = torch.tensor(0.8)
        assert_close(real, transform(first[0], first[1], p))
        assert_close(fake, transform(second[0], second[1], p))
        assert not torch.allclose(real, first[0], atol=0.1)
    # The penalty is at what D sees.
    for (real, fake), (seen_real, seen_fake) in zip(shown["penalize"], shown["discriminator"], strict=False):
        assert torch.equal(real, seen_real)
        assert torch.equal(fake, seen_fake)
    assert shown["penalize"]


def test_without_augmentation_images_are_seen_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _watch(monkeypatch)
    gan = tiny_gan()
    _one_iteration(gan)
    real = gan.feed.batch(0, slice(0, 8), torch.float64)
    for side in ("discriminator", "generator"):
        assert torch.equal(shown[side][0][0], real.images)


def test_small_changes_for_consistency_are_of_what_d_sees_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _watch(monkeypatch)
    gan = tiny_gan(ADA, "loss.consistency={shift: 0.25}")
    (consistency,) = gan.objective.regularisers.values()
    seen: list[tuple[Tensor, Tensor]] = []
    change = consistency.change
    consistency.change = lambda images, draws: seen.append((images, draws)) or change(images, draws)
    _one_iteration(gan)
    ((real, fake),) = shown["discriminator"]
    (first, first_draws), (second, second_draws) = seen
    assert torch.equal(first_draws, second_draws)
    assert torch.equal(first, real)
    assert torch.equal(second, fake)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_the_generator_learns_through_the_augmentation(precision: str) -> None:
    gan = tiny_gan(
        "augment={kind: diff_augment}", "loss.consistency={}", "loss.lecam={}", precision=precision
    )
    _one_iteration(gan)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in gan.generator.parameters())
    assert sum(p.grad.abs().sum() for p in gan.generator.parameters()) > 0


def test_feedback_follows_the_logits_of_real_images_step_by_step() -> None:
    gan = tiny_gan(
        "augment={kind: ada, target: 0.1, adjust_nimg: 320}", "loss.adversarial.kind=hinge", "train.d_steps=2"
    )
    gan.micro_batch = 3  # the mean is the batch's all the same
    p, signs, logged = 0.0, [], []
    for iteration in range(6):
        for sub_step in range(2):
            logged.append(discriminator_step(gan, FiniteGuard(CPU), iteration, sub_step))
            signs.append(logged[-1]["real_sign"].item())
            if len(signs) % 4 == 0:
                direction = torch.tensor(sum(signs[-4:]) / 4 - 0.1).sign().item()
                p = min(max(p + 4 * 8 / 2 / 320 * direction, 0), 1)  # of a batch, each step is half
            assert logged[-1]["augment_p"].item() == pytest.approx(p)
        generator_step(gan, FiniteGuard(CPU), iteration)
    assert gan.augmenter.p(0).item() == pytest.approx(p)
    assert p > 0


def _lecam(gan: Gan) -> LeCam:
    (lecam,) = gan.objective.regularisers.values()
    assert isinstance(lecam, LeCam)
    return lecam


def test_the_means_of_the_logits_follow_each_step() -> None:
    gan = tiny_gan("loss.lecam={half_life_nimg: 16}")
    gan.micro_batch = 3
    real = fake = weight = 0.0
    for iteration in range(3):
        found = discriminator_step(gan, FiniteGuard(CPU), iteration, 0)
        if iteration == 0:
            # Of this step are the means before it: zero.
            squares = found["lecam"].item()
            assert squares >= found["logit_real"].item() ** 2 + found["logit_fake"].item() ** 2
        kept = 0.5 ** (8 / 16)
        real = kept * real + (1 - kept) * found["logit_real"].item()
        fake = kept * fake + (1 - kept) * found["logit_fake"].item()
        weight = kept * weight + (1 - kept)
        expected = [real / weight, fake / weight]
        assert [mean.item() for mean in _lecam(gan).means] == pytest.approx(expected)
    assert "augment_p" not in found


def test_what_follows_the_logits_hears_of_all_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = tiny_gan("augment={kind: ada, adjust_nimg: 320}", "loss.lecam={half_life_nimg: 8}")
    monkeypatch.setattr(distributed, "average_over_ranks", lambda values, ranks: 0 * values + 2.0)
    for iteration in range(4):
        discriminator_step(gan, FiniteGuard(CPU), iteration, 0)
    assert [mean.item() for mean in _lecam(gan).means] == pytest.approx([2, 2])
    assert gan.augmenter.p(0).item() == pytest.approx(0.1)


def test_the_state_holds_what_follows_the_logits() -> None:
    overrides = ("augment={kind: ada, target: 0.01, adjust_nimg: 64}", "loss.lecam={}")
    one, two = tiny_gan(*overrides), tiny_gan(*overrides, "seed=1")
    for iteration in range(6):
        _one_iteration(one, iteration)
    two.load_state_dict(one.state_dict())
    assert two.augmenter.state_dict() == one.augmenter.state_dict()
    assert torch.equal(_lecam(two).state_dict()["means"], _lecam(one).state_dict()["means"])
    assert _lecam(one).means[0] != 0
    assert {"augmenter", "lecam"} <= one.state_dict().keys()
    assert not {"augmenter", "lecam"} & tiny_gan().state_dict().keys()
