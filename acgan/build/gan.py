"""From a configuration to a GAN."""

from __future__ import annotations

from typing import Any

import torch

from acgan.build.feed import build_feed, own_share, torch_dtype
from acgan.config import RunConfig
from acgan.errors import ConfigError
from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES
from acgan.models import GENERATORS, TRUNKS, Discriminator, Generator
from acgan.runtime import Draws, Ranks
from acgan.training.ema import EMA
from acgan.training.gan_loop import Gan
from acgan.training.objective import Objective
from acgan.types import ImageStore


def architecture(config: RunConfig, store: ImageStore) -> dict[str, Any]:
    """``kind`` and every keyword of the generator's constructor."""
    own = config.model.generator.model_dump()
    kind = own.pop("kind")
    return {
        "kind": kind,
        "latent_dim": config.model.latent_dim,
        "num_classes": store.num_classes,
        "resolution": store.resolution,
        "image_channels": store.channels,
        **own,
    }


def build_generator(config: RunConfig, store: ImageStore) -> Generator:
    """The generator for a configuration and the data's shape."""
    keywords = architecture(config, store)
    network = GENERATORS[keywords.pop("kind")]
    _check_resolution("model.generator.kind", config.model.generator.kind, network.resolutions, store)
    return network(**keywords)


def build_discriminator(config: RunConfig, store: ImageStore) -> Discriminator:
    """The discriminator for a configuration and the data's shape."""
    own = config.model.discriminator.model_dump()
    kind = own.pop("kind")
    _check_resolution("model.discriminator.kind", kind, TRUNKS[kind].resolutions, store)
    trunk = TRUNKS[kind](resolution=store.resolution, image_channels=store.channels, **own)
    return Discriminator(trunk, num_classes=store.num_classes, spectral_norm=own.get("spectral_norm", False))


def build_objective(config: RunConfig) -> Objective:
    """The summed objective."""
    loss = config.loss
    classification = loss.classification.model_dump(exclude={"kind", "weight_d", "weight_g"})
    penalty = None
    if loss.penalty is not None:
        penalty = PENALTIES[loss.penalty.kind](**loss.penalty.model_dump(exclude={"kind", "every"}))
    return Objective(
        adversarial=ADVERSARIAL[loss.adversarial.kind](),
        classification=CLASSIFICATION[loss.classification.kind](**classification),
        penalty=penalty,
        weight_d=loss.classification.weight_d,
        weight_g=loss.classification.weight_g,
        penalty_every=loss.penalty.every if loss.penalty is not None else 1,
    )


def build_gan(
    config: RunConfig, store: ImageStore, *, device: torch.device, precision: str, ranks: Ranks
) -> Gan:
    """Networks, optimisers, objective and data, on the device.

    Raises:
        ConfigError: If a network does not serve the data's resolution, or the batch cannot be shared out.
    """
    train, share = config.train, own_share(config.train, ranks)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        generator, discriminator = build_generator(config, store), build_discriminator(config, store)
    dtype = torch_dtype(precision)
    # On a GPU tensor cores want channels last; on a CPU group normalisation is several times slower with it.
    memory = torch.channels_last if device.type == "cuda" else torch.contiguous_format
    generator = generator.to(device, dtype).to(memory_format=memory)  # type: ignore[call-overload]
    discriminator = discriminator.to(device, dtype).to(memory_format=memory)  # type: ignore[call-overload]
    adam = {
        side: torch.optim.Adam(
            network.parameters(), lr=settings.lr, betas=settings.betas, eps=settings.eps, fused=True
        )
        for side, network, settings in (
            ("g", generator, config.optim.generator),
            ("d", discriminator, config.optim.discriminator),
        )
    }
    return Gan(
        generator=generator,
        discriminator=discriminator,
        ema=EMA(generator, half_life_nimg=train.ema_half_life_nimg, ramp_up=train.ema_ramp_up),
        optim_generator=adam["g"],
        optim_discriminator=adam["d"],
        objective=build_objective(config),
        feed=build_feed(config, store, device, mirror=config.data.mirror),
        draws=Draws(config.seed),
        device=device,
        precision=precision,
        micro_batch=min(train.micro_batch or share, share),
        d_steps=train.d_steps,
        run_generator=torch.compile(generator) if train.compile else generator,
        run_discriminator=torch.compile(discriminator) if train.compile else discriminator,
        ranks=ranks,
    )


def _check_resolution(key: str, kind: str, resolutions: tuple[int, ...], store: ImageStore) -> None:
    if store.resolution not in resolutions:
        served = ", ".join(map(str, resolutions))
        raise ConfigError(
            f"{key} {kind} serves {served} px, and the images are {store.resolution} px; "
            "set data.resolution or choose another kind."
        )
