"""Defaults < file < --set, kinds, and how YAML is read."""

import re
import typing
from pathlib import Path
from typing import Any

import pytest
from config_helpers import changed, load_text
from pydantic import BaseModel

from acgan.config import (
    RunConfig,
    diff,
    load,
    losses,
    networks,
    shared,
    to_yaml,
)
from acgan.config.base import BaseConfig
from acgan.errors import ConfigError
from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES
from acgan.models import GENERATORS, TRUNKS
from acgan.training.regularisers import REGULARISERS

DESIGN_EXAMPLE = """
seed: 0
data:  {source: mnist, root: data, resolution: 32, channels: null, fit: crop, on_error: stop, mirror: false, balance: false}
model:
  latent_dim: 64
  generator:     {kind: resnet, channels: 32}
  discriminator: {kind: resnet, channels: 32, spectral_norm: false}
loss:
  adversarial:    {kind: relativistic}
  classification: {kind: cross_entropy, on_fake: false, weight_d: 1.0, weight_g: 0.3}   # its kind decides AuxHead's outputs
  penalty:        {kind: zero_centered, on: [real, fake], gamma: 0.5, every: 4}
optim: {generator: {lr: 5.0e-4, betas: [0.0, 0.99]}, discriminator: {lr: 5.0e-4, betas: [0.0, 0.99]}}
train: {total_nimg: 600_000, batch_size: 64, micro_batch: null, d_steps: 1, ema_half_life_nimg: 5_000, precision: auto, compile: false}
every: {log_nimg: 2_000, sample_nimg: 20_000, evaluate_nimg: 50_000, checkpoint_nimg: 50_000}
"""  # noqa: E501


# ---------------------------------------------------------------- what wins


def test_without_file_and_options_it_is_the_defaults() -> None:
    assert load(RunConfig, None) == RunConfig()


def test_file_over_defaults_and_options_over_file(tmp_path: Path) -> None:
    text = "train: {batch_size: 16, total_nimg: 10}\nseed: 3\n"
    config = load_text(tmp_path, text, "train.batch_size=8", "optim.generator.betas=[0.1, 0.2]")
    assert config.train.batch_size == 8
    assert config.train.total_nimg == 10
    assert config.seed == 3
    assert config.optim.generator.betas == (0.1, 0.2)
    assert config.optim.discriminator == RunConfig().optim.discriminator
    assert config.every == RunConfig().every


def test_an_empty_table_is_the_defaults(tmp_path: Path) -> None:
    assert load_text(tmp_path, "{}") == RunConfig()


@pytest.mark.parametrize("text", ["", "\n \n", "# nothing but a remark\n", "---\n", "null\n", "\ufeff"])
@pytest.mark.parametrize("option", [(), ("seed=1",)])
def test_a_file_with_nothing_in_it_is_refused(tmp_path: Path, text: str, option: tuple[str, ...]) -> None:
    """It was cut off, or saved too early: nobody writes a file to say nothing."""
    with pytest.raises(
        ConfigError, match=r"recipe\.yaml: found no keys; expected .*\{\} is all defaults"
    ) as caught:
        load_text(tmp_path, text, *option)
    assert str(tmp_path) in str(caught.value)


def test_the_last_of_two_options_wins() -> None:
    assert changed("seed=1", "seed=2").seed == 2


def test_an_option_may_hold_a_section_and_an_equals_sign() -> None:
    config = changed("train={batch_size: 4, d_steps: 2}", "data.source=images=good")
    assert (config.train.batch_size, config.train.d_steps) == (4, 2)
    assert config.train.total_nimg == RunConfig().train.total_nimg
    assert config.data.source == "images=good"


def test_the_shape_of_a_config_in_the_design(tmp_path: Path) -> None:
    config = load_text(tmp_path, DESIGN_EXAMPLE)
    assert config.data.source == "mnist"
    assert config.train.total_nimg == 600_000
    assert isinstance(config.loss.penalty, losses.ZeroCenteredPenaltyConfig)
    assert config.loss.penalty.on == ["real", "fake"]
    assert config.optim.generator.lr == 5e-4
    differing = {"data.source", "data.root", "data.resolution", "train.total_nimg"}
    differing |= {
        f"loss.classification.{key}" for key in ("kind", "on_fake", "label_smoothing", "weight_g", "joint")
    }
    assert set(diff(RunConfig(), config)) == differing  # the rest are the defaults


# ---------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    "text",
    [
        "loss: {penalty: {kind: gradient_penalty}}",
        "loss: {penalty: {kind: gradient_penalty, weight: 10.0}}",
    ],
)
def test_another_kind_drops_the_keys_of_the_kind_before(tmp_path: Path, text: str) -> None:
    assert load_text(tmp_path, text).loss.penalty == losses.GradientPenaltyConfig(kind="gradient_penalty")
    base = "loss: {penalty: {kind: zero_centered, gamma: 9.0, every: 7}}"
    config = load_text(tmp_path, base, "loss.penalty.kind=gradient_penalty")
    assert config.loss.penalty == losses.GradientPenaltyConfig(kind="gradient_penalty")


