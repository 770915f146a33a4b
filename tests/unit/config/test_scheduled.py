"""Values that are numbers or schedules: what is taken, what is refused in which words, and back through YAML."""

import itertools
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

from acgan.config import RunConfig, diff, list_keys, load, to_yaml
from acgan.config.base import Points
from acgan.errors import ConfigError

AUGMENT = "augment={kind: diff_augment}"
POSITIVE = ("optim.generator.lr", "optim.discriminator.lr", "loss.penalty.gamma")
KEYS = (*POSITIVE, "train.ema_half_life_nimg", "augment.p")
EXPECTED = {
    **dict.fromkeys(POSITIVE, "expected a number above 0, up to 1e30"),
    "train.ema_half_life_nimg": "expected a number from 0 to 1e12",
    "augment.p": "expected a number from 0 to 1",
}


def _set(*overrides: str) -> RunConfig:
    return load(RunConfig, None, (AUGMENT, *overrides))


def _get(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = getattr(config, part)
    return config


def _refusal(override: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _set(override)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("1", 1.0), ("5e-4", 5e-4)])
def test_a_number(text: str, value: float) -> None:
    for key in KEYS:
        found = _get(_set(f"{key}={text}"), key)
        assert found == value, key
        assert type(found) is float, key


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("[[0, 0.5], [1, 0.1]]", ((0, 0.5), (1, 0.1))),
        ("[[0, 0], [0.5, 1]]", ((0, 0.0), (0.5, 1.0))),  # a point may be zero
        ("[[0.25, 2e-1]]", ((0.25, 0.2),)),
        ("[[0.0, 1], [1e-5, 0.5]]", ((0, 1.0), (1e-5, 0.5))),
    ],
)
def test_points(text: str, points: tuple[tuple[float, float], ...]) -> None:
    for key in KEYS:
        found = _get(_set(f"{key}={text}"), key)
        assert type(found) is Points, key
        assert found == points, key
        assert all(type(time) is float and type(value) is float for time, value in found), key


@pytest.mark.parametrize("text", ["0", "0.0"])
def test_nought(text: str) -> None:
    assert _set(f"train.ema_half_life_nimg={text}").train.ema_half_life_nimg == 0
    assert _set(f"augment.p={text}").augment.p == 0
    for key in POSITIVE:
        assert (
            _refusal(f"{key}={text}")
            == f"--set: {key}: found {float(text) if '.' in text else 0}; {EXPECTED[key]}."
        )


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [-0.5, -1])
def test_numbers_below_the_range(key: str, value: float) -> None:
    assert _refusal(f"{key}={value}") == f"--set: {key}: found {value}; {EXPECTED[key]}."
    assert _refusal(f"{key}=[[0, 0.5], [1, {value}]]").endswith(f"; {EXPECTED[key]}.")


def test_a_probability_above_one() -> None:
    assert _refusal("augment.p=1.5") == "--set: augment.p: found 1.5; expected a number from 0 to 1."
    assert _refusal("augment.p=[[0, 0.5], [0.9, 2]]").endswith("; expected a number from 0 to 1.")
    assert _set("augment.p=1").augment.p == 1


@pytest.mark.parametrize("text", ["fast", "true", "null", ".inf", ".nan", "{0: 1}"])
def test_what_is_no_number(text: str) -> None:
    for key, value in itertools.product(KEYS, (text, f"[[0, 1], [1, {text}]]")):
        message = _refusal(f"{key}={value}")
        assert message.startswith(f"--set: {key}: ")
        assert message.endswith(f"{EXPECTED[key]}, or [[share, value], …].")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[[]]",
        "[1, 2]",
        "[0, [1, 1]]",
        "[[0, 1, 1]]",
        "[[0]]",
        "[[0, 1], [0, 0.5]]",  # at once
        "[[0.9, 1], [0.5, 0.5]]",  # back in time
        "[[-0.1, 1], [0.5, 0.5]]",
        "[[1.5e0, 1]]",
        "[[.nan, 1]]",
        "[[0, 1], [35_000, 0.5]]",  # in images, as in earlier versions
        f"[[0, 1], [1{38 * '0'}, 0.5]]",
        "[[.inf, 1]]",
        "[[0, 1], [0.0, 1]]",
        "[[true, 1]]",
        "[[now, 1]]",
        "[ab, cd]",
    ],
)
def test_what_are_no_points(text: str) -> None:
    for key in KEYS:
        message = _refusal(f"{key}={text}")
        assert message.startswith(f"--set: {key}: found [")
        assert message.endswith(
            "; expected [[share, value], …], one or more, at shares of the training that rise, from 0 to 1 "
            "(images divided by train.total_nimg)."
        )


