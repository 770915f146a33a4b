"""From a configuration to the losses, heads, regularisers, augmentation and schedules of the AC-GAN family."""

from typing import Any

import pytest
import torch
from gan_helpers import CPU, gan_config, gan_store, objective_of, tiny_gan

from acgan.assembly import architecture, build_discriminator, build_generator
from acgan.assembly.gan import build_schedules
from acgan.augment import DISCRIMINATOR_AUGMENTATIONS, AdaptiveAugment
from acgan.errors import ConfigError
from acgan.losses import CLASSIFICATION
from acgan.models import TRUNKS, has_batch_norm
from acgan.models.attention import SelfAttention
from acgan.models.layers import ModulatedConv2d
from acgan.runtime import FiniteGuard
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.training.regularisers import Consistency, LeCam

#: By the outputs of the head that a class loss asks for: the head's layers.
HEADS = {
    "logits": {"classify.weight": (3, 32), "classify.bias": (3,)},
    "twin": {"classify.weight": (3, 32), "classify.bias": (3,), "twin.weight": (3, 32), "twin.bias": (3,)},
    "proxies": {"project.weight": (7, 32), "project.bias": (7,), "classify.weight": (3, 7)},
}


@pytest.mark.parametrize("kind", CLASSIFICATION)
def test_every_class_loss_gets_the_head_it_asks_for(kind: str) -> None:
    options = (f"loss.classification.kind={kind}",)
    if kind == "d2d_ce":
        options += ("loss.classification.embedding_dim=7",)
    gan = tiny_gan(*options, "model.discriminator.max_channels=16")
    assert type(gan.objective.classification) is CLASSIFICATION[kind]
    head = gan.discriminator.aux_head
    shapes = {name: tuple(parameter.shape) for name, parameter in head.named_parameters()}
    assert shapes == HEADS[CLASSIFICATION[kind].head_outputs]
    log = discriminator_step(gan, FiniteGuard(CPU), 0, 0)
    generator_step(gan, FiniteGuard(CPU), 0)
    assert "class_real" in log


