"""Builds a classifier from a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acgan import runtime
from acgan.assembly.backbones import backbone_of
from acgan.assembly.feed import build_feed, own_share, torch_dtype
from acgan.assembly.gan import naming
from acgan.assembly.portions import in_portions, portion_size, prepare_for_portions
from acgan.augment import Augmentation
from acgan.config import ClassifierConfig
from acgan.distributed import Ranks
from acgan.errors import ConfigError, did_you_mean
from acgan.models import BACKBONES, AuxClassifier
from acgan.predicting import Normalisation
from acgan.training.classifier_loop import ClassifierTask
from acgan.training.schedule import WarmupDecay
from acgan.training.working import WorkingCopy
from acgan.types import ImageStore
from acgan.weights import ClassifierInfo


def classifier_architecture(config: ClassifierConfig, store: ImageStore) -> dict[str, Any]:
    """``backbone``, its kind and every keyword of its constructor, and the keywords of ``AuxClassifier``."""
    model, backbone = config.model, backbone_of(config, store)
    return {
        "backbone": backbone.describe(),
        "num_classes": store.num_classes,
        "aux": dict(backbone.own_aux if model.aux is None else model.aux),
        "head": model.head,
        "dropout": model.dropout,
        "in_channels": backbone.in_channels,
        "image_size": store.resolution,
    }


def build_network(
    config: ClassifierConfig,
    store: ImageStore,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    architecture: Mapping[str, Any] | None = None,
) -> tuple[AuxClassifier, ClassifierInfo]:
    """Build the network with its first weights, and the description for its file.

    ``architecture`` is that in the checkpoint of a resumed run. The checkpoint has the weights too, so no others are
    read. ``say`` is called with a remark on weights from a file, ``warn`` with a message if an auxiliary loss trains
    nothing but its own head.

    Raises:
        UserError: If a layer, network, run or file does not exist or does not fit.
    """
    keywords = dict(architecture or classifier_architecture(config, store))
    backbone, network, main = backbone_of(config, store), None, None
    info = ClassifierInfo(
        keywords, store.class_names, store.channels, store.resolution, **backbone.normalisation()
    )
    if architecture is None:
        network, main = backbone.start(config.model.dropout, say)
    described = dict(keywords["backbone"])
    with naming("model.backbone"):
        network = network or BACKBONES[described.pop("kind")](**described)
    rest = {name: value for name, value in keywords.items() if name != "backbone"}
    return AuxClassifier(network, main=main, freeze=config.model.freeze, warn=warn, **rest), info


def build_classifier_task(
    config: ClassifierConfig,
    store: ImageStore,
    *,
    num_real: int,
    device: torch.device,
    precision: str,
    ranks: Ranks,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    architecture: Mapping[str, Any] | None = None,
) -> tuple[ClassifierTask, ClassifierInfo]:
    """Network, optimiser, loss and data, on the device.

    An epoch has ``num_real`` images, the training images that are not generated. ``say``, ``warn`` and
    ``architecture`` are as for ``build_network``.
    """
    train, share = config.train, own_share(config.train, ranks)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network, info = build_network(config, store, say, warn, architecture)
    network = network.to(device, torch_dtype(precision))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    micro_batch = min(train.micro_batch or share, share)
    _check_micro_batches(network, share, micro_batch)
    if in_portions(train, device):
        prepare_for_portions(network)
    working = _working_copy(network, precision, device)
    augment = config.augment
    task = ClassifierTask(
        network=network,
        loss=network.summed_loss(
            label_smoothing=config.loss.label_smoothing, class_weights=class_weights(config, store)
        ).to(device),
        optimizer=_optimizer(config, network),
        schedule=WarmupDecay(warmup=config.optim.warmup, decay=config.optim.decay),
        feed=build_feed(config, store, device, mirror=False),
        augmentation=Augmentation(mirror=config.data.mirror, **augment.model_dump()),
        normalise=Normalisation(info.mean, info.std),
        device=device,
        precision=precision,
        total_nimg=train.whole_length(num_real),
        micro_batch=micro_batch,
        portion_size=portion_size(train, device, micro_batch),
        working=working,
        run_network=torch.compile(working.copy) if train.compile else working.copy,
        ranks=ranks,
        all_cores=device.type == "cpu" and not in_portions(train, device),
    )
    return task, info


def _working_copy(network: AuxClassifier, precision: str, device: torch.device) -> WorkingCopy[AuxClassifier]:
    """The network as the passes of a step compute it."""
    if precision != "bf16":
        return WorkingCopy(network, None)
    x = torch.zeros(network.example_shape, device=device)

    def first_pass(one: AuxClassifier) -> None:
        with runtime.autocast(precision, device):
            one(x)

    return WorkingCopy(network, first_pass)


def _check_micro_batches(network: AuxClassifier, share: int, micro_batch: int) -> None:
    """Refuse a micro-batch of one image if BatchNorm is trained: one value per channel has no variance."""
    trains_norm = any(
        isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training
        for layer in network.train().modules()
    )
    if trains_norm and 1 in (micro_batch, share % micro_batch):
        raise ConfigError(
            f"train.batch_size and train.micro_batch: {share} images a process in micro-batches of {micro_batch} "
            "leave a micro-batch of one image, and BatchNorm needs more; choose others, or model.freeze: backbone."
        )


def class_weights(config: ClassifierConfig, store: ImageStore) -> Tensor | None:
    """Factors on the loss by class, with mean 1 over the training images; None if all are 1.

    Raises:
        ConfigError: If a class with a weight does not exist.
    """
    given = config.loss.class_weights
    if given is None:
        return None
    counts = np.bincount(store.labels, minlength=store.num_classes)
    if given == "balanced":
        weights = np.where(counts > 0, 1 / np.maximum(counts, 1), 0.0)
    else:
        for name in given:
            if name not in store.class_names:
                raise ConfigError(
                    f"loss.class_weights: no class {name!r}; expected some of {', '.join(store.class_names)}."
                    f"{did_you_mean(name, store.class_names)}"
                )
        weights = np.array([given.get(name, 1.0) for name in store.class_names])
    return torch.from_numpy(weights * counts.sum() / (weights * counts).sum()).float()


def _optimizer(config: ClassifierConfig, network: AuxClassifier) -> torch.optim.AdamW:
    """AdamW with weight decay for matrices only, and with the backbone's own learning rate."""
    optim, groups = config.optim, []
    for part, factor in ((network.backbone, optim.backbone_lr), (network.heads, 1.0)):
        for is_matrix in (True, False):
            parameters = [p for p in part.parameters() if p.requires_grad and (p.ndim > 1) == is_matrix]
            if parameters:
                decay = optim.weight_decay if is_matrix else 0.0
                rate = optim.lr * factor
                groups.append({"params": parameters, "max_lr": rate, "lr": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, betas=optim.betas, eps=optim.eps, fused=True)
