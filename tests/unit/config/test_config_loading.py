"""Defaults < file < --set; what is explained when it does not fit; save, compare, list."""

import re
import typing
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from acgan.config import (
    CONFIGS,
    RunConfig,
    diff,
    is_harmless,
    list_keys,
    load,
    losses,
    networks,
    save,
    to_yaml,
)
from acgan.config import schema as s
from acgan.config.recipes import find_recipe, recipes
from acgan.errors import ConfigError
from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES
from acgan.models import GENERATORS, TRUNKS

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


def _load(tmp_path: Path, text: str, *overrides: str) -> RunConfig:
    file = tmp_path / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return load(RunConfig, file, overrides)


def _set(*overrides: str) -> RunConfig:
    return load(RunConfig, None, overrides)


# ---------------------------------------------------------------- what wins


def test_without_file_and_options_it_is_the_defaults() -> None:
    assert load(RunConfig, None) == RunConfig()


def test_file_over_defaults_and_options_over_file(tmp_path: Path) -> None:
    text = "train: {batch_size: 16, total_nimg: 10}\nseed: 3\n"
    config = _load(tmp_path, text, "train.batch_size=8", "optim.generator.betas=[0.1, 0.2]")
    assert config.train.batch_size == 8
    assert config.train.total_nimg == 10
    assert config.seed == 3
    assert config.optim.generator.betas == (0.1, 0.2)
    assert config.optim.discriminator == RunConfig().optim.discriminator
    assert config.every == RunConfig().every


@pytest.mark.parametrize("text", ["", "# nothing but a remark\n", "{}"])
def test_an_empty_file_is_the_defaults(tmp_path: Path, text: str) -> None:
    assert _load(tmp_path, text) == RunConfig()


def test_the_last_of_two_options_wins() -> None:
    assert _set("seed=1", "seed=2").seed == 2


def test_an_option_may_hold_a_section_and_an_equals_sign() -> None:
    config = _set("train={batch_size: 4, d_steps: 2}", "data.source=images=good")
    assert (config.train.batch_size, config.train.d_steps) == (4, 2)
    assert config.train.total_nimg == RunConfig().train.total_nimg
    assert config.data.source == "images=good"


def test_the_shape_of_a_config_in_the_design(tmp_path: Path) -> None:
    config = _load(tmp_path, DESIGN_EXAMPLE)
    assert config.data.source == "mnist"
    assert config.train.total_nimg == 600_000
    assert isinstance(config.loss.penalty, losses.ZeroCenteredPenalty)
    assert config.loss.penalty.on == ["real", "fake"]
    assert config.optim.generator.lr == 5e-4
    differing = {"data.source", "data.root", "data.resolution", "train.total_nimg"}
    differing |= {f"loss.classification.{key}" for key in ("kind", "on_fake", "label_smoothing", "weight_g")}
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
    assert _load(tmp_path, text).loss.penalty == losses.GradientPenalty(kind="gradient_penalty")
    base = "loss: {penalty: {kind: zero_centered, gamma: 9.0, every: 7}}"
    config = _load(tmp_path, base, "loss.penalty.kind=gradient_penalty")
    assert config.loss.penalty == losses.GradientPenalty(kind="gradient_penalty")


def test_the_same_kind_keeps_the_other_keys(tmp_path: Path) -> None:
    base = "loss: {penalty: {kind: zero_centered, gamma: 9.0, every: 7}}"
    penalty = _load(tmp_path, base, "loss.penalty.kind=zero_centered", "loss.penalty.every=3").loss.penalty
    assert penalty == losses.ZeroCenteredPenalty(gamma=9.0, every=3)


