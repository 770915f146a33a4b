"""Errors in a configuration are told in our terms, not in pydantic's."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from acgan.cli.config import command as config_command
from acgan.config import ClassifierConfig, RunConfig, load
from acgan.config.listing import kind_of, sections_of
from acgan.errors import ConfigError


class Choice(NamedTuple):
    """A key whose values are listed."""

    kinds: tuple[str, ...]  # overrides that it needs
    key: str
    listed: tuple[Any, ...]
    in_list: bool


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "model.generator.kind=resent",
            "model.generator.kind: found 'resent'; expected one of paper, dcgan, resnet, biggan. Did you mean "
            "'resnet'?",
        ),
        ("loss.penalty={gamma: 1, kind: null}", "loss.penalty.kind: found None; expected"),
        ("train=", "train: found None; expected a section of keys"),
        *(
            (
                f"model.{network}.attention={text}",
                f"model.{network}.attention: found {text}; expected a list of sides of blocks up to 512, each 4, 5, 6 "
                "or 7 times a power of two, as in [16].",
            )
            for network in ("generator", "discriminator")
            for text in ("16", "[9]", "[16, 2]", "[1024]", "[True]", "'16'", "['16']", "[16.0]")
        ),
        ("data=3", "data: found 3; expected a section of keys"),
    ],
)
def test_the_message_names_key_found_and_expected(override: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(RunConfig, None, [override])
    assert told in str(raised.value)


def test_a_key_of_a_section_that_is_off_says_that_its_kind_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"loss\.penalty\.kind: found None; expected"):
        load(RunConfig, None, ["loss.penalty=null", "loss.penalty.gamma=1"])


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_any_side_that_a_block_may_have_is_taken(network: str) -> None:
    sides = [4, 5, 7, 8, 14, 28, 96, 256, 512]
    config = load(RunConfig, None, [f"model.{network}.attention={sides}"])
    assert getattr(config.model, network).attention == tuple(sides)
    assert getattr(load(RunConfig, None).model, network).attention == ()


def test_lists_are_listed_as_yaml_has_them() -> None:
    result = CliRunner().invoke(config_command)
    assert "\nmodel.generator.attention: list of int = []\n" in result.output
    assert "\noptim.generator.betas: list of float, 0 to below 1 = [0.0, 0.99]\n" in result.output
    assert " = (" not in result.output


def _choices(model: type[BaseModel], prefix: str = "", kinds: tuple[str, ...] = ()) -> Iterator[Choice]:
    """Every key whose values are listed: the overrides that it needs, itself, and the values."""
    for name, field in model.model_fields.items():
        for listed in _listed(field.annotation) if name not in ("kind", "task") else ():
            yield Choice(kinds, f"{prefix}{name}", listed, get_origin(field.annotation) is list)
        for section in sections_of(field.annotation):
            needed = [f"{key}: x" for key, inner in section.model_fields.items() if inner.is_required()]
            kind = [f"kind: {kind_of(section)}"] if kind_of(section) else []
            table = ", ".join([*kind, *(entry for entry in needed if entry != "kind: x")])
            own = (f"{prefix}{name}={{{table}}}",) if table else ()
            yield from _choices(section, f"{prefix}{name}.", (*kinds, *own))


def _listed(annotation: Any) -> Iterator[tuple[Any, ...]]:
    if get_origin(annotation) is Literal:
        yield get_args(annotation)
    else:
        for part in get_args(annotation):
            yield from _listed(part)


@pytest.mark.parametrize("wrong", ["-7", "seven"])
@pytest.mark.parametrize("model", [RunConfig, ClassifierConfig])
def test_a_value_that_is_not_among_those_listed(model: type[BaseModel], wrong: str) -> None:
    found = list(_choices(model))
    assert {type(choice.listed[0]) for choice in found} == {int, str}, "numbers and words"
    for kinds, key, listed, in_list in found:
        with pytest.raises(ConfigError) as raised:
            load(model, None, [*kinds, f"{key}=[{wrong}]" if in_list else f"{key}={wrong}"])
        told = str(raised.value).splitlines()
        expected = ", ".join(map(str, listed))
        assert any(
            line.startswith(f"--set: {key}") and f"expected one of {expected}." in line for line in told
        ), told
        assert isinstance(listed[0], str) or told == [
            f"--set: {key}: found {wrong if wrong == '-7' else repr(wrong)}; expected one of {expected}."
        ]
