"""The golden traces: tiny float64 trainings on one thread, every logged term of every step.

torch's normal draws differ in their last bits between processors, and a GAN magnifies that; so every trace starts
from weights drawn by NumPy, with the mean and spread (to two digits) that the initialisation gave.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from acgan import api
from acgan.assembly import build_gan
from acgan.config import RunConfig, load
from acgan.training.gan import Gan

FOLDER = Path(__file__).parent

_BATCH = 16
_COMMON = {
    "data.source": "digits",
    "data.resolution": 16,
    "model.latent_dim": 16,
    "train.batch_size": _BATCH,
    "train.precision": "float64",
    "train.threads": 1,
    "every.log_nimg": _BATCH,
    "every.sample_nimg": 1_000_000,
    "every.evaluate_nimg": 1_000_000,
    "every.checkpoint_nimg": 1_000_000,
    "monitor.num_per_class": 0,
    "train.standing_nimg": 0,  # what is written at the end is not looked at
}
_RESNET = {
    "model.generator.channels": 8,
    "model.generator.max_channels": 16,
    "model.generator.class_dim": 16,
    "model.discriminator.channels": 8,
    "model.discriminator.max_channels": 16,
}
_CROSS_ENTROPY = {"kind": "cross_entropy", "weight_g": 0.3}
_OF_LOGIT = {"kind": "zero_centered", "of": "adversarial"}
_DCGAN = {
    "model.generator": {"kind": "dcgan", "channels": 8},
    "model.discriminator": {"kind": "dcgan", "channels": 8},
}

#: Name: (steps, changes to the defaults).
TRACES: dict[str, tuple[int, dict[str, Any]]] = {
    "default": (20, _RESNET),
    "micro_batches_mirror_balance": (
        5,
        {
            **_RESNET,
            "train.d_steps": 2,
            "train.micro_batch": 8,
            "data.mirror": True,
            "data.balance": True,
            "loss.classification": {**_CROSS_ENTROPY, "label_smoothing": 0.1},
            "loss.penalty": _OF_LOGIT,
        },
    ),
    "paper": (
        3,
        {
            "data.resolution": 32,
            "model.generator": {"kind": "paper"},
            "model.discriminator": {"kind": "paper", "activation_noise": 0.1},
            "loss.adversarial.kind": "bce",
            "loss.classification": {**_CROSS_ENTROPY, "on_fake": True},
            "loss.penalty": None,
            "optim.generator": {"lr": 2e-4, "betas": [0.5, 0.999]},
            "optim.discriminator": {"lr": 2e-4, "betas": [0.5, 0.999]},
        },
    ),
    "dcgan_bce_on_fake": (
        5,
        {
            **_DCGAN,
            "loss.adversarial.kind": "bce",
            "loss.classification": {**_CROSS_ENTROPY, "on_fake": True},
            "loss.penalty": None,
        },
    ),
    "hinge_spectral_norm": (
        5,
        {
            **_RESNET,
            "loss.adversarial.kind": "hinge",
            "loss.classification": _CROSS_ENTROPY,
            "model.discriminator.spectral_norm": True,
            "loss.penalty": None,
        },
    ),
    "wgan_gp": (
        5,
        {
            **_RESNET,
            "loss.adversarial.kind": "wgan_gp",
            "loss.classification": _CROSS_ENTROPY,
            "loss.penalty": {"kind": "gradient_penalty"},
        },
    ),
    "tac": (3, {**_RESNET, "loss.classification": {"kind": "tac"}, "loss.penalty": _OF_LOGIT}),
    "adc": (
        3,
        {
            **_RESNET,
            "loss.classification": {"kind": "adc", "unit_norm": True, "weight_g": 1.0},
            "loss.penalty": _OF_LOGIT,
        },
    ),
    "d2d_ce": (
        3,
        {
            **_RESNET,
            "loss.classification": {"kind": "d2d_ce", "embedding_dim": 16},
            "loss.penalty": _OF_LOGIT,
            "model.discriminator.projection": True,
        },
    ),
    "projection": (3, {**_RESNET, "loss.classification": None, "model.discriminator.projection": True}),
    "augmented": (
        5,
        {
            **_RESNET,
            "loss.classification": _CROSS_ENTROPY,
            "augment": {"kind": "ada", "target": 0.05, "adjust_nimg": 256},
            "loss.lecam": {"half_life_nimg": 64},
            "loss.consistency": {},
            "loss.penalty": {**_OF_LOGIT, "gamma": [[0, 0.5], [0.8, 2.0]], "every": 1},
            "optim.generator.lr": [[0, 1e-3], [0.6, 1e-4]],
            "optim.discriminator.lr": [[0, 1e-3], [0.4, 4e-3]],
            "train.d_steps": 2,
        },
    ),
    "style": (
        3,
        {
            **_RESNET,
            "loss.classification": _CROSS_ENTROPY,
            "loss.penalty": _OF_LOGIT,
            "model.generator.modulation": "style",
            "model.generator.mapping_layers": 2,
            "model.generator.patch": 2,
            "model.generator.attention": [8],
            "model.discriminator.attention": [8],
        },
    ),
    "biggan": (
        3,
        {
            "data.resolution": 32,
            "model.generator": {"kind": "biggan", "channels": 2, "class_dim": 6, "attention": [16]},
            "model.discriminator": {"kind": "biggan", "channels": 2, "skip_relu": True, "attention": [16]},
            "loss.adversarial.kind": "hinge",
            "loss.classification": {"kind": "tac", "on_fake": True, "twin_weight_g": 0.5, "bias": False},
            "loss.penalty": None,
            "train.d_steps": 2,
            "train.ema_start_nimg": 16,
        },
    ),
    "side_28": (3, {**_RESNET, "data.resolution": 28, "model.generator.attention": [14]}),
}


def trace(name: str) -> list[dict[str, float]]:
    """Train; the logged terms of each step."""
    steps, changes = TRACES[name]
    overrides = [
        f"{key}={json.dumps(value)}"
        for key, value in {**_COMMON, **changes, "train.total_nimg": steps * _BATCH}.items()
    ]
    ticks: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as directory, mock.patch("acgan.api.gan.build_gan", _build_gan):
        api.train(
            load(RunConfig, None, overrides),
            on_tick=lambda tick: ticks.append(dict(tick.stats)),
            run_dir=Path(directory) / "run",
            device="cpu",
            warn=lambda message: None,  # the digits are small
        )
    return ticks


@torch.no_grad()
def _build_gan(*args: Any, **keywords: Any) -> Gan:
    """What is built, with the same weights on every processor."""
    gan = build_gan(*args, **keywords)
    draws = np.random.Generator(np.random.Philox(0))
    for network in (gan.generator, gan.discriminator):
        for parameter in network.parameters():
            mean, spread = (
                float(f"{value:.1e}") for value in (parameter.mean(), parameter.std(correction=0))
            )
            parameter.copy_(torch.as_tensor(mean + spread * draws.standard_normal(parameter.shape)))
        for name, buffer in network.named_buffers():
            if name.endswith(".u"):  # of spectral normalisation: a unit vector
                vector = torch.from_numpy(draws.standard_normal(buffer.shape))
                buffer.copy_(vector / vector.norm())
    gan.ema.network.load_state_dict(gan.generator.state_dict())
    return gan


def read(name: str) -> list[dict[str, float]]:
    """The trace that is expected."""
    expected: list[dict[str, float]] = json.loads((FOLDER / f"{name}.json").read_text())
    return expected


def write(name: str, steps: list[dict[str, float]]) -> None:
    """Make a trace the expected one: one line a step, ten digits."""
    rounded = [{term: float(f"{value:.10g}") for term, value in step.items()} for step in steps]
    lines = ",\n".join(json.dumps(step) for step in rounded)
    (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n")
