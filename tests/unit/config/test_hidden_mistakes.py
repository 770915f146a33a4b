"""A file's own mistakes are named, whatever options say of the same sections."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_helpers import load_text

from acgan.errors import ConfigError

PENALTY = "loss:\n  penalty: {kind: zero_centered, gama: 1}\n"
OTHER = "loss.penalty.kind=gradient_penalty"
ADVERSARIAL = "loss.adversarial.kind=wgan_gp"


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (PENALTY, [OTHER, ADVERSARIAL], r"recipe\.yaml: line 2: unknown key loss\.penalty\.gama\. Did"),
        (PENALTY, ["loss.penalty=null"], r"line 2: unknown key loss\.penalty\.gama"),
        (
            PENALTY,
            ["loss.penalty={kind: gradient_penalty}", ADVERSARIAL],
            r"line 2: unknown key loss\.penalty\.gama",
        ),
        (PENALTY, ["seed=1"], r"line 2: unknown key loss\.penalty\.gama"),
        (
            "loss:\n  penalty:\n    gamma: a lot\n",
            [OTHER, ADVERSARIAL],
            r"line 3: loss\.penalty\.gamma: found 'a lot'",
        ),
        (
            "loss:\n  penalty:\n    gamma: -1\n",
            ["loss.penalty=null"],
            r"line 3: loss\.penalty\.gamma: found -1",
        ),
        (
            "loss: {penalty: {kind: zero_centred}}\n",
            [OTHER, ADVERSARIAL],
            r"line 1: loss\.penalty\.kind: found 'zero_c",
        ),
        (
            "loss: {penalty: {weight: 10}}\n",
            [OTHER, ADVERSARIAL],
            r"line 1: unknown key loss\.penalty\.weight for",
        ),
        ("train:\n  batch_size: many\n", ["train.batch_size=8"], r"line 2: train\.batch_size: found 'many'"),
        (
            "model: {generator: {kind: dcgan, chanels: 8}}\n",
            ["model.generator.kind=resnet"],
            r"generator\.chanels",
        ),
    ],
)
def test_they_are_named(tmp_path: Path, text: str, overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_text(tmp_path, text, *overrides)


@pytest.mark.parametrize(
    ("text", "overrides"),
    [
        ("loss: {penalty: {kind: zero_centered, gamma: 1}}\n", [OTHER, ADVERSARIAL]),
        ("model: {generator: {kind: dcgan, channels: 8}}\n", ["model.generator.kind=resnet"]),
        # What does not fit together in the file alone is made to fit by an option.
        ("loss: {adversarial: {kind: wgan_gp}}\n", ["loss.penalty={kind: gradient_penalty}"]),
        ("loss: {adversarial: null}\n", ["loss.adversarial={kind: hinge}"]),
        ("model: {discriminator: {kind: dcgan}}\n", ["loss.penalty=null", "model.generator.kind=dcgan"]),
    ],
)
def test_what_options_may_change_goes_on(tmp_path: Path, text: str, overrides: list[str]) -> None:
    load_text(tmp_path, text, *overrides)
