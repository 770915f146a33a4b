"""From a configuration to objects: the keywords fit, the settings arrive."""

import inspect
import typing
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from acgan.build import architecture, build_discriminator, build_gan, build_generator, build_objective
from acgan.build.gan import build_schedules
from acgan.config import RunConfig, load
from acgan.config import schema as s
from acgan.data import DISCRIMINATOR_AUGMENTATIONS, AdaptiveAugment
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES, Consistency, LeCam
from acgan.models import GENERATORS, TRUNKS, has_batch_norm
from acgan.models.attention import SelfAttention
from acgan.models.layers import ModulatedConv2d, SpectralNorm
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.types import ImageStore

CPU = torch.device("cpu")
TINY = (
    "model.latent_dim=5",
    "model.generator.channels=8",
    "model.discriminator.channels=8",
    "train.batch_size=8",
)


def _store(resolution: int = 16, channels: int = 1, num: int = 24, classes: int = 3) -> ImageStore:
    images = np.random.default_rng(0).integers(0, 256, (num, channels, resolution, resolution), np.uint8)
    labels = np.arange(num) % classes
    return ImageStore(images, labels, tuple(f"class {k}" for k in range(classes)), "0" * 32)


def _config(*overrides: str) -> RunConfig:
    return load(RunConfig, None, overrides)


def _gan(*overrides: str, precision: str = "float32", ranks: Ranks = Ranks(), **shape: int) -> Gan:  # noqa: B008
    return build_gan(
        _config(*TINY, *overrides), _store(**shape), device=CPU, precision=precision, ranks=ranks
    )


def _kinds(section: type[s.Section], field: str) -> list[type[s.Section]]:
    """The section classes that a field admits."""
    annotation = section.model_fields[field].annotation
    members = typing.get_args(annotation) or (annotation,)
    return [member for member in members if member is not type(None)]


def _kind(section: type[s.Section]) -> str:
    (kind,) = typing.get_args(section.model_fields["kind"].annotation)
    return str(kind)


GENERATOR_SECTIONS = {_kind(c): c for c in _kinds(s.ModelConfig, "generator")}
DISCRIMINATOR_SECTIONS = {_kind(c): c for c in _kinds(s.ModelConfig, "discriminator")}


def _keywords(network: type) -> set[str]:
    return set(inspect.signature(network).parameters) - {
        "latent_dim",
        "num_classes",
        "resolution",
        "image_channels",
    }


@pytest.mark.parametrize("kind", GENERATORS)
def test_generator_keywords_are_the_sections_keys(kind: str) -> None:
    assert _keywords(GENERATORS[kind]) == set(GENERATOR_SECTIONS[kind].model_fields) - {"kind"}


@pytest.mark.parametrize("kind", TRUNKS)
def test_trunk_keywords_are_the_sections_keys(kind: str) -> None:
    assert _keywords(TRUNKS[kind]) == set(DISCRIMINATOR_SECTIONS[kind].model_fields) - {"kind", "projection"}


@pytest.mark.parametrize("network", [*GENERATORS.values(), *TRUNKS.values()])
def test_networks_have_no_defaults_of_their_own(network: type) -> None:
    parameters = inspect.signature(network).parameters.values()
    assert all(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters)


@pytest.mark.parametrize("kind", GENERATORS)
def test_every_generator_builds_with_the_configurations_defaults(kind: str) -> None:
    config = _config(f"model.generator.kind={kind}")
    store = _store(resolution=32, channels=3)
    network = build_generator(config, store).eval()
    assert type(network) is GENERATORS[kind]
    with torch.no_grad():
        x = network(torch.randn(2, config.model.latent_dim), torch.tensor([0, 2]))
    assert x.shape == (2, 3, 32, 32)


@pytest.mark.parametrize("kind", TRUNKS)
def test_every_discriminator_builds_with_the_configurations_defaults(kind: str) -> None:
    config = _config(f"model.discriminator.kind={kind}", "loss.penalty=null")
    network = build_discriminator(config, _store(resolution=32, channels=3)).eval()
    assert type(network.trunk) is TRUNKS[kind]
    with torch.no_grad():
        out = network(torch.zeros(2, 3, 32, 32))
    assert out.aux.logits.shape == (2, 3)


