"""The two steps of the loop: splitting a batch changes nothing, penalties are lazy and stay in float32."""

import dataclasses
import itertools
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from loop_helpers import CPU, Exchange, gradients, tiny_gan, tiny_store
from torch import Tensor
from torch.testing import assert_close

from acgan import distributed, runtime
from acgan.assembly import build_gan
from acgan.config import RunConfig, load
from acgan.distributed import Ranks
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.training.material import material_of
from acgan.training.objective import Objective

OBJECTIVES = {
    "default": (),
    "wgan_gp": ("loss.adversarial.kind=wgan_gp", "loss.penalty.kind=gradient_penalty"),
    "hinge, spectral norm": (
        "loss.adversarial.kind=hinge",
        "loss.penalty=null",
        "loss.classification={kind: cross_entropy, on_fake: true}",
        "model.discriminator.spectral_norm=true",
    ),
    "mirror": ("data.mirror=true",),
    "tac": ("loss.classification.kind=tac",),
    "cross-entropy": ("loss.classification.kind=cross_entropy",),
    "adc": ("loss.classification={kind: adc, unit_norm: true}",),
    "projection alone": ("loss.classification=null", "model.discriminator.projection=true"),
    "lecam": ("loss.lecam={weight: 0.5}",),
    "consistency": ("loss.consistency={shift: 0.2}", "data.mirror=true"),
    "ada": ("augment={kind: ada, target: null, p: 0.6}",),
    "diff_augment": ("augment={kind: diff_augment}",),
    "schedules": (
        "train.total_nimg=64",
        "loss.penalty.gamma=[[0, 1], [1, 3]]",
        "augment={kind: diff_augment, p: [[0, 0], [1, 1]]}",
    ),
}
D2D_CE = (
    "loss.classification.kind=d2d_ce",
    "loss.classification.embedding_dim=6",
    "loss.penalty.of=adversarial",
)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_micro_batches_add_up_to_the_batch(objective: str) -> None:
    gan = tiny_gan(*OBJECTIVES[objective])
    gan.micro_batch = 3  # 3 + 3 + 2
    assert_close(gradients(gan), gradients(tiny_gan(*OBJECTIVES[objective])))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_processes_average_to_the_batch(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gradients(tiny_gan(*OBJECTIVES[objective]))
    monkeypatch.setattr(distributed, "average_over_ranks", lambda values, ranks: values)  # done below
    gans = [tiny_gan(*OBJECTIVES[objective], ranks=Ranks(rank, 2)) for rank in range(2)]
    gans[1].micro_batch = 2
    ranks = [gradients(gan) for gan in gans]
    assert_close([sum(own) / 2 for own in zip(*ranks, strict=True)], whole)


@pytest.mark.parametrize("projection", ["false", "true"])
def test_processes_average_to_the_batch_where_a_loss_looks_across_it(
    projection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = (*D2D_CE, f"model.discriminator.projection={projection}")
    whole = gradients(tiny_gan(*overrides))
    monkeypatch.setattr(distributed, "average_over_ranks", lambda values, ranks: values)  # done below
    alone = [gradients(tiny_gan(*overrides, ranks=Ranks(rank, 2))) for rank in range(2)]
    exchange = Exchange()
    monkeypatch.setattr(distributed, "gather", exchange.gather)
    for _ in range(3):
        ranks = []
        for exchange.rank in range(2):
            exchange.call = 0
            ranks.append(gradients(tiny_gan(*overrides, ranks=Ranks(exchange.rank, 2))))
    assert exchange.call == 4  # embeddings and labels, in D's step and in G's
    assert_close([sum(own) / 2 for own in zip(*ranks, strict=True)], whole)
    differ = [
        not torch.allclose(sum(own) / 2, all_) for *own, all_ in zip(*alone, whole, strict=True) if all_.any()
    ]
    assert sum(differ) > len(differ) / 2  # what each rank finds among its own images is something else


def test_dropout_of_a_split_batch_is_that_of_the_whole() -> None:
    # BatchNorm tells micro-batches apart, so only what dropout makes of them is compared: which features are 0.
    overrides = (
        "model.discriminator.kind=paper",
        "loss.penalty=null",
        "train.batch_size=8",
        "train.portions=1",
    )
    store = dataclasses.replace(tiny_store(), images=np.zeros((30, 1, 32, 32), np.uint8))

    def zeros(micro_batch: int) -> Tensor:
        config = load(RunConfig, None, (*overrides, f"train.micro_batch={micro_batch}"))
        gan = build_gan(config, store, device=CPU, precision="float32", ranks=Ranks())
        seen: list[Tensor] = []
        gan.discriminator.trunk.register_forward_hook(lambda m, i, out: seen.append(out.detach() == 0))
        discriminator_step(gan, FiniteGuard(CPU), 0, 0)
        return torch.cat(seen[::2])  # of the real images

    assert torch.equal(zeros(2), zeros(8))


COMPILED = {
    "default": (),
    "style, attention, d2d_ce, ada": (
        *D2D_CE,
        "model.generator={kind: resnet, modulation: style, attention: [8], patch: 2}",
        "model.discriminator={kind: resnet, projection: true, attention: [4], patch: 2}",
        "augment={kind: ada, target: null, p: 0.6}",
    ),
    "dcgan, spectral norm, tac": (
        "model.generator.kind=dcgan",
        "model.discriminator={kind: dcgan, spectral_norm: true}",
        "loss.classification.kind=tac",
    ),
}


@pytest.mark.parametrize(
    "networks", [pytest.param(name, marks=[pytest.mark.slow] * name.startswith("style")) for name in COMPILED]
)
def test_compiled_it_does_the_same(networks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Taking the graphs, forward and backward, takes no compiler, and is what could go wrong on our side.
    compiled: list[Any] = []
    compiler = partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(torch, "compile", lambda network: compiled.append(network) or compiler(network))
    expected = gradients(tiny_gan(*COMPILED[networks]))
    assert not compiled
    gan = tiny_gan(*COMPILED[networks], "train.compile=true")
    assert_close(gradients(gan), expected)
    assert compiled == [gan.generator, gan.discriminator]


@pytest.mark.parametrize("d_steps", [1, 2])
@pytest.mark.parametrize("every", [1, 3])
def test_the_penalty_is_due_every_so_many_steps_of_d(d_steps: int, every: int) -> None:
    gan = tiny_gan(f"train.d_steps={d_steps}", f"loss.penalty.every={every}", precision="float32")
    due = [
        "r1" in discriminator_step(gan, FiniteGuard(CPU), iteration, sub_step)
        for iteration, sub_step in itertools.product(range(4), range(d_steps))
    ]
    assert due == [step % every == 0 for step in range(4 * d_steps)]


def test_a_penalty_takes_the_weights_that_are_cast_once_and_is_summed_in_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gan = tiny_gan(precision="bf16")
    seen = []
    penalize = Objective.penalize

    def spy(self: Objective, d: Any, real: Any, fake: Tensor, draws: Any, strength: float) -> Any:
        terms = penalize(self, d, real, fake, draws, strength)
        taken = d is gan.working_discriminator.copy
        seen.append((taken, torch.is_autocast_enabled("cpu"), real.images.dtype, terms.total.dtype))
        return terms

    monkeypatch.setattr(Objective, "penalize", spy)
    discriminator_step(gan, FiniteGuard(CPU), 0, 0)
    assert seen == [(True, True, torch.float32, torch.float32)]


@pytest.mark.parametrize(
    "penalty",
    [
        "loss.penalty.every=1",
        "loss={adversarial: {kind: wgan_gp}, penalty: {kind: gradient_penalty, every: 1}}",
    ],
)
def test_a_penalty_in_bfloat16_is_that_in_float32_within_its_digits(penalty: str) -> None:
    gradients, values = {}, {}
    for precision in ("float32", "bf16"):
        gan = tiny_gan(penalty, precision=precision)
        material = material_of(gan, next(gan.micro_batches(0, 0)), 0, "D")[0]
        working = gan.working_discriminator.copy
        with runtime.autocast(precision, CPU):
            fake = gan.run_generator(material.z, material.real.labels).detach().float()
            terms = gan.objective.penalize(working, material.real, fake, material.portion, 1.0)
        gradients[precision] = gan.gradients_discriminator.of(terms.total, working).values
        values[precision] = terms.total.item()
    assert values["bf16"] == pytest.approx(values["float32"], rel=0.03)
    assert torch.cosine_similarity(gradients["bf16"], gradients["float32"], dim=0) > 0.995


def test_a_step_of_one_player_leaves_the_other_alone() -> None:
    gan = tiny_gan(precision="float32")
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
    gan = tiny_gan("train.d_steps=2", precision="float32")
    shown: dict[str, list[Tensor]] = {"discriminator": [], "generator": []}
    for side in shown:
        original = getattr(Objective, side)

        def spy(self: Any, d: Any, real: Any, *rest: Any, side: str = side, original: Any = original) -> Any:
            shown[side].append(torch.cat((real.images.flatten(), real.labels)))
            return original(self, d, real, *rest)

        monkeypatch.setattr(Objective, side, spy)
    for iteration in range(2):
        for sub_step in range(2):
            discriminator_step(gan, FiniteGuard(CPU), iteration, sub_step)
        generator_step(gan, FiniteGuard(CPU), iteration)
    last_of_d = shown["discriminator"][1::2]
    assert all(torch.equal(g, d) for g, d in zip(shown["generator"], last_of_d, strict=True))
    assert not torch.equal(*shown["discriminator"][:2])


def test_draws_differ_from_step_to_step(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = tiny_gan("train.d_steps=2", precision="float32")
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

    def spy(self: Objective, d: Any, real: Any, *rest: Any) -> Any:
        shown.append(real.images.clone())
        return original(self, d, real, *rest)

    original = Objective.discriminator
    monkeypatch.setattr(Objective, "discriminator", spy)
    gans = [tiny_gan(f"data.mirror={mirror}", precision="float32") for mirror in ("false", "true")]
    for gan, iteration in itertools.product(gans, range(4)):
        discriminator_step(gan, FiniteGuard(CPU), iteration, 0)
    plain, mirrored = torch.cat(shown[:4]), torch.cat(shown[4:])
    flipped = [torch.equal(a.flip(-1), b) for a, b in zip(plain, mirrored, strict=True)]
    assert all(flip or torch.equal(a, b) for flip, a, b in zip(flipped, plain, mirrored, strict=True))
    assert 0.2 < sum(flipped) / len(flipped) < 0.8
