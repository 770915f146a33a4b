"""The two steps of the loop: splitting a batch changes nothing, penalties are lazy and stay in float32."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from acgan import runtime
from acgan.build import build_gan
from acgan.config import RunConfig, load
from acgan.runtime import FiniteGuard, Ranks
from acgan.training.gan_loop import Gan, discriminator_step, generator_step
from acgan.training.objective import Objective
from acgan.types import ImageStore

CPU = torch.device("cpu")
TINY = (
    "model.latent_dim=5",
    "model.generator.channels=8",
    "model.discriminator.channels=8",
    "train.batch_size=8",
)


def _store() -> ImageStore:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 16, 16), np.uint8)
    return ImageStore(images, np.arange(30) % 3, ("a", "b", "c"), "0" * 32)


def _gan(*overrides: str, precision: str = "float64", ranks: Ranks = Ranks()) -> Gan:  # noqa: B008
    config = load(RunConfig, None, (*TINY, *overrides))
    return build_gan(config, _store(), device=CPU, precision=precision, ranks=ranks)


def _gradients(gan: Gan, iteration: int = 0) -> list[Tensor]:
    """D's and G's gradients of one iteration, both at the first weights."""
    for adam in (gan.optim_discriminator, gan.optim_generator):
        for group in adam.param_groups:
            group["lr"] = 0.0
    found = []
    discriminator_step(gan, FiniteGuard(CPU), iteration, 0)
    found += [parameter.grad.clone() for parameter in gan.discriminator.parameters()]
    generator_step(gan, FiniteGuard(CPU), iteration)
    return found + [parameter.grad.clone() for parameter in gan.generator.parameters()]


OBJECTIVES = {
    "default": (),
    "wgan_gp": ("loss.adversarial.kind=wgan_gp", "loss.penalty.kind=gradient_penalty"),
    "hinge, spectral norm": (
        "loss.adversarial.kind=hinge",
        "loss.penalty=null",
        "loss.classification.on_fake=true",
        "model.discriminator.spectral_norm=true",
    ),
    "mirror": ("data.mirror=true",),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_micro_batches_add_up_to_the_batch(objective: str) -> None:
    gan = _gan(*OBJECTIVES[objective])
    gan.micro_batch = 3  # 3 + 3 + 2
    assert_close(_gradients(gan), _gradients(_gan(*OBJECTIVES[objective])))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_processes_average_to_the_batch(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _gradients(_gan(*OBJECTIVES[objective]))
    monkeypatch.setattr(runtime, "average_gradients", lambda parameters, ranks: None)  # done below
    monkeypatch.setattr(runtime, "average_over_ranks", lambda values, ranks: values)
    gans = [_gan(*OBJECTIVES[objective], ranks=Ranks(rank, 2)) for rank in range(2)]
    gans[1].micro_batch = 2
    ranks = [_gradients(gan) for gan in gans]
    assert_close([sum(own) / 2 for own in zip(*ranks, strict=True)], whole)


def test_dropout_of_a_split_batch_is_that_of_the_whole() -> None:
    # BatchNorm tells the portions apart, so only what dropout makes of them is compared: which features are 0.
    overrides = ("model.discriminator.kind=paper", "loss.penalty=null", "train.batch_size=8")
    store = dataclasses.replace(_store(), images=np.zeros((30, 1, 32, 32), np.uint8))

    def zeros(micro_batch: int) -> Tensor:
        config = load(RunConfig, None, (*overrides, f"train.micro_batch={micro_batch}"))
        gan = build_gan(config, store, device=CPU, precision="float32", ranks=Ranks())
        seen: list[Tensor] = []
        gan.discriminator.trunk.register_forward_hook(lambda m, i, out: seen.append(out.detach() == 0))
        discriminator_step(gan, FiniteGuard(CPU), 0, 0)
        return torch.cat(seen[::2])  # of the real images

    assert torch.equal(zeros(2), zeros(8))


@pytest.mark.parametrize("d_steps", [1, 2])
@pytest.mark.parametrize("every", [1, 3])
def test_the_penalty_is_due_every_so_many_steps_of_d(d_steps: int, every: int) -> None:
    gan = _gan(f"train.d_steps={d_steps}", f"loss.penalty.every={every}", precision="float32")
    due = [
        "r1" in discriminator_step(gan, FiniteGuard(CPU), iteration, sub_step)
        for iteration, sub_step in itertools.product(range(4), range(d_steps))
    ]
    assert due == [step % every == 0 for step in range(4 * d_steps)]


def test_the_penalty_is_computed_in_float32_outside_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = _gan(precision="bf16")
    seen = []
    penalize = Objective.penalize

    def spy(self: Objective, d: Any, real: Any, fake: Tensor, mix: Tensor) -> Any:
        terms = penalize(self, d, real, fake, mix)
        seen.append((torch.is_autocast_enabled("cpu"), real.images.dtype, terms.total.dtype))
        return terms

    monkeypatch.setattr(Objective, "penalize", spy)
    discriminator_step(gan, FiniteGuard(CPU), 0, 0)
    assert seen == [(False, torch.float32, torch.float32)]


def test_a_step_of_one_player_leaves_the_other_alone() -> None:
    gan = _gan(precision="float32")
    before = {name: [p.clone() for p in network.parameters()] for name, network in _players(gan)}

    def moved() -> dict[str, bool]:
        return {
            name: any(not torch.equal(p, q) for p, q in zip(network.parameters(), before[name], strict=True))
            for name, network in _players(gan)
        }

    discriminator_step(gan, FiniteGuard(CPU), 0, 0)
    assert moved() == {"g": False, "d": True}
    before["d"] = [p.clone() for p in gan.discriminator.parameters()]
    generator_step(gan, FiniteGuard(CPU), 0)
    assert moved() == {"g": True, "d": False}


def _players(gan: Gan) -> list[tuple[str, torch.nn.Module]]:
    return [("g", gan.generator), ("d", gan.discriminator)]


def test_both_steps_show_the_same_labels_and_real_images(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = _gan("train.d_steps=2", precision="float32")
    shown: dict[str, list[Tensor]] = {"discriminator": [], "generator": []}
    for side in shown:
        original = getattr(Objective, side)

        def spy(self: Any, d: Any, real: Any, fake: Any, side: str = side, original: Any = original) -> Any:
            shown[side].append(torch.cat((real.images.flatten(), real.labels)))
            return original(self, d, real, fake)

        monkeypatch.setattr(Objective, side, spy)
    for iteration in range(2):
        for sub_step in range(2):
            discriminator_step(gan, FiniteGuard(CPU), iteration, sub_step)
        generator_step(gan, FiniteGuard(CPU), iteration)
    last_of_d = shown["discriminator"][1::2]
    assert all(torch.equal(g, d) for g, d in zip(shown["generator"], last_of_d, strict=True))
    assert not torch.equal(*shown["discriminator"][:2])


def test_draws_differ_from_step_to_step(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = _gan("train.d_steps=2", precision="float32")
    latents: list[Tensor] = []
    gan.generator.register_forward_hook(lambda m, inputs, out: latents.append(inputs[0].clone()))
    for iteration in range(2):
        for sub_step in range(2):
            discriminator_step(gan, FiniteGuard(CPU), iteration, sub_step)
        generator_step(gan, FiniteGuard(CPU), iteration)
    assert len(latents) == 6
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(latents, 2))


def test_mirroring_flips_about_half_of_the_real_images_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[Tensor] = []

    def spy(self: Objective, d: Any, real: Any, fake: Tensor) -> Any:
        shown.append(real.images.clone())
        return original(self, d, real, fake)

    original = Objective.discriminator
    monkeypatch.setattr(Objective, "discriminator", spy)
    gans = [_gan(f"data.mirror={mirror}", precision="float32") for mirror in ("false", "true")]
    for gan, iteration in itertools.product(gans, range(4)):
        discriminator_step(gan, FiniteGuard(CPU), iteration, 0)
    plain, mirrored = torch.cat(shown[:4]), torch.cat(shown[4:])
    flipped = [torch.equal(a.flip(-1), b) for a, b in zip(plain, mirrored, strict=True)]
    assert all(flip or torch.equal(a, b) for flip, a, b in zip(flipped, plain, mirrored, strict=True))
    assert 0.2 < sum(flipped) / len(flipped) < 0.8