def test_the_default_networks_hold_no_batch_statistics() -> None:
    assert not has_batch_norm(build_generator(_config(), _store()))
    assert not has_batch_norm(build_discriminator(_config(), _store()))


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize("kind", ["dcgan", "resnet"])
def test_spectral_norm_is_of_the_whole_discriminator(kind: str, spectral_norm: bool) -> None:
    config = _config(
        f"model.discriminator={{kind: {kind}, spectral_norm: {str(spectral_norm).lower()}, channels: 8}}",
        "loss.penalty=null",
    )
    network = build_discriminator(config, _store())
    found = {name for name, module in network.named_modules() if isinstance(module, SpectralNorm)}
    assert bool(found) == spectral_norm
    assert any(name.startswith("adv_head") for name in found) == spectral_norm


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["model.generator.kind=paper"], "model.generator.kind paper serves 32, 128 px"),
        (
            ["model.discriminator.kind=paper", "loss.penalty=null"],
            "model.discriminator.kind paper serves 32, 128 px",
        ),
    ],
)
def test_a_resolution_that_a_network_does_not_serve_is_explained(overrides: list[str], key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}.*images are 16 px"):
        build_gan(_config(*overrides), _store(16), device=CPU, precision="float32", ranks=Ranks())


def test_the_architecture_rebuilds_the_generator() -> None:
    config, store = _config("model.generator.class_dim=7", "model.latent_dim=9"), _store()
    keywords = architecture(config, store)
    network = build_generator(config, store)
    twin = GENERATORS[keywords.pop("kind")](**keywords)
    twin.load_state_dict(network.state_dict())
    assert twin.latent_dim == 9
    assert twin.embed.embedding_dim == 7


# ---------------------------------------------------------------- objective


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_the_objective_has_the_configured_adversarial_loss(kind: str) -> None:
    penalty = "{kind: gradient_penalty}" if kind == "wgan_gp" else "null"
    config = _config(f"loss.adversarial.kind={kind}", f"loss.penalty={penalty}")
    assert type(build_objective(config).adversarial) is ADVERSARIAL[kind]


def test_the_objective_has_the_configured_weights() -> None:
    objective = build_objective(
        _config(
            "loss.classification={kind: cross_entropy, on_fake: true, weight_d: 0.5, weight_g: 0.25,"
            " label_smoothing: 0.1}",
            "loss.penalty={kind: zero_centered, on: [fake], gamma: 3.0, every: 7}",
        )
    )
    assert (objective.weight_d, objective.weight_g, objective.penalty_every) == (0.5, 0.25, 7)
    assert vars(objective.classification) == {"on_fake": True, "label_smoothing": 0.1}
    assert type(objective.penalty) is PENALTIES["zero_centered"]
    assert vars(objective.penalty) == {"on": ["fake"]}


def test_the_objective_has_the_gradient_penalty_or_none() -> None:
    objective = build_objective(_config("loss.penalty={kind: gradient_penalty, weight: 2.5, every: 3}"))
    assert type(objective.penalty) is PENALTIES["gradient_penalty"]
    assert objective.penalty_every == 3
    assert build_objective(_config("loss.penalty=null")).penalty is None


# ---------------------------------------------------------------- the whole


def test_settings_arrive_in_the_gan() -> None:
    gan = _gan(
        "optim.generator={lr: 0.01, betas: [0.1, 0.2], eps: 1e-5}",
        "optim.discriminator={lr: 0.02, betas: [0.3, 0.4], eps: 1e-6}",
        "train.d_steps=3",
        "train.micro_batch=4",
        "train.ema_half_life_nimg=77",
        "train.ema_ramp_up=0.5",
        "data.mirror=true",
        "seed=5",
    )
    settings = {"g": gan.optim_generator, "d": gan.optim_discriminator}
    found = {
        side: [adam.param_groups[0][key] for key in ("lr", "betas", "eps")] for side, adam in settings.items()
    }
    assert found == {"g": [0.01, (0.1, 0.2), 1e-5], "d": [0.02, (0.3, 0.4), 1e-6]}
    assert all(adam.param_groups[0]["fused"] for adam in settings.values())
    for adam, network in ((gan.optim_generator, gan.generator), (gan.optim_discriminator, gan.discriminator)):
        assert {id(p) for p in adam.param_groups[0]["params"]} == {id(p) for p in network.parameters()}
    assert (gan.batch_size, gan.micro_batch, gan.d_steps, gan.feed.mirror) == (8, 4, 3, True)
    assert (gan.ema.half_life_nimg, gan.ema.ramp_up) == (77, 0.5)
    assert gan.draws.seed == 5
    assert gan.run_generator is gan.generator
    assert gan.run_discriminator is gan.discriminator


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("float32", torch.float32), ("bf16", torch.float32), ("float64", torch.float64)],
)
def test_weights_are_float32_or_wider(precision: str, dtype: torch.dtype) -> None:
    gan = _gan(precision=precision)
    for network in gan.networks():
        assert {parameter.dtype for parameter in network.parameters()} == {dtype}