@pytest.mark.parametrize(
    "kind", ["loss.penalty.kind=gradient_penalty", "loss.penalty={kind: gradient_penalty}"]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_a_kind_and_its_keys_does_not_matter(kind: str, reverse: bool) -> None:
    overrides = [kind, "loss.penalty.weight=5.0", "loss.penalty.every=2"]
    config = _set(*(reversed(overrides) if reverse else overrides))
    assert config.loss.penalty == losses.GradientPenalty(kind="gradient_penalty", weight=5.0, every=2)


def test_a_penalty_can_be_switched_off_and_on(tmp_path: Path) -> None:
    assert _set("loss.penalty=null").loss.penalty is None
    on = _load(tmp_path, "loss: {penalty: null}", "loss.penalty.kind=zero_centered", "loss.penalty.gamma=2")
    assert on.loss.penalty == losses.ZeroCenteredPenalty(gamma=2.0)


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
    section: type[s.Section], field: str, registry: dict[str, Any]
) -> None:
    assert _kinds(section.model_fields[field].annotation) == set(registry)


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
    assert _set(f"optim.generator.lr={text}").optim.generator.lr == value
    assert _load(tmp_path, f"optim: {{generator: {{lr: {text}}}}}").optim.generator.lr == value


def test_on_is_a_key_and_no_is_a_class(tmp_path: Path) -> None:
    config = _load(
        tmp_path,
        "loss:\n  penalty:\n    on: [real]\ndata: {classes: [no, yes, {off: [on, y]}, 0, 'true']}",
    )
    assert config.loss.penalty.on == ["real"]
    assert config.data.classes == ["no", "yes", {"off": ["on", "y"]}, "0", "true"]


@pytest.mark.parametrize("classes", ["[true, b]", "[a, {pets: [cat, false]}]"])
def test_a_truth_value_is_no_class_name(classes: str) -> None:
    with pytest.raises(ConfigError, match=r"truth value (True|False); put it in quotes"):
        _set(f"data.classes={classes}")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("false", False)])
def test_truth_values(text: str, value: bool) -> None:
    assert _set(f"data.mirror={text}").data.mirror is value


@pytest.mark.parametrize(
    "name",
    [
        *("no", "on", "null", "~", "true", "", " a ", "a: b", "[x]", "é#"),
        *("12", "0.5", ".5", "5e-4", "1e3", "1:30", "2020-01-01"),
    ],
)
def test_any_class_name_survives_saving(tmp_path: Path, name: str) -> None:
    config = RunConfig(data=s.DataConfig(classes=[name, {name: [name]}]))
    save(config, tmp_path / "config.yaml")
    assert load(RunConfig, tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"train: {batch_size: 3", "not valid YAML"),
        (b"- train\n- data\n", "expected sections of keys"),
        (b"just words", "expected sections of keys"),
        (b"seed: \xff\xfe", "not valid YAML"),
        (b"train: !!python/object/apply:os.system ['true']", "not valid YAML"),
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
        _set(override)


def test_an_option_that_is_not_yaml_is_named() -> None:
    with pytest.raises(ConfigError, match=re.escape("--set train.betas=[0.1: the value is not valid YAML")):
        _set("train.betas=[0.1")


