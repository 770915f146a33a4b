"""Configurations saved, compared and listed; the recipes."""

import re
import typing
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml
from config_helpers import changed
from pydantic import BaseModel

from acgan.config import (
    CONFIGS,
    RunConfig,
    diff,
    is_harmless,
    list_keys,
    load,
    to_yaml,
)
from acgan.config.listing import is_section, sections_of
from acgan.config.recipes import find_recipe, recipes
from acgan.errors import ConfigError

# ---------------------------------------------------------------- save, compare, list, recipes


def test_save_and_load_are_inverse(tmp_path: Path) -> None:
    config = changed(
        "loss.penalty.kind=gradient_penalty",
        "model.generator={kind: dcgan, channels: 12}",
        "data.classes=[dog, {pets: [cat, hamster]}]",
        "optim.generator.lr=1e-5",
        "train.ema_ramp_up=null",
    )
    (tmp_path / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    assert load(RunConfig, tmp_path / "config.yaml") == config
    assert "kind: gradient_penalty" in to_yaml(config)
    assert yaml.safe_load(to_yaml(config))["data"]["classes"][0] == "dog"


def test_diff_names_each_key_with_both_values() -> None:
    assert diff(RunConfig(), RunConfig()) == {}
    new = changed(
        "train.batch_size=8", "loss.penalty.kind=gradient_penalty", "optim.generator.betas=[0.5, 0.9]"
    )
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


@pytest.mark.parametrize(
    ("key", "harmless"),
    [
        ("train.total_nimg", True),
        ("every.log_nimg", True),
        ("every.checkpoint_nimg", True),
        ("evaluate.extractor", True),
        ("evaluate.num_images", True),
        ("train.patience_nimg", True),
        ("monitor.num_per_class", True),
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


@pytest.mark.parametrize(
    ("task", "folders"),
    [("gan", {".": "", "studiogan": "studiogan/"}), ("classify", {"classify": ""}), ("sweep", {"sweep": ""})],
)
def test_the_recipes_are_those_in_the_folder(task: str, folders: dict[str, str]) -> None:
    configs = Path(__file__).parents[3] / "configs"
    # By content: an installed package has its own copies.
    assert {name: file.read_bytes() for name, file in recipes(task).items()} == {
        start + file.stem: file.read_bytes()
        for folder, start in folders.items()
        for file in (configs / folder).glob("*.yaml")
    }


@pytest.mark.parametrize("task", ["gan", "classify"])
def test_both_tasks_have_digits_and_mnist(task: str) -> None:
    assert {"digits", "mnist"} <= recipes(task).keys()


@pytest.mark.parametrize(("task", "name"), [(task, name) for task in CONFIGS for name in recipes(task)])
def test_every_recipe_loads_and_says_what_it_is(task: str, name: str, tmp_path: Path) -> None:
    config = load(CONFIGS[task], find_recipe(name, task))
    assert config.description
    assert recipes(task)[name].read_text(encoding="utf-8").lstrip().startswith("#")
    (tmp_path / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
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
    with pytest.raises(ConfigError, match=r"no recipe, file or run 'mnsit'.*Did you mean 'mnist'"):
        find_recipe("mnsit")


@pytest.mark.parametrize("annotation", [list[str], dict[str, int], tuple[int, ...], int, "text", None])
def test_a_plain_value_has_no_sections(annotation: object) -> None:
    # Python 3.10 calls list[str] a type.
    assert not is_section(annotation)
    assert sections_of(annotation) == []
