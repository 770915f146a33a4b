"""A batch in micro-batches gives the gradients of the whole batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from run_helpers import TINY, overrides

from acgan import api
from acgan.assembly import build_gan
from acgan.config import RunConfig, load
from acgan.distributed import Ranks
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step

CONFIGS: dict[str, dict[str, Any]] = {
    "relativistic, R1 and R2": {},
    "relativistic, R1 and R2, spectral norm": {"model.discriminator.spectral_norm": True},
    "hinge": {"loss.adversarial.kind": "hinge", "loss.penalty": None},
    "hinge, spectral norm": {
        "loss.adversarial.kind": "hinge",
        "loss.penalty": None,
        "model.discriminator.spectral_norm": True,
    },
    "bce, class on fake, R1": {
        "loss.adversarial.kind": "bce",
        "loss.classification": {"kind": "cross_entropy", "on_fake": True},
        "loss.penalty.on": ["real"],
    },
    "wgan_gp": {"loss.adversarial.kind": "wgan_gp", "loss.penalty": {"kind": "gradient_penalty"}},
    "two steps, mirror, balance": {"train.d_steps": 2, "data.mirror": True, "data.balance": True},
    "dropout": {  # a generator without BatchNorm: whose statistics are those of a micro-batch
        "data.resolution": 32,
        "model.discriminator": {"kind": "dcgan", "channels": 4, "spectral_norm": True},
        "loss.penalty": None,
    },
}


def gan_of(changes: dict[str, Any], micro_batch: int) -> Gan:
    values = {**changes, "train.precision": "float64", "train.micro_batch": micro_batch}
    config = load(RunConfig, TINY, overrides(values))
    store = api.load_data(config).train
    return build_gan(config, store, device=torch.device("cpu"), precision="float64", ranks=Ranks())


def gradients(gan: Gan) -> dict[str, torch.Tensor]:
    """Of both networks after a step of each at iteration 0, where a penalty is due, and the logged terms."""
    guard = FiniteGuard(gan.device)
    d_log = discriminator_step(gan, guard, 0, gan.d_steps - 1 if gan.objective.penalty is None else 0)
    d_gradients = {f"D {name}": p.grad.clone() for name, p in gan.discriminator.named_parameters()}
    g_log = generator_step(gan, guard, 0)
    found = {f"G {name}": p.grad for name, p in gan.generator.named_parameters()}
    logs = {f"log D {k}": v for k, v in d_log.items()} | {f"log G {k}": v for k, v in g_log.items()}
    return {**d_gradients, **found, **logs}


@pytest.mark.parametrize("name", CONFIGS)
def test_micro_batches_add_up_to_the_batch(name: str) -> None:
    whole, parts = gradients(gan_of(CONFIGS[name], 16)), gradients(gan_of(CONFIGS[name], 4))
    assert whole.keys() == parts.keys()
    for key, expected in whole.items():
        torch.testing.assert_close(
            parts[key], expected, rtol=1e-9, atol=1e-12, msg=lambda m, k=key: f"{k}: {m}"
        )
    moved = sum(float(value.abs().sum()) > 0 for key, value in whole.items() if not key.startswith("log"))
    assert moved > 0.9 * sum(not key.startswith("log") for key in whole)


@pytest.mark.parametrize("micro_batch", [1, 2, 8])
def test_any_micro_batch_will_do(micro_batch: int) -> None:
    whole, parts = gradients(gan_of({}, 16)), gradients(gan_of({}, micro_batch))
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-12)


def test_dropout_and_noise_are_alike_in_micro_batches() -> None:
    """The paper's discriminator, its BatchNorm in eval mode: what is left to differ is dropout and noise."""
    changes = {
        "data.resolution": 32,
        "model.discriminator": {"kind": "paper", "activation_noise": 0.2},
        "loss.adversarial.kind": "bce",
        "loss.penalty": None,
    }
    found = []
    for micro_batch in (16, 4):
        gan = replace(gan_of(changes, micro_batch))
        for layer in gan.discriminator.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.eval()
        found.append(gradients(gan))
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-12)