# ---------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    ("override", "key", "suggestion"),
    [
        ("train.bach_size=3", "train.bach_size", "batch_size"),
        ("trian.batch_size=3", "trian", "train"),
        ("model.generator.chanels=3", "model.generator.chanels", "channels"),
        ("model.generator={kind: dcgan, chanels: 3}", "model.generator.chanels", "channels"),
        ("loss.penalty.gama=1", "loss.penalty.gama", "gamma"),
        ("optim.generator.learning=1", "optim.generator.learning", None),
    ],
)
def test_unknown_keys_are_refused_with_a_suggestion(override: str, key: str, suggestion: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        _set(override)
    message = str(caught.value)
    assert message.startswith(f"--set: unknown key {key}.")
    assert "`acgan config` lists all keys" in message
    assert (f"Did you mean '{suggestion}'" in message) if suggestion else ("Did you mean" not in message)


def test_the_keys_of_another_kind_are_unknown() -> None:
    of_another = r"unknown key loss\.penalty\.gamma for kind gradient_penalty; it belongs to zero_centered\."
    with pytest.raises(ConfigError, match=of_another):
        _set("loss.penalty.kind=gradient_penalty", "loss.penalty.gamma=1")
    with pytest.raises(ConfigError, match=r"key model\.generator\.max_channels for kind dcgan; .* resnet\."):
        _set("model.generator={kind: dcgan, max_channels: 8}")
    with pytest.raises(
        ConfigError, match=r"unit_norm for kind d2d_ce; it belongs to cross_entropy, tac, adc\."
    ):
        _set("loss.classification={kind: d2d_ce, unit_norm: true}")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "augment=ada",
            "found 'ada'; expected a section of keys, as in {kind: ada}, of kind diff_augment, ada.",
        ),
        ("model.generator=dcgn", "as in {kind: paper}, of kind paper, dcgan, resnet. Did you mean 'dcgan'?"),
        ("loss.lecam=true", "loss.lecam: found True; expected a section of keys, as in {key: value}."),
        ("augment.policy=[color]", "augment.kind: found None; expected one of diff_augment, ada."),
        (
            "loss.adversarial.kind=wgan",
            "found 'wgan'; expected one of bce, hinge, wgan_gp, relativistic. Did you mean 'wgan_gp'?",
        ),
        ("loss.penalty.on=[]", "loss.penalty.on: found []; expected 1 or more in the list."),
        ("loss.penalty.on=[real, real]", "loss.penalty.on: found ['real', 'real']; expected each side once."),
    ],
)
def test_values_of_another_shape_are_answered_with_what_is_expected(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _set(override)
    assert message in str(caught.value)


def test_a_loss_across_the_batch_takes_the_whole_batch_at_once() -> None:
    d2d = "loss.classification.kind=d2d_ce"
    with pytest.raises(ConfigError, match=r"train\.micro_batch: null"):
        _set(d2d, "train.batch_size=64", "train.micro_batch=32")
    assert _set(d2d, "train.batch_size=64", "train.micro_batch=64").train.micro_batch == 64


def test_an_unknown_kind_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"model\.generator\.kind: found 'stylegan'; expected one of paper, dcgan"
    ):
        _set("model.generator.kind=stylegan")
    with pytest.raises(ConfigError, match=r"loss\.adversarial\.kind: found 'lsgan'; .*bce, hinge"):
        _set("loss.adversarial.kind=lsgan")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "-1"),
        ("seed", "1.5"),
        ("data.resolution", "48"),
        ("data.channels", "2"),
        ("data.fit", "stretch"),
        ("data.on_error", "ignore"),
        ("data.mirror", "maybe"),
        ("data.test_share", "1.0"),
        ("data.test_share", "-0.1"),
        ("model.latent_dim", "0"),
        ("model.generator.channels", "0"),
        ("model.discriminator.max_channels", "-3"),
        ("loss.classification.weight_d", "-0.5"),
        ("loss.penalty.gamma", "0"),
        ("loss.penalty.gamma", "nan"),
        ("loss.penalty.on", "[]"),
        ("loss.penalty.on", "[real, generated]"),
        ("loss.penalty.every", "0"),
        ("optim.generator.lr", "0"),
        ("optim.generator.lr", "inf"),
        ("optim.generator.lr", "fast"),
        ("optim.discriminator.betas", "[0.5, 1.0]"),
        ("optim.discriminator.betas", "[0.5]"),
        ("optim.discriminator.eps", "0"),
        ("train.total_nimg", "0"),
        ("train.batch_size", "null"),
        ("train.batch_size", "many"),
        ("train.d_steps", "0"),
        ("train.ema_half_life_nimg", "-1"),
        ("train.ema_ramp_up", "0"),
        ("train.precision", "fp16"),
        ("train.threads", "0"),
        ("every.log_nimg", "0"),
        ("monitor.num_per_class", "-1"),
        ("monitor.max_duplicates", "0"),
        ("monitor.min_coverage", "1"),
    ],
)
def test_values_out_of_range_are_refused_by_key_and_value(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _set(f"{key}={value}")
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"--set: {key}: found ")


def test_a_value_out_of_range_is_refused_within_a_section_that_was_given_whole() -> None:
    with pytest.raises(ConfigError, match=r"loss\.classification\.label_smoothing: found 1"):
        _set("loss.classification={kind: cross_entropy, label_smoothing: 1.0}")


