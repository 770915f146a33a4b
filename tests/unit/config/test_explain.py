"""Errors in a configuration are told in our terms, not in pydantic's."""

import pytest

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
