"""From a configuration to objects: the keywords fit, the settings arrive."""

import inspect
import typing
from typing import Any

import pytest
import torch
from gan_helpers import CPU, gan_config, gan_store, objective_of, tiny_gan
from torch.testing import assert_close

from acgan.assembly import architecture, build_discriminator, build_gan, build_generator
from acgan.config import schema as s
from acgan.config.base import BaseConfig
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.losses import ADVERSARIAL, PENALTIES
from acgan.models import GENERATORS, TRUNKS, has_batch_norm
from acgan.models.layers import SpectralNorm


def _kinds(section: type[BaseConfig], field: str) -> list[type[BaseConfig]]:
    """The section classes that a field admits."""
    annotation = section.model_fields[field].annotation
    members = typing.get_args(annotation) or (annotation,)
    return [member for member in members if member is not type(None)]


def _kind(section: type[BaseConfig]) -> str:
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
    config = gan_config(f"model.generator.kind={kind}")
    store = gan_store(resolution=32, channels=3)
    network = build_generator(config, store).eval()
    assert type(network) is GENERATORS[kind]
    with torch.no_grad():
        x = network(torch.randn(2, config.model.latent_dim), torch.tensor([0, 2]))
    assert x.shape == (2, 3, 32, 32)


@pytest.mark.parametrize("kind", TRUNKS)
def test_every_discriminator_builds_with_the_configurations_defaults(kind: str) -> None:
    config = gan_config(f"model.discriminator.kind={kind}", "loss.penalty=null")
    network = build_discriminator(config, gan_store(resolution=32, channels=3)).eval()
    assert type(network.trunk) is TRUNKS[kind]
    with torch.no_grad():
        out = network(torch.zeros(2, 3, 32, 32))
    assert out.aux.logits.shape == (2, 3)


def test_the_default_networks_hold_no_batch_statistics() -> None:
    assert not has_batch_norm(build_generator(gan_config(), gan_store()))
    assert not has_batch_norm(build_discriminator(gan_config(), gan_store()))


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize("kind", ["dcgan", "resnet"])
def test_spectral_norm_is_of_the_whole_discriminator(kind: str, spectral_norm: bool) -> None:
    config = gan_config(
        f"model.discriminator={{kind: {kind}, spectral_norm: {str(spectral_norm).lower()}, channels: 8}}",
        "loss.penalty=null",
    )
    network = build_discriminator(config, gan_store())
    found = {name for name, module in network.named_modules() if isinstance(module, SpectralNorm)}
    assert bool(found) == spectral_norm
    assert any(name.startswith("adv_head") for name in found) == spectral_norm


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["model.generator.kind=paper"], "model.generator.kind paper"),
        (["model.discriminator.kind=paper", "loss.penalty=null"], "model.discriminator.kind paper"),
    ],
)
@pytest.mark.parametrize(("side", "near"), [(16, "is 32"), (48, "are 32 and 128")])
def test_a_resolution_that_a_network_does_not_serve_is_explained(
    overrides: list[str], key: str, side: int, near: str
) -> None:
    message = (
        rf"{key} serves 32, 128 px \(the AC-GAN paper defines no other\), and the images are {side} px; "
    )
    with pytest.raises(ConfigError, match=f"{message}set data.resolution \\(the nearest {near}\\) or"):
        build_gan(gan_config(*overrides), gan_store(side), device=CPU, precision="float32", ranks=Ranks())


def test_the_architecture_rebuilds_the_generator() -> None:
    config, store = gan_config("model.generator.class_dim=7", "model.latent_dim=9"), gan_store()
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
    objective = objective_of(f"loss.adversarial.kind={kind}", f"loss.penalty={penalty}")
    assert type(objective.adversarial) is ADVERSARIAL[kind]


def test_the_objective_has_the_configured_weights() -> None:
    objective = objective_of(
        "loss.classification={kind: cross_entropy, on_fake: true, weight_d: 0.5, weight_g: 0.25,"
        " label_smoothing: 0.1}",
        "loss.penalty={kind: zero_centered, on: [fake], gamma: 3.0, every: 7}",
    )
    assert (objective.weight_d, objective.weight_g, objective.penalty_every) == (0.5, 0.25, 7)
    assert (objective.classification.on_fake, objective.classification.label_smoothing) == (True, 0.1)
    assert type(objective.penalty) is PENALTIES["zero_centered"]
    assert objective.penalty.on == ["fake"]


def test_the_objective_has_the_gradient_penalty_or_none() -> None:
    objective = objective_of("loss.penalty={kind: gradient_penalty, weight: 2.5, every: 3}")
    assert type(objective.penalty) is PENALTIES["gradient_penalty"]
    assert objective.penalty_every == 3
    assert objective_of("loss.penalty=null").penalty is None


# ---------------------------------------------------------------- the whole


def test_settings_arrive_in_the_gan() -> None:
    gan = tiny_gan(
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
    assert gan.feed.draws.seed == 5
    assert gan.run_generator is gan.generator
    assert gan.run_discriminator is gan.discriminator


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("float32", torch.float32), ("bf16", torch.float32), ("float64", torch.float64)],
)
def test_weights_are_float32_or_wider(precision: str, dtype: torch.dtype) -> None:
    gan = tiny_gan(precision=precision)
    for network in gan.networks():
        assert {parameter.dtype for parameter in network.parameters()} == {dtype}


def test_first_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = tiny_gan("seed=4")
    state = torch.get_rng_state()
    torch.manual_seed(2)
    two, other = tiny_gan("seed=4"), tiny_gan("seed=3")
    for a, b, c in zip(one.networks(), two.networks(), other.networks(), strict=True):
        assert_close(a.state_dict(), b.state_dict(), rtol=0, atol=0)
        assert not torch.equal(next(a.parameters()), next(c.parameters()))
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)  # and the global state is left alone


@pytest.mark.parametrize(
    ("micro_batch", "world", "expected"), [("null", 1, 8), ("null", 2, 4), ("2", 2, 2), ("8", 2, 4)]
)
def test_a_process_takes_its_share_in_micro_batches(micro_batch: str, world: int, expected: int) -> None:
    gan = tiny_gan(f"train.micro_batch={micro_batch}", ranks=Ranks(0, world))
    assert (gan.batch_size, gan.micro_batch) == (8, expected)


def test_a_batch_that_the_processes_cannot_share_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.batch_size 8 .* 3 processes"):
        tiny_gan(ranks=Ranks(0, 3))


def test_the_state_of_one_gan_continues_in_another() -> None:
    one, two = tiny_gan("seed=1"), tiny_gan("seed=2")
    state: dict[str, Any] = one.state_dict()
    two.load_state_dict(state)
    for a, b in zip(one.networks(), two.networks(), strict=True):
        assert_close(a.state_dict(), b.state_dict(), rtol=0, atol=0)