def test_first_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = _gan("seed=4")
    state = torch.get_rng_state()
    torch.manual_seed(2)
    two, other = _gan("seed=4"), _gan("seed=3")
    for a, b, c in zip(one.networks(), two.networks(), other.networks(), strict=True):
        assert_close(a.state_dict(), b.state_dict(), rtol=0, atol=0)
        assert not torch.equal(next(a.parameters()), next(c.parameters()))
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)  # and the global state is left alone


@pytest.mark.parametrize(
    ("micro_batch", "world", "expected"), [("null", 1, 8), ("null", 2, 4), ("2", 2, 2), ("8", 2, 4)]
)
def test_a_process_takes_its_share_in_portions(micro_batch: str, world: int, expected: int) -> None:
    gan = _gan(f"train.micro_batch={micro_batch}", ranks=Ranks(0, world))
    assert (gan.batch_size, gan.micro_batch) == (8, expected)


def test_a_batch_that_the_processes_cannot_share_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.batch_size 8 .* 3 processes"):
        _gan(ranks=Ranks(0, 3))


def test_the_state_of_one_gan_continues_in_another() -> None:
    one, two = _gan("seed=1"), _gan("seed=2")
    state: dict[str, Any] = one.state_dict()
    two.load_state_dict(state)
    for a, b in zip(one.networks(), two.networks(), strict=True):
        assert_close(a.state_dict(), b.state_dict(), rtol=0, atol=0)


# ---------------------------------------------------------------- the family

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
    gan = _gan(*options, "model.discriminator.max_channels=16")
    assert type(gan.objective.classification) is CLASSIFICATION[kind]
    head = gan.discriminator.aux_head
    shapes = {name: tuple(parameter.shape) for name, parameter in head.named_parameters()}
    assert shapes == HEADS[CLASSIFICATION[kind].head_outputs]
    log = discriminator_step(gan, FiniteGuard(CPU), 0, 0)
    generator_step(gan, FiniteGuard(CPU), 0)
    assert "class_real" in log


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("{kind: tac}", {"bounded": True}),
        ("{kind: tac, bounded: false}", {"bounded": False}),
        ("{kind: adc}", {}),
        ("{kind: d2d_ce}", {"margin": 0.98, "temperature": 0.5}),
        ("{kind: d2d_ce, margin: 0.9, temperature: 0.1}", {"margin": 0.9, "temperature": 0.1}),
    ],
)
def test_the_class_loss_has_the_configured_options(section: str, expected: dict[str, Any]) -> None:
    assert vars(build_objective(_config(f"loss.classification={section}")).classification) == expected


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
    objective = build_objective(_config(f"loss.classification={section}"))
    assert (objective.weight_d, objective.weight_g) == weights


@pytest.mark.parametrize("kind", ["cross_entropy", "tac", "adc"])
@pytest.mark.parametrize("unit_norm", [False, True])
def test_unit_norm_is_the_heads(kind: str, unit_norm: bool) -> None:
    gan = _gan(f"loss.classification={{kind: {kind}, unit_norm: {str(unit_norm).lower()}}}")
    assert gan.discriminator.aux_head.unit_norm is unit_norm


@pytest.mark.parametrize("kind", TRUNKS)
@pytest.mark.parametrize("projection", [False, True])
def test_projection_is_every_discriminators(kind: str, projection: bool) -> None:
    config = _config(
        f"model.discriminator={{kind: {kind}, projection: {str(projection).lower()}}}", "loss.penalty=null"
    )
    d = build_discriminator(config, _store(32))
    assert (d.embed is not None) == projection
    if projection:
        assert d.embed.weight.shape == (3, d.trunk.feature_dim)


def test_projection_alone_has_no_class_head() -> None:
    gan = _gan("loss.classification=null", "model.discriminator.projection=true")
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
        _config("loss.classification=null")


def test_a_loss_across_the_batch_takes_no_portions() -> None:
    with pytest.raises(ConfigError, match=r"d2d_ce compares .* expected train\.micro_batch: null"):
        _config("loss.classification.kind=d2d_ce", "train.micro_batch=8")
    _config("loss.classification.kind=tac", "train.micro_batch=8")


