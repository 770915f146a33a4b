"""Builds a GAN from a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from acgan import runtime
from acgan.assembly.feed import build_feed, own_share, torch_dtype
from acgan.assembly.portions import in_portions, portion_size, prepare_for_portions
from acgan.augment import DISCRIMINATOR_AUGMENTATIONS
from acgan.config import RunConfig
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES
from acgan.models import (
    AUX_HEADS,
    GENERATORS,
    TRUNKS,
    AuxHead,
    Discriminator,
    Generator,
    Trunk,
    order_matters,
)
from acgan.sides import nearest
from acgan.training.augmenting import Augmenter
from acgan.training.ema import EMA
from acgan.training.gan import Gan, Schedules
from acgan.training.objective import Objective
from acgan.training.regularisers import REGULARISERS, Surroundings
from acgan.training.schedule import Curve
from acgan.training.working import WorkingCopy
from acgan.types import ImageStore

_Part = TypeVar("_Part")


def architecture(config: RunConfig, store: ImageStore) -> dict[str, Any]:
    """``kind`` and every keyword of the generator's constructor."""
    own = config.model.generator.model_dump(mode="json")
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
    check_resolution(f"model.generator.kind {config.model.generator.kind}", network, store)
    with naming("model.generator"):
        return network(**keywords)


def build_discriminator(config: RunConfig, store: ImageStore) -> Discriminator:
    """The discriminator for a configuration and the data's shape."""
    own = config.model.discriminator.model_dump(mode="json")
    kind, projection = own.pop("kind"), own.pop("projection")
    check_resolution(f"model.discriminator.kind {kind}", TRUNKS[kind], store)
    with naming("model.discriminator"):
        trunk = TRUNKS[kind](resolution=store.resolution, image_channels=store.channels, **own)
    return Discriminator(
        trunk,
        num_classes=store.num_classes,
        aux_head=_aux_head(config, trunk.feature_dim, store.num_classes),
        projection=projection,
        adversarial=config.loss.adversarial is not None,
        spectral_norm=own.get("spectral_norm", False),
    )


def _aux_head(config: RunConfig, in_channels: int, num_classes: int) -> AuxHead | None:
    """A head with the outputs that the classification loss needs; None without such a loss."""
    loss = config.loss.classification
    if loss is None:
        return None
    own = loss.model_dump(include=set(loss.head_keys))
    return AUX_HEADS[CLASSIFICATION[loss.kind].head_outputs](in_channels, num_classes, **own)


def build_objective(config: RunConfig, around: Surroundings, one_pass: bool) -> Objective:
    """The summed objective; with ``one_pass`` D judges real and generated images at once."""
    loss = config.loss
    return Objective(
        adversarial=_made(ADVERSARIAL, loss.adversarial),
        classification=_made(CLASSIFICATION, loss.classification),
        penalty=_made(PENALTIES, loss.penalty),
        weight_d=loss.classification.weight_d if loss.classification is not None else 0.0,
        weight_g=loss.classification.weight_g if loss.classification is not None else 0.0,
        term_weights=loss.classification.term_weights if loss.classification is not None else {},
        penalty_of=loss.penalty.of if loss.penalty is not None else "adversarial",
        penalty_every=loss.penalty.every if loss.penalty is not None else 1,
        regularisers={
            name: REGULARISERS[name](around, **section.model_dump())
            for name, section in loss.regularisers.items()
        },
        one_pass=one_pass,
    )


def _made(table: Mapping[str, Callable[..., _Part]], section: Any) -> _Part | None:
    """The loss or penalty that a section configures; None without a section."""
    if section is None:
        return None
    return table[section.kind](**section.model_dump(include=section.part_keys()))


def build_schedules(config: RunConfig) -> Schedules:
    """Schedules of learning rates, running mean and penalty."""
    penalty, optim, total_nimg = config.loss.penalty, config.optim, config.train.total_nimg
    return Schedules(
        generator_lr=Curve.of(optim.generator.lr, total_nimg),
        discriminator_lr=Curve.of(optim.discriminator.lr, total_nimg),
        ema_half_life_nimg=Curve.of(config.train.ema_half_life_nimg, total_nimg),
        penalty=Curve.of(penalty.strength if penalty is not None else 0.0, total_nimg),
    )


