"""``loss.adversarial: null``: beside a class loss that tells real from generated, where nothing needs the logit."""

from __future__ import annotations

from typing import Literal

import pytest
from config_helpers import changed

from acgan.config import RunConfig
from acgan.config.losses import CLASSIFICATION_KINDS, BaseClassificationConfig
from acgan.errors import ConfigError


class BothConfig(BaseClassificationConfig):
    """A toy section."""

    head_keys = ()
    tells_real = True
    kind: Literal["both"] = "both"


BOTH = ("loss.adversarial=null", "loss.classification={kind: both}")


@pytest.fixture(autouse=True)
def _known(registry: None) -> None:
    CLASSIFICATION_KINDS.sections.append(BothConfig)


def _without(*overrides: str) -> RunConfig:
    config: RunConfig = changed(*BOTH, *overrides)
    return config


def test_it_is_null() -> None:
    assert _without().loss.adversarial is None
    assert _without("loss.penalty=null").loss.adversarial is None
    assert _without("augment={kind: ada, target: null, p: 0.2}").augment is not None
    assert changed(*BOTH[1:]).loss.adversarial is not None


@pytest.mark.parametrize(
    ("overrides", "found"),
    [((), "of kind adc"), (("loss.classification=null", "model.discriminator.projection=true"), "null")],
)
def test_a_class_loss_must_tell_real_from_generated(overrides: tuple[str, ...], found: str) -> None:
    message = f"loss.adversarial is null, and loss.classification, {found}, does not tell real images"
    with pytest.raises(ConfigError, match=message):
        changed("loss.adversarial=null", *overrides)


@pytest.mark.parametrize(
    ("override", "remedy"),
    [
        ("model.discriminator.projection=true", "model.discriminator.projection: false"),
        ("loss.penalty.of=adversarial", "loss.penalty.of: objective"),
        ("loss.penalty={kind: gradient_penalty}", "loss.penalty.of: objective"),
        ("augment={kind: ada}", "augment.target: null, with a p"),
        ("loss.lecam={}", "loss.lecam: null"),
        ("loss.consistency={}", "loss.consistency: null"),
    ],
)
def test_what_needs_the_logit_is_refused(override: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _without(override)
    assert str(caught.value) == (
        "--set: loss.adversarial is null, so that D has no adversarial logit, and some settings need it; expected "
        f"{remedy}."
    )


def test_both_weights_are_needed() -> None:
    with pytest.raises(ConfigError, match=r"weight_d 1 and weight_g 0, .*G learns nothing of the class"):
        _without("loss.classification.weight_g=0")