@pytest.mark.parametrize("kind", TRUNKS)
@pytest.mark.parametrize("spectral_norm", [False, True])
def test_every_discriminator_says_whether_it_has_batch_norm(kind: str, spectral_norm: bool) -> None:
    options = [f"model.discriminator.kind={kind}", "loss.penalty=null"]
    if kind != "paper":
        options.append(f"model.discriminator.spectral_norm={str(spectral_norm).lower()}")
    config = gan_config(*options)
    network = build_discriminator(config, gan_store(32))
    assert config.model.discriminator.has_batch_norm is has_batch_norm(network)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("{kind: tac}", {"bounded": True}),
        ("{kind: tac, bounded: false}", {"bounded": False}),
        ("{kind: d2d_ce}", {"margin": 0.98, "temperature": 0.5}),
        ("{kind: d2d_ce, margin: 0.9, temperature: 0.1}", {"margin": 0.9, "temperature": 0.1}),
    ],
)
def test_the_class_loss_has_the_configured_options(section: str, expected: dict[str, Any]) -> None:
    loss = objective_of(f"loss.classification={section}").classification
    assert {name: getattr(loss, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("section", "weights"),
    [
        ("{kind: cross_entropy}", (1.0, 0.3)),
        ("{kind: tac, weight_d: 0.7, weight_g: 0.2}", (0.7, 0.2)),
        ("{kind: tac}", (1.0, 1.0)),  # the paper's
        ("{kind: adc}", (1.0, 0.5)),
        ("{kind: adc, weight_g: 0.01}", (1.0, 0.01)),
        ("{kind: d2d_ce}", (0.5, 0.5)),  # the paper's for CIFAR-10
        ("{kind: d2d_ce, weight_d: 2, weight_g: 3}", (2.0, 3.0)),
    ],
)
def test_the_class_loss_has_the_configured_weights(section: str, weights: tuple[float, float]) -> None:
    objective = objective_of(f"loss.classification={section}")
    assert (objective.weight_d, objective.weight_g) == weights


@pytest.mark.parametrize(
    ("section", "weights"),
    [
        ("{kind: cross_entropy}", {}),
        ("{kind: tac, weight_d: 0.7, weight_g: 0.2}", {"twin_fake": (0.7, 0.2)}),
        ("{kind: tac, twin_weight_d: 0.5, twin_weight_g: 0}", {"twin_fake": (0.5, 0.0)}),
    ],
)
def test_the_twin_has_the_configured_weights(section: str, weights: dict[str, tuple[float, float]]) -> None:
    assert objective_of(f"loss.classification={section}").term_weights == weights


@pytest.mark.parametrize("kind", ["cross_entropy", "tac", "adc"])
@pytest.mark.parametrize("bias", [False, True])
def test_biases_are_the_heads(kind: str, bias: bool) -> None:
    gan = tiny_gan(f"loss.classification={{kind: {kind}, bias: {str(bias).lower()}}}")
    assert any(name.endswith("bias") for name, _ in gan.discriminator.aux_head.named_parameters()) == bias


def test_a_joint_head_has_one_layer() -> None:
    gan = tiny_gan("loss.classification={kind: adc, joint: true}")
    assert gan.discriminator.aux_head.classify.weight.shape == (6, gan.discriminator.trunk.feature_dim)


@pytest.mark.parametrize("kind", ["cross_entropy", "tac", "adc"])
@pytest.mark.parametrize("unit_norm", [False, True])
def test_unit_norm_is_the_heads(kind: str, unit_norm: bool) -> None:
    gan = tiny_gan(f"loss.classification={{kind: {kind}, unit_norm: {str(unit_norm).lower()}}}")
    assert gan.discriminator.aux_head.unit_norm is unit_norm


@pytest.mark.parametrize("kind", TRUNKS)
@pytest.mark.parametrize("projection", [False, True])
def test_projection_is_every_discriminators(kind: str, projection: bool) -> None:
    config = gan_config(
        f"model.discriminator={{kind: {kind}, projection: {str(projection).lower()}}}", "loss.penalty=null"
    )
    d = build_discriminator(config, gan_store(32))
    assert (d.embed is not None) == projection
    if projection:
        assert d.embed.weight.shape == (3, d.trunk.feature_dim)


def test_projection_alone_has_no_class_head() -> None:
    gan = tiny_gan("loss.classification=null", "model.discriminator.projection=true")
    assert gan.objective.classification is None
    assert gan.discriminator.aux_head is None
    assert gan.discriminator.embed is not None
    log = discriminator_step(gan, FiniteGuard(CPU), 0, 0)
    assert not any("class" in name for name in log)
    generator_step(gan, FiniteGuard(CPU), 0)


def test_without_class_loss_and_projection_nothing_tells_the_class() -> None:
    with pytest.raises(
        ConfigError, match=r"loss\.classification is null and model\.discriminator\.projection is false"
    ):
        gan_config("loss.classification=null")


def test_a_loss_across_the_batch_takes_no_micro_batches() -> None:
    with pytest.raises(ConfigError, match=r"d2d_ce compares .* expected train\.micro_batch: null"):
        gan_config("loss.classification.kind=d2d_ce", "train.micro_batch=8")
    gan_config("loss.classification.kind=tac", "train.micro_batch=8")


def test_the_regularisers_arrive() -> None:
    gan = tiny_gan(
        "loss.lecam={weight: 0.7, half_life_nimg: 123}",
        "loss.consistency={weight_real: 2, weight_fake: 3, shift: 0.3}",
        "data.mirror=true",
        precision="float64",
    )
    consistency, lecam = gan.objective.regularisers.values()
    assert isinstance(lecam, LeCam)
    assert (lecam.weight, lecam.half_life_nimg, lecam.means[0].dtype) == (0.7, 123, torch.float64)
    assert isinstance(consistency, Consistency)
    assert (consistency.weight_real, consistency.weight_fake) == (2.0, 3.0)
    assert (consistency.change.mirror, consistency.change.shift) == (True, 0.3)
    plain = tiny_gan()
    assert (plain.objective.regularisers, plain.augmenter) == ({}, None)


@pytest.mark.parametrize("mirror", [False, True])
def test_ada_arrives(mirror: bool) -> None:
    gan = tiny_gan(
        "augment={kind: ada, groups: [blit, color], target: 0.25, adjust_nimg: 320}",
        f"data.mirror={str(mirror).lower()}",
    )
    transform = gan.augmenter.transform
    assert type(transform) is AdaptiveAugment
    assert (transform.parts, transform.mirror) == ({"blit", "color"}, mirror)
    for step in range(4):
        gan.augmenter.observe(torch.tensor(0.3), step, 8)
    assert gan.augmenter.p(0).item() == pytest.approx(0.1)  # above the target, by 4 * 8 / 320
    for step in range(4, 8):
        gan.augmenter.observe(torch.tensor(0.2), step, 8)
    assert gan.augmenter.p(0).item() == pytest.approx(0.0)


@pytest.mark.parametrize("kind", DISCRIMINATOR_AUGMENTATIONS)
def test_p_arrives_as_a_number_or_a_schedule(kind: str) -> None:
    target = "target: null, " if kind == "ada" else ""
    by_schedule = tiny_gan(
        f"augment={{kind: {kind}, {target}p: [[0, 0.2], [0.5, 0.6]]}}", "train.total_nimg=200"
    ).augmenter
    assert type(by_schedule.transform) is DISCRIMINATOR_AUGMENTATIONS[kind]
    assert [by_schedule.p(nimg).item() for nimg in (0, 50, 200)] == pytest.approx([0.2, 0.4, 0.6])
    fixed = tiny_gan(f"augment={{kind: {kind}, {target}p: 0.3}}").augmenter
    assert fixed.p(0).item() == pytest.approx(0.3)


def test_diff_augment_arrives() -> None:
    gan = tiny_gan("augment={kind: diff_augment, policy: [translation]}")
    assert gan.augmenter.transform.parts == {"translation"}
    assert gan.augmenter.p(0).item() == 1  # the paper's


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        ("{kind: zero_centered, gamma: [[0, 4], [1, 2]]}", (4.0, 3.0, 2.0)),
        ("{kind: gradient_penalty, weight: [[0, 4], [1, 2]]}", (4.0, 3.0, 2.0)),
        ("{kind: gradient_penalty}", (10.0, 10.0, 10.0)),
        ("null", (0.0, 0.0, 0.0)),
    ],
)
def test_the_penaltys_schedule_arrives(penalty: str, expected: tuple[float, ...]) -> None:
    curve = build_schedules(gan_config(f"loss.penalty={penalty}", "train.total_nimg=10")).penalty
    assert tuple(curve.at(nimg) for nimg in (0, 5, 10)) == expected