def test_all_problems_are_told_at_once_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, "train: {batch_size: 0, d_stepz: 1}\nseed: -1")
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{tmp_path / 'recipe.yaml'}: ") for line in lines)
    assert all(any(key in line for line in lines) for key in ("train.batch_size", "train.d_stepz", "seed"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["loss.adversarial.kind=wgan_gp"], "wgan_gp.*expected loss.penalty: {kind: gradient_penalty}"),
        (["loss.adversarial.kind=wgan_gp", "loss.penalty=null"], "wgan_gp.*gradient_penalty"),
        (["model.discriminator.kind=paper"], "BatchNorm; expected loss.penalty: null, or .*kind: resnet"),
        (["model.discriminator.kind=dcgan"], "BatchNorm; .*model.discriminator.spectral_norm: true"),
        (
            ["model.discriminator.kind=paper", "loss.penalty.kind=gradient_penalty"],
            "model.discriminator.kind paper mixes",
        ),
        (["train.micro_batch=5", "train.batch_size=12"], "micro_batch 5 does not divide train.batch_size 12"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _set(*overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ["loss.adversarial.kind=wgan_gp", "loss.penalty.kind=gradient_penalty"],
        ["model.discriminator.kind=paper", "loss.penalty=null"],
        ["model.discriminator={kind: dcgan, spectral_norm: true}"],
        ["model.discriminator.kind=dcgan", "loss.penalty=null"],
        ["model.generator.kind=paper"],
        ["train.micro_batch=4", "train.batch_size=12"],
    ],
)
def test_parts_that_fit_are_taken(overrides: list[str]) -> None:
    _set(*overrides)


def test_configurations_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().train.batch_size = 3  # type: ignore[misc]


# ---------------------------------------------------------------- save, compare, list, recipes


def test_save_and_load_are_inverse(tmp_path: Path) -> None:
    config = _set(
        "loss.penalty.kind=gradient_penalty",
        "model.generator={kind: dcgan, channels: 12}",
        "data.classes=[dog, {pets: [cat, hamster]}]",
        "optim.generator.lr=1e-5",
        "train.ema_ramp_up=null",
    )
    save(config, tmp_path / "config.yaml")
    assert load(RunConfig, tmp_path / "config.yaml") == config
    assert "kind: gradient_penalty" in to_yaml(config)
    assert yaml.safe_load(to_yaml(config))["data"]["classes"][0] == "dog"


def test_diff_names_each_key_with_both_values() -> None:
    assert diff(RunConfig(), RunConfig()) == {}
    new = _set("train.batch_size=8", "loss.penalty.kind=gradient_penalty", "optim.generator.betas=[0.5, 0.9]")
    assert diff(RunConfig(), new) == {
        "train.batch_size": (64, 8),
        "loss.penalty.kind": ("zero_centered", "gradient_penalty"),
        "loss.penalty.on": (["real", "fake"], None),
        "loss.penalty.gamma": (0.5, None),
        "loss.penalty.weight": (None, 10.0),
        "loss.penalty.of": ("objective", "adversarial"),
        "loss.penalty.every": (4, 1),
        "optim.generator.betas": ([0.0, 0.99], [0.5, 0.9]),
    }


def test_diff_tells_of_a_section_that_is_switched_off() -> None:
    off = diff(RunConfig(), _set("loss.penalty=null"))
    assert off["loss.penalty.kind"] == ("zero_centered", None)


@pytest.mark.parametrize(
    ("key", "harmless"),
    [
        ("train.total_nimg", True),
        ("every.log_nimg", True),
        ("every.checkpoint_nimg", True),
        ("evaluate.extractor", True),
        ("evaluate.num_images", True),
        ("train.patience_nimg", True),
        ("data.validation_share", False),
        ("every", False),
        ("train.total_nimg_x", False),
        ("train.batch_size", False),
        ("seed", False),
        ("data.source", False),
        ("loss.penalty.every", False),
    ],
)
def test_harmless_keys(key: str, harmless: bool) -> None:
    assert is_harmless(key, RunConfig.harmless) == harmless


@pytest.mark.parametrize("config", CONFIGS.values())
def test_harmless_keys_exist(config: Any) -> None:
    keys = [info.key for info in list_keys(config)]
    for harmless in config.harmless:
        assert any(key.startswith(harmless) if harmless.endswith(".") else key == harmless for key in keys)


def _sections(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for member in typing.get_args(annotation) for section in _sections(member)]


def _all_keys(section: type[BaseModel], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for name, info in section.model_fields.items():
        inner = _sections(info.annotation)
        keys |= {f"{prefix}{name}"} if not inner else set()
        for member in inner:
            keys |= _all_keys(member, f"{prefix}{name}.")
    return keys


@pytest.mark.parametrize("config", CONFIGS.values())
def test_every_key_is_listed_with_type_default_and_meaning(config: Any) -> None:
    listed = list(list_keys(config))
    assert {info.key for info in listed if info.type != "section | null"} == _all_keys(config)
    for info in listed:
        assert info.meaning.strip(), f"{info.key} has no meaning"
        assert info.type.strip(), f"{info.key} has no type"
        assert "typing." not in info.type, info
        assert "Annotated" not in info.type, info


@pytest.mark.parametrize("config", CONFIGS.values())
def test_sections_that_are_off_say_how_they_are_switched_on(config: Any) -> None:
    off = {info.key: info.meaning for info in list_keys(config) if info.type == "section | null"}
    dump = config().model_dump()
    for key, meaning in off.items():
        assert reduce(getitem, key.split("."), dump) is None
        (change,) = re.findall(rf"--set ({re.escape(key)}='[^']*')", meaning)
        assert diff(config(), load(config, None, [change.replace("'", "")]))
    assert off.keys() >= ({"augment", "loss.consistency", "loss.lecam"} if config is RunConfig else set())


def test_listed_defaults_are_those_declared() -> None:
    defaults = {info.key: info.default for info in list_keys(RunConfig)}
    assert defaults["train.batch_size"] == 64
    assert defaults["loss.penalty.on"] == ["real", "fake"]


@pytest.mark.parametrize("config", CONFIGS.values())
def test_every_section_says_what_it_is(config: Any) -> None:
    for name, info in config.model_fields.items():
        for section in _sections(info.annotation):
            for inner in [
                section,
                *(m for f in section.model_fields.values() for m in _sections(f.annotation)),
            ]:
                assert inner.__doc__, f"{name}: {inner.__name__} has no docstring"
                assert inner.__doc__ != s.Section.__doc__


@pytest.mark.parametrize(("task", "below"), [("gan", "."), ("classify", "classify")])
def test_the_recipes_are_those_in_the_folder(task: str, below: str) -> None:
    folder = Path(__file__).parents[3] / "configs" / below
    assert recipes(task) == {file.stem: file for file in folder.glob("*.yaml")}
    assert {"digits", "mnist"} <= recipes(task).keys()


@pytest.mark.parametrize(("task", "name"), [(task, name) for task in CONFIGS for name in recipes(task)])
def test_every_recipe_loads_and_says_what_it_is(task: str, name: str, tmp_path: Path) -> None:
    config = load(CONFIGS[task], find_recipe(name, task))
    assert config.description
    assert recipes(task)[name].read_text(encoding="utf-8").lstrip().startswith("#")
    save(config, tmp_path / "config.yaml")
    assert load(CONFIGS[task], tmp_path / "config.yaml") == config


def test_a_configuration_of_the_other_kind_is_refused_by_name() -> None:
    with pytest.raises(
        ConfigError, match=r"mnist.yaml: configures `acgan classify train`, not `acgan train`"
    ):
        load(RunConfig, find_recipe("mnist", "classify"))
    with pytest.raises(
        ConfigError, match=r"mnist.yaml: configures `acgan train`, not `acgan classify train`"
    ):
        load(CONFIGS["classify"], find_recipe("mnist"))


def test_a_path_wins_over_a_recipe_and_neither_is_explained(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_recipe("digits").name == "digits.yaml"
    (tmp_path / "digits").write_text("seed: 1")
    assert find_recipe("digits") == Path("digits")
    with pytest.raises(ConfigError, match=r"no recipe or file 'mnsit'.*Did you mean 'mnist'"):
        find_recipe("mnsit")