def test_the_regularisers_arrive() -> None:
    gan = _gan(
        "loss.lecam={weight: 0.7, half_life_nimg: 123}",
        "loss.consistency={weight_real: 2, weight_fake: 3, shift: 0.3}",
        "data.mirror=true",
        precision="float64",
    )
    assert gan.objective.lecam == LeCam(weight=0.7)
    assert gan.logit_means.half_life_nimg == 123
    assert gan.logit_means.real.dtype is torch.float64
    assert gan.objective.consistency == Consistency(weight_real=2.0, weight_fake=3.0)
    nothing_else = {"rotate_deg": 0, "zoom": 0, "erase": 0, "color": 0}
    assert vars(gan.views) == {"mirror": True, "shift": 0.3, **nothing_else}
    assert _gan("loss.consistency={}").views.mirror is False
    plain = _gan()
    assert (plain.objective.lecam, plain.objective.consistency) == (None, None)
    assert (plain.logit_means, plain.views, plain.augmenter) == (None, None, None)


def test_a_shift_of_less_than_a_pixel_is_no_change() -> None:
    # Of 16 pixels.
    with pytest.raises(ConfigError, match=r"loss\.consistency\.shift 0\.06 .* expected a shift of 0\.0625"):
        _gan("loss.consistency={shift: 0.06}")
    assert _gan("loss.consistency={shift: 0.0625}").views.shift == 0.0625
    assert _gan("loss.consistency={shift: 0.06}", "data.mirror=true").views.mirror is True


@pytest.mark.parametrize("mirror", [False, True])
def test_ada_arrives(mirror: bool) -> None:
    gan = _gan(
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
    by_schedule = _gan(f"augment={{kind: {kind}, {target}p: [[0, 0.2], [100, 0.6]]}}").augmenter
    assert type(by_schedule.transform) is DISCRIMINATOR_AUGMENTATIONS[kind]
    assert [by_schedule.p(nimg).item() for nimg in (0, 50, 200)] == pytest.approx([0.2, 0.4, 0.6])
    fixed = _gan(f"augment={{kind: {kind}, {target}p: 0.3}}").augmenter
    assert fixed.p(0).item() == pytest.approx(0.3)


def test_diff_augment_arrives() -> None:
    gan = _gan("augment={kind: diff_augment, policy: [translation]}")
    assert gan.augmenter.transform.parts == {"translation"}
    assert gan.augmenter.p(0).item() == 1  # the paper's


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        ("{kind: zero_centered, gamma: [[0, 4], [10, 2]]}", (4.0, 3.0, 2.0)),
        ("{kind: gradient_penalty, weight: [[0, 4], [10, 2]]}", (4.0, 3.0, 2.0)),
        ("{kind: gradient_penalty}", (10.0, 10.0, 10.0)),
        ("null", (0.0, 0.0, 0.0)),
    ],
)
def test_the_penaltys_schedule_arrives(penalty: str, expected: tuple[float, ...]) -> None:
    curve = build_schedules(_config(f"loss.penalty={penalty}")).penalty
    assert tuple(curve.at(nimg) for nimg in (0, 5, 10)) == expected


def test_schedules_arrive_and_begin_at_the_first_image() -> None:
    gan = _gan(
        "optim.generator.lr=[[0, 0.001], [10, 0.002]]",
        "optim.discriminator.lr=[[0, 0], [10, 0.003]]",
        "train.ema_half_life_nimg=[[0, 40], [10, 80]]",
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
    config, store = _config(f"model.generator={{channels: 8, {section}}}"), _store(32)
    assert {key: architecture(config, store)[key] for key in keys} == keys
    network = build_generator(config, store)
    with torch.no_grad():
        assert network(torch.zeros(2, 64), torch.tensor([0, 1])).shape == (2, 1, 32, 32)
    plain = build_generator(_config("model.generator.channels=8"), store)
    for layer in (SelfAttention, ModulatedConv2d):
        assert any(isinstance(module, layer) for module in network.modules())
        assert not any(isinstance(module, layer) for module in plain.modules())


def test_the_discriminators_new_keys_arrive() -> None:
    d = build_discriminator(
        _config("model.discriminator={channels: 8, patch: 2, attention: [8]}"), _store(32)
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
        _gan(f"{key}={section}")
    assert "\n" not in str(caught.value)