def test_schedules_arrive_and_begin_at_the_first_image() -> None:
    gan = tiny_gan(
        "optim.generator.lr=[[0, 0.001], [0.1, 0.002]]",
        "optim.discriminator.lr=[[0, 0], [0.1, 0.003]]",
        "train.ema_half_life_nimg=[[0, 40], [0.1, 80]]",
        "train.total_nimg=100",
    )
    schedules = gan.schedules
    curves = (schedules.generator_lr, schedules.discriminator_lr, schedules.ema_half_life_nimg)
    assert [curve.at(5) for curve in curves] == pytest.approx([0.0015, 0.0015, 60])
    assert gan.optim_generator.param_groups[0]["lr"] == 0.001
    assert gan.optim_discriminator.param_groups[0]["lr"] == 0
    assert gan.ema.half_life_nimg == 40


def test_the_generators_new_keys_arrive() -> None:
    keys = {"modulation": "style", "mapping_layers": 2, "attention": [8], "patch": 2}
    section = ", ".join(f"{key}: {value}" for key, value in keys.items())
    config, store = gan_config(f"model.generator={{channels: 8, {section}}}"), gan_store(32)
    assert {key: architecture(config, store)[key] for key in keys} == keys
    network = build_generator(config, store)
    with torch.no_grad():
        assert network(torch.zeros(2, 64), torch.tensor([0, 1])).shape == (2, 1, 32, 32)
    plain = build_generator(gan_config("model.generator.channels=8"), store)
    for layer in (SelfAttention, ModulatedConv2d):
        assert any(isinstance(module, layer) for module in network.modules())
        assert not any(isinstance(module, layer) for module in plain.modules())


def test_the_discriminators_new_keys_arrive() -> None:
    d = build_discriminator(
        gan_config("model.discriminator={channels: 8, patch: 2, attention: [8]}"), gan_store(32)
    )
    assert d.trunk.patch == 2
    assert any(isinstance(module, SelfAttention) for module in d.trunk.modules())


@pytest.mark.parametrize("network", ["generator", "discriminator"])
@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{patch: 4}", r"{key}: patch 4 of 16 px makes 4 x 4 patches, fewer than 8 x 8; choose others"),
        ("{attention: [32]}", r"{key}: .*32.*; choose others"),
        ("{patch: 2, attention: [8, 64]}", r"{key}: .*64.*; choose others"),
    ],
)
def test_what_a_network_cannot_be_built_with_is_told_by_its_key(
    network: str, section: str, message: str
) -> None:
    key = f"model.{network}"
    with pytest.raises(ConfigError, match=message.replace("{key}", key.replace(".", r"\."))) as caught:
        tiny_gan(f"{key}={section}")
    assert "\n" not in str(caught.value)