def test_a_file_and_options_are_merged(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "optim: {generator: {lr: [[0, 0.001], [0.5, 1e-4]]}}\n"
        "train:\n  ema_half_life_nimg:\n  - [0, 100]\n  - [0.2, 500]\n"
    )
    config = load(RunConfig, file)
    assert config.optim.generator.lr == ((0, 1e-3), (0.5, 1e-4))
    assert config.optim.discriminator.lr == 5e-4
    assert config.train.ema_half_life_nimg == ((0, 100.0), (0.2, 500.0))
    assert load(RunConfig, file, ["optim.generator.lr=0.01"]).optim.generator.lr == 0.01
    assert load(RunConfig, file, ["optim.generator.lr=[[0.7, 0.01]]"]).optim.generator.lr == ((0.7, 0.01),)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("text", ["0.25", "[[0, 0], [0.1, 0.1], [0.123456789, 1.0e-5]]"])
def test_saving_and_loading_are_inverse(key: str, text: str, tmp_path: Path) -> None:
    config = _set(f"{key}={text}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydantic warns where a value is not of the declared type
        (tmp_path / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    again = load(RunConfig, tmp_path / "config.yaml")
    assert again == config
    assert type(_get(again, key)) is type(_get(config, key))
    plain = _get_plain(yaml.safe_load(to_yaml(config)), key)
    assert plain == yaml.safe_load(text)  # for any reader of YAML


def _get_plain(values: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def test_differences_are_told() -> None:
    same = _set("loss.penalty.gamma=[[0, 1], [0.9, 2]]")
    assert diff(same, _set("loss.penalty.gamma=[[0, 1.0], [0.9, 2.0]]")) == {}
    changed = diff(same, _set("loss.penalty.gamma=[[0, 1], [0.9, 3]]"))
    assert changed == {"loss.penalty.gamma": ([[0, 1.0], [0.9, 2.0]], [[0, 1.0], [0.9, 3.0]])}


def test_the_list_of_keys_says_that_both_are_taken() -> None:
    types = {info.key: info.type for info in list_keys(RunConfig)}
    for key in (*KEYS, "loss.penalty.weight"):
        assert types[key].startswith("float | [[share, value], …]")


@pytest.mark.parametrize("values", ["{kind: ada, p: 0.1}", "{kind: ada, target: null}"])
def test_ada_takes_a_target_or_a_probability(values: str) -> None:
    assert _refusal(f"augment={values}").startswith("--set: augment: found p ")
    assert _set("augment={kind: ada, target: null, p: 0.1}").augment.p == 0.1
    assert _set("augment={kind: ada}").augment.target == 0.6


def test_consistency_without_any_change_is_refused() -> None:
    assert "expected a shift above 0" in _refusal("loss.consistency={shift: 0}")
    assert (
        load(RunConfig, None, ["loss.consistency={shift: 0}", "data.mirror=true"]).loss.consistency.shift == 0
    )


def test_unit_norm_does_not_go_with_spectral_norm() -> None:
    overrides = ["loss.classification.unit_norm=true", "model.discriminator.spectral_norm=true"]
    with pytest.raises(ConfigError, match="from which no class can be told"):
        load(RunConfig, None, overrides)
