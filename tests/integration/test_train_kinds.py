"""Networks, losses and resolutions by ``acgan train``, in every combination."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from run_helpers import (
    acgan_train,
    stats_rows,
)

SHORT: dict[str, Any] = {"train.total_nimg": 64, "every.log_nimg": 32, "monitor.num_per_class": 0}


_ADVERSARIAL = ("bce", "hinge", "wgan_gp", "relativistic")
_GENERATORS = ("paper", "dcgan", "resnet", "biggan")
_DISCRIMINATORS = ("paper", "dcgan", "dcgan sn", "resnet", "resnet sn", "biggan bn", "biggan")
# Eight of them, with each kind once at least, are quick; the others are slow.
_QUICK = {
    ("bce", "paper", "paper"),
    ("hinge", "dcgan", "dcgan sn"),
    ("wgan_gp", "resnet", "resnet sn"),
    ("relativistic", "paper", "resnet"),
    ("bce", "dcgan", "resnet"),
    ("hinge", "resnet", "dcgan"),
    ("hinge", "biggan", "biggan bn"),
    ("wgan_gp", "biggan", "biggan"),
}
KINDS = [
    pytest.param(*kinds, marks=[pytest.mark.slow] * (kinds not in _QUICK))
    for kinds in product(_ADVERSARIAL, _GENERATORS, _DISCRIMINATORS)
    if kinds[0] != "wgan_gp" or kinds[2] not in ("paper", "dcgan", "biggan bn")
]


@pytest.mark.parametrize(("adversarial", "generator", "discriminator"), KINDS)
def test_every_combination_trains(
    adversarial: str, generator: str, discriminator: str, tmp_path: Path
) -> None:
    kind, _, normalised = discriminator.partition(" ")
    trunk: dict[str, Any] = {"kind": kind}
    if normalised:
        trunk["spectral_norm"] = normalised == "sn"
    if kind != "paper":
        trunk["channels"] = 4
    has_batch_norm = discriminator in ("paper", "dcgan", "biggan bn")
    penalty = (
        {"kind": "gradient_penalty"} if adversarial == "wgan_gp" else {"kind": "zero_centered", "every": 1}
    )
    changes = {
        **SHORT,
        "data.resolution": 32 if {"paper", "biggan"} & {generator, kind} else 16,
        "model.generator": {"kind": generator, **({} if generator == "paper" else {"channels": 4})},
        "model.discriminator": trunk,
        "loss.adversarial.kind": adversarial,
        "loss.classification": {"kind": "cross_entropy", "on_fake": adversarial == "bce"},
        "loss.penalty": None if has_batch_norm else penalty,
        "train.batch_size": 4,
        "train.total_nimg": 8,
        "every.log_nimg": 4,
    }
    result = acgan_train(tmp_path / "run", changes)
    assert result.exit_code == 0, result.output
    rows = stats_rows(tmp_path / "run")
    assert [row["nimg"] for row in rows] == [4, 8]
    expected = {"D/adversarial", "D/class_real", "G/adversarial", "G/class_fake"}
    if adversarial == "bce":
        expected |= {"D/class_fake"}
    if not has_batch_norm:
        expected |= {"D/gp"} if adversarial == "wgan_gp" else {"D/r1", "D/r2"}
    assert expected <= rows[0].keys()
    assert all(abs(value) < 1e4 for row in rows for value in row.values()), rows


@pytest.mark.parametrize("resolution", [64, pytest.param(128, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["dcgan", "resnet", "biggan"])
def test_every_resolution_trains(kind: str, resolution: int, tmp_path: Path) -> None:
    changes = {
        **SHORT,
        "data.resolution": resolution,
        "model.generator": {"kind": kind, "channels": 2},
        "model.discriminator": {"kind": kind, "channels": 2},
        "loss.penalty": None,
        "train.batch_size": 2,
        "train.total_nimg": 4,
    }
    assert acgan_train(tmp_path / "run", changes).exit_code == 0
