"""Variants of `benchmarks/ablation.py`: changes of a recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from acgan.config import RunConfig
from acgan.config.base import Points
from acgan.config.losses import LossConfig
from acgan.errors import ConfigError

Variants = Mapping[str, Mapping[str, Any]]

_TOLD = (*(f"loss.{term}" for term in LossConfig.model_fields), "augment", "train.batch_size")


def built_in() -> Variants:
    """The family on a recipe, and the plain AC-GAN.

    A class loss takes the recipe's settings if the recipe uses this loss, else its own defaults: weights that suit one
    loss are wrong for another.
    """
    alone = {"model.discriminator.projection": False}
    adam = {"lr": 2e-4, "betas": [0.5, 0.999]}
    plain_loss = {
        "kind": "cross_entropy",
        "on_fake": True,
        "weight_d": 1.0,
        "weight_g": 1.0,
        "unit_norm": False,
    }
    on_fake = "loss.classification.on_fake"
    return {
        "AC": {**alone, "loss.classification.kind": "cross_entropy", on_fake: False},
        "AC real+fake": {**alone, "loss.classification.kind": "cross_entropy", on_fake: True},
        "TAC": {**alone, "loss.classification.kind": "tac"},
        "ADC": {**alone, "loss.classification.kind": "adc"},
        "ReACGAN": {**alone, "loss.classification.kind": "d2d_ce"},
        "projection": {"loss.classification": None, "model.discriminator.projection": True},
        "plain AC-GAN": {
            "loss.adversarial.kind": "bce",
            "loss.classification": plain_loss,
            **dict.fromkeys(("loss.penalty", "loss.consistency", "loss.lecam", "augment"), None),
            **{f"model.{network}": {"kind": "dcgan"} for network in ("generator", "discriminator")},
            **{f"optim.{network}": adam for network in ("generator", "discriminator")},
            "train.ema_half_life_nimg": 0,
            "train.ema_ramp_up": None,
            "train.standing_nimg": 0,
        },
    }  # fmt: skip


def read_variants(file: Path) -> Variants:
    """Read the variants of a YAML file."""
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"--variants {file}: cannot be read ({error}).") from None
    if not found or not isinstance(found, dict) or not all(isinstance(keys, dict) for keys in found.values()):
        raise ConfigError(
            f"--variants {file}: expected names with keys, as 'no penalty: {{loss.penalty: null}}'."
        )
    return {str(name): keys for name, keys in found.items()}


def override(key: str, value: Any) -> str:
    """The text ``KEY=VALUE``. A value that is a string stays as it is: our YAML reads 1e-4 as a number."""
    return f"{key}={value if isinstance(value, str) else json.dumps(value)}"


def settings(configs: Mapping[str, RunConfig]) -> str:
    """A Markdown list of settings, one item per section; different values have the names of their variants."""
    dumps = {name: config.model_dump(mode="json") for name, config in configs.items()}
    items = []
    for key in _TOLD:
        groups: dict[str, list[str]] = {}
        for name, dump in dumps.items():
            value = reduce(getitem, key.split("."), dump)
            groups.setdefault(override(key, value), []).append(name)
        parts = [f"`{text}`" + f" ({', '.join(names)})" * (len(groups) > 1) for text, names in groups.items()]
        items.append(f"- {'; '.join(parts)}\n")
    return "".join(items)


def stretched_schedules(section: BaseModel, factor: float, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys that have a schedule, with the times of its points multiplied by a factor."""
    for name, value in section:
        if isinstance(value, BaseModel):
            yield from stretched_schedules(value, factor, f"{prefix}{name}.")
        elif isinstance(value, Points):
            times, previous = [], -1
            for nimg, _ in value:
                previous = max(previous + 1, round(nimg * factor))  # rising, however short it gets
                times.append(previous)
            yield f"{prefix}{name}", [[time, point] for time, (_, point) in zip(times, value, strict=True)]