def test_the_same_kind_keeps_the_other_keys(tmp_path: Path) -> None:
    base = "loss: {penalty: {kind: zero_centered, gamma: 9.0, every: 7}}"
    penalty = load_text(
        tmp_path, base, "loss.penalty.kind=zero_centered", "loss.penalty.every=3"
    ).loss.penalty
    assert penalty == losses.ZeroCenteredPenaltyConfig(gamma=9.0, every=3)


@pytest.mark.parametrize(
    "kind", ["loss.penalty.kind=gradient_penalty", "loss.penalty={kind: gradient_penalty}"]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_a_kind_and_its_keys_does_not_matter(kind: str, reverse: bool) -> None:
    overrides = [kind, "loss.penalty.weight=5.0", "loss.penalty.every=2"]
    config = changed(*(reversed(overrides) if reverse else overrides))
    assert config.loss.penalty == losses.GradientPenaltyConfig(kind="gradient_penalty", weight=5.0, every=2)


def test_a_penalty_can_be_switched_off_and_on(tmp_path: Path) -> None:
    assert changed("loss.penalty=null").loss.penalty is None
    on = load_text(
        tmp_path, "loss: {penalty: null}", "loss.penalty.kind=zero_centered", "loss.penalty.gamma=2"
    )
    assert on.loss.penalty == losses.ZeroCenteredPenaltyConfig(gamma=2.0)


def _kinds(annotation: Any) -> set[str]:
    """Every kind that a field admits, through unions and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return set(typing.get_args(annotation.model_fields["kind"].annotation))
    return {kind for member in typing.get_args(annotation) for kind in _kinds(member)}


@pytest.mark.parametrize(
    ("section", "field", "registry"),
    [
        (networks.ModelConfig, "generator", GENERATORS),
        (networks.ModelConfig, "discriminator", TRUNKS),
        (losses.LossConfig, "adversarial", ADVERSARIAL),
        (losses.LossConfig, "classification", CLASSIFICATION),
        (losses.LossConfig, "penalty", PENALTIES),
    ],
)
def test_the_kinds_are_the_registrys_keys(
    section: type[BaseConfig], field: str, registry: dict[str, Any]
) -> None:
    assert _kinds(section.model_fields[field].annotation) == set(registry)


def test_the_other_sections_of_the_loss_are_the_regularisers() -> None:
    assert losses.LossConfig.model_fields.keys() - {"adversarial", "classification", "penalty"} == set(
        REGULARISERS
    )


# ---------------------------------------------------------------- YAML


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5e-4", 5e-4),
        ("5E-4", 5e-4),
        ("5.0e-4", 5e-4),
        ("1e+0", 1.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1_0.5", 10.5),
        ("2", 2.0),
        ("+0.5", 0.5),
    ],
)
def test_numbers_are_read_as_people_write_them(tmp_path: Path, text: str, value: float) -> None:
    assert changed(f"optim.generator.lr={text}").optim.generator.lr == value
    assert load_text(tmp_path, f"optim: {{generator: {{lr: {text}}}}}").optim.generator.lr == value


def test_on_is_a_key_and_no_is_a_class(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        "loss:\n  penalty:\n    on: [real]\ndata: {classes: [no, yes, {off: [on, y]}, 0, 'true']}",
    )
    assert config.loss.penalty.on == ["real"]
    assert config.data.classes == ["no", "yes", {"off": ["on", "y"]}, "0", "true"]


@pytest.mark.parametrize("classes", ["[true, b]", "[a, {pets: [cat, false]}]"])
def test_a_truth_value_is_no_class_name(classes: str) -> None:
    with pytest.raises(ConfigError, match=r"truth value (True|False); put it in quotes"):
        changed(f"data.classes={classes}")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("false", False)])
def test_truth_values(text: str, value: bool) -> None:
    assert changed(f"data.mirror={text}").data.mirror is value


@pytest.mark.parametrize(
    "name",
    [
        *("no", "on", "null", "~", "true", "", " a ", "a: b", "[x]", "é#"),
        *("12", "0.5", ".5", "5e-4", "1e3", "1:30", "2020-01-01"),
    ],
)
def test_any_class_name_survives_saving(tmp_path: Path, name: str) -> None:
    config = RunConfig(data=shared.DataConfig(classes=[name, {name: [name]}]))
    (tmp_path / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    assert load(RunConfig, tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"train: {batch_size: 3", "line 1: not valid YAML"),
        (b"- train\n- data\n", "found a list; expected sections of keys"),
        (b"just words", "found 'just words'; expected sections of keys"),
        (b"seed: \xff\xfe", "line 1: not valid YAML"),
        (b"train: !!python/object/apply:os.system ['true']", "line 1: not valid YAML"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"broken.yaml: {message}"):
        load(RunConfig, file)


@pytest.mark.parametrize("override", ["seed", "=3", " =3", "seed:3"])
def test_an_option_without_key_or_value_is_explained(override: str) -> None:
    with pytest.raises(ConfigError, match="expected KEY=VALUE"):
        changed(override)


def test_an_option_that_is_not_yaml_is_named() -> None:
    with pytest.raises(ConfigError, match=re.escape("--set train.betas=[0.1: not valid YAML")):
        changed("train.betas=[0.1")
