"""Errors in a configuration are told in our terms, not in pydantic's."""

import pytest
from click.testing import CliRunner

from acgan.cli.config import command as config_command
from acgan.config import RunConfig, load
from acgan.errors import ConfigError


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "model.generator.kind=resent",
            "model.generator.kind: found 'resent'; expected one of paper, dcgan, resnet. Did you mean 'resnet'?",
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
    assert "\noptim.generator.betas: list of float = [0.0, 0.99]\n" in result.output
    assert " = (" not in result.output
