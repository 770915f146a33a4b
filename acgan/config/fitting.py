"""Which parts of a configuration do not go together, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acgan.config.losses import DataToDataConfig, GradientPenalty

if TYPE_CHECKING:
    from acgan.config.schema import ComputeConfig, RunConfig

#: Samples of a class that the collapse monitor needs: ``acgan.metrics.MIN_IMAGES``.
MONITOR_LEAST = 20


def check_parts(config: RunConfig) -> None:
    """Refuse parts that do not fit each other.

    Raises:
        ValueError: Says which, why, and what to do.
    """
    _check_penalty(config)
    _check_classes(config)
    _check_consistency(config)
    check_portions(config.train)
    _check_batch(config)
    _check_patience(config)
    _check_monitor(config)


def check_portions(train: ComputeConfig) -> None:
    """Refuse portions that do not make up a batch."""
    micro, batch = train.micro_batch, train.batch_size
    if micro is not None and batch % micro:
        raise ValueError(f"train.micro_batch {micro} does not divide train.batch_size {batch}")


def _check_penalty(config: RunConfig) -> None:
    penalty, d = config.loss.penalty, config.model.discriminator
    if config.loss.adversarial.kind == "wgan_gp" and not isinstance(penalty, GradientPenalty):
        raise ValueError(
            "loss.adversarial.kind is wgan_gp, whose loss is unbounded without its gradient penalty; "
            "expected loss.penalty: {kind: gradient_penalty}"
        )
    has_batch_norm = d.kind == "paper" or (d.kind == "dcgan" and not d.spectral_norm)
    if penalty is not None and has_batch_norm:
        remedy = "" if d.kind == "paper" else ", or model.discriminator.spectral_norm: true"
        raise ValueError(
            f"loss.penalty needs the gradient of each image by itself, but model.discriminator.kind {d.kind} "
            f"mixes the images of a batch in BatchNorm; expected loss.penalty: null{remedy}, "
            "or model.discriminator.kind: resnet"
        )


def _check_classes(config: RunConfig) -> None:
    """Something must tell G the class."""
    loss, d = config.loss.classification, config.model.discriminator
    if loss is None and not d.projection:
        raise ValueError(
            "loss.classification is null and model.discriminator.projection is false, so nothing tells G the "
            "class; expected one of them"
        )
    if loss is not None and not d.projection and not (loss.weight_d and loss.weight_g):
        raise ValueError(
            f"loss.classification has weight_d {loss.weight_d:g} and weight_g {loss.weight_g:g}, and "
            "model.discriminator.projection is false, so G learns nothing of the class; expected both above 0, or "
            "model.discriminator.projection: true"
        )
    if getattr(loss, "unit_norm", False) and getattr(d, "spectral_norm", False):
        raise ValueError(
            "loss.classification.unit_norm and model.discriminator.spectral_norm together bound the class logits "
            "to [-1, 1], from which no class can be told; expected one of them"
        )


def _check_consistency(config: RunConfig) -> None:
    consistency = config.loss.consistency
    if consistency is None:
        return
    if not (consistency.shift or config.data.mirror):
        raise ValueError(
            "loss.consistency.shift is 0 and data.mirror false, so no image changes; expected a shift above 0"
        )
    if not (consistency.weight_real or consistency.weight_fake):
        raise ValueError(
            "loss.consistency.weight_real and weight_fake are both 0; expected one above 0, or "
            "loss.consistency: null"
        )


def _check_batch(config: RunConfig) -> None:
    whole = (None, config.train.batch_size)
    if isinstance(config.loss.classification, DataToDataConfig) and config.train.micro_batch not in whole:
        raise ValueError(
            "loss.classification.kind d2d_ce compares the images of a batch with each other; expected "
            "train.micro_batch: null"
        )


def _check_patience(config: RunConfig) -> None:
    if config.train.patience_nimg is not None and not (
        config.evaluate.extractor and config.data.validation_share
    ):
        raise ValueError(
            "train.patience_nimg goes by the score on validation images, and there is none; expected "
            "data.validation_share above 0 and an evaluate.extractor"
        )


def _check_monitor(config: RunConfig) -> None:
    num = config.monitor.num_per_class
    if 0 < num < MONITOR_LEAST:
        raise ValueError(
            f"monitor.num_per_class: found {num}; expected {MONITOR_LEAST} or more, for fewer samples of a class tell "
            "nothing of its diversity, or 0 for no monitor"
        )