def build_augmenter(config: RunConfig, device: torch.device) -> Augmenter | None:
    """The augmentation of the images that D sees, or None."""
    augment = config.augment
    if augment is None:
        return None
    own: dict[str, Any] = augment.model_dump(exclude={"kind", "p", "target", "adjust_nimg"})
    own.update(config.data.model_dump(include=set(augment.data_keys)))
    return Augmenter(
        DISCRIMINATOR_AUGMENTATIONS[augment.kind](**own),
        p=Curve.of(augment.p if augment.p is not None else 0.0, config.train.total_nimg),
        target=augment.target,
        adjust_nimg=augment.adjust_nimg,
        device=device,
    )


def build_gan(
    config: RunConfig, store: ImageStore, *, device: torch.device, precision: str, ranks: Ranks
) -> Gan:
    """Networks, optimisers, objective and data, on the device.

    Raises:
        ConfigError: If a network does not support the resolution, or the batch cannot be divided among processes.
    """
    train, share = config.train, own_share(config.train, ranks)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        generator, discriminator = build_generator(config, store), build_discriminator(config, store)
    dtype = torch_dtype(precision)
    # Convolutions are quicker in channels last.
    generator, discriminator = (
        network.to(device, dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for network in (generator, discriminator)
    )
    micro_batch = min(train.micro_batch or share, share)
    if in_portions(train, device):
        prepare_for_portions(generator, discriminator)
    working = _working_copies(generator, discriminator, precision, device)
    schedules = build_schedules(config)
    around = Surroundings(config.data.mirror, store.resolution, device, dtype)
    adam = {
        side: torch.optim.Adam(
            network.parameters(), lr=lr.at(0), betas=settings.betas, eps=settings.eps, fused=True
        )
        for side, network, settings, lr in (
            ("g", generator, config.optim.generator, schedules.generator_lr),
            ("d", discriminator, config.optim.discriminator, schedules.discriminator_lr),
        )
    }
    return Gan(
        generator=generator,
        discriminator=discriminator,
        ema=EMA(
            generator,
            half_life_nimg=schedules.ema_half_life_nimg.at(0),
            ramp_up=train.ema_ramp_up,
            start_nimg=train.ema_start_nimg,
        ),
        optim_generator=adam["g"],
        optim_discriminator=adam["d"],
        objective=build_objective(config, around, one_pass=not order_matters(discriminator)),
        schedules=schedules,
        feed=build_feed(config, store, device, mirror=config.data.mirror),
        device=device,
        precision=precision,
        micro_batch=micro_batch,
        portion_size=portion_size(train, device, micro_batch),
        d_steps=train.d_steps,
        working_generator=working[0],
        working_discriminator=working[1],
        run_generator=torch.compile(working[0].copy) if train.compile else working[0].copy,
        run_discriminator=torch.compile(working[1].copy) if train.compile else working[1].copy,
        augmenter=build_augmenter(config, device),
        ranks=ranks,
        all_cores=device.type == "cpu" and not in_portions(train, device),
    )


def _working_copies(
    generator: Generator, discriminator: Discriminator, precision: str, device: torch.device
) -> tuple[WorkingCopy[Generator], WorkingCopy[Discriminator]]:
    """The networks as the passes of a step compute them."""
    if precision != "bf16":
        return WorkingCopy(generator, None), WorkingCopy(discriminator, None)
    z, y = (
        torch.zeros(1, generator.latent_dim, device=device),
        torch.zeros(1, dtype=torch.int64, device=device),
    )
    side, channels = generator.resolution, generator.image_channels
    x = torch.zeros(1, channels, side, side, device=device)

    def cast(network: Callable[[], object]) -> None:
        with runtime.autocast(precision, device):
            network()

    return (
        WorkingCopy(generator, lambda network: cast(lambda: network(z, y))),
        WorkingCopy(discriminator, lambda network: cast(lambda: network(x, y))),
    )


def check_resolution(where: str, network: type[Generator] | type[Trunk], store: ImageStore) -> None:
    """Refuse images of a side that a network does not declare; ``where`` names the network in the error."""
    side, served = store.resolution, network.resolutions
    if side not in served:
        why = f" ({network.only_these})" if network.only_these else ""
        raise ConfigError(
            f"{where} serves {', '.join(map(str, served))} px{why}, and the images are {side} px; set "
            f"data.resolution ({nearest(side, served)}) or choose another kind."
        )


@contextmanager
def naming(section: str) -> Iterator[None]:
    """Name the section of the configuration in the errors of a network."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{section}: {error}; choose others.") from None
