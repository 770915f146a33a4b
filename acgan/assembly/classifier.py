"""From a configuration to a classifier."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acgan.assembly.feed import build_feed, own_share, torch_dtype
from acgan.assembly.gan import build_discriminator
from acgan.augment import Augmentation
from acgan.config import ClassifierConfig, RunConfig, load
from acgan.config.classifier import (
    DiscriminatorBackboneConfig,
    SmallBackboneConfig,
    TorchvisionBackboneConfig,
)
from acgan.distributed import Ranks
from acgan.errors import ConfigError, RunError, did_you_mean
from acgan.models import (
    BACKBONES,
    IMAGENET_MEAN,
    IMAGENET_STD,
    OWN_AUX,
    AuxClassifier,
    AuxHead,
    Discriminator,
    build_torchvision,
    remove_spectral_norm,
)
from acgan.predicting import Normalisation
from acgan.training.checkpoint import read_latest
from acgan.training.classifier_loop import ClassifierTask
from acgan.training.schedule import WarmupDecay
from acgan.types import ImageStore
from acgan.weights import ClassifierInfo, find_generator, read_generator


def classifier_architecture(config: ClassifierConfig, store: ImageStore) -> dict[str, Any]:
    """``backbone``, its kind and every keyword of its constructor, and the keywords of ``AuxClassifier``."""
    model, backbone = config.model, config.model.backbone
    own_aux: Mapping[str, float] = {}
    channels = store.channels
    if isinstance(backbone, SmallBackboneConfig):
        described: dict[str, Any] = {
            "kind": "small",
            "image_channels": channels,
            "resolution": store.resolution,
            "channels": backbone.channels,
        }
    elif isinstance(backbone, TorchvisionBackboneConfig):
        described = {"kind": "torchvision", "name": backbone.name, "image_size": store.resolution}
        own_aux, channels = OWN_AUX.get(backbone.name, {}), 3
        if backbone.name in OWN_AUX:
            described["transform_input"] = _is_pretrained(backbone)
    else:
        trunk = _run_config(Path(backbone.run)).model.discriminator.model_dump(
            mode="json", exclude={"projection"}
        )
        described = {
            "kind": f"{trunk.pop('kind')}_trunk",
            "image_channels": channels,
            "resolution": store.resolution,
            **trunk,
        }
    return {
        "backbone": described,
        "num_classes": store.num_classes,
        "aux": dict(own_aux if model.aux is None else model.aux),
        "head": model.head,
        "dropout": model.dropout,
        "in_channels": channels,
        "image_size": store.resolution,
    }


def build_network(
    config: ClassifierConfig,
    store: ImageStore,
    warn: Callable[[str], None],
    architecture: Mapping[str, Any] | None = None,
) -> tuple[AuxClassifier, ClassifierInfo]:
    """The network, with the weights it starts from, and what its file will say.

    Args:
        config: What to build.
        store: The training images.
        warn: Told where an auxiliary loss trains nothing but its head.
        architecture: Of a run that goes on: its checkpoint has the weights, and those it started from are not read.

    Raises:
        UserError: If a layer, network, run or file is not there or does not fit.
    """
    backbone = config.model.backbone
    keywords = dict(architecture or classifier_architecture(config, store))
    pretrained = isinstance(backbone, TorchvisionBackboneConfig) and _is_pretrained(backbone)
    info = ClassifierInfo(
        keywords,
        store.class_names,
        store.channels,
        store.resolution,
        *((IMAGENET_MEAN, IMAGENET_STD) if pretrained else ()),
    )
    network, main = None, None
    if architecture is None:
        network, main = _started(config, store)
    described = dict(keywords["backbone"])
    network = network or BACKBONES[described.pop("kind")](**described)
    rest = {name: value for name, value in keywords.items() if name != "backbone"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier = AuxClassifier(network, main=main, freeze=config.model.freeze, **rest)
    for warning in caught:
        warn(str(warning.message))
    return classifier, info


def _started(config: ClassifierConfig, store: ImageStore) -> tuple[nn.Module | None, AuxHead | None]:
    """A backbone with weights from elsewhere, and a main head; None for what begins anew."""
    backbone = config.model.backbone
    if isinstance(backbone, TorchvisionBackboneConfig) and _is_pretrained(backbone):
        network = build_torchvision(
            backbone.name, image_size=store.resolution, pretrained=True, weights=backbone.weights
        )
        return network, None
    if isinstance(backbone, DiscriminatorBackboneConfig) and backbone.trained:
        discriminator, class_names = read_discriminator(Path(backbone.run))
        _check_fits(discriminator, store, backbone.run)
        same_classes = class_names == store.class_names and not config.model.dropout
        return discriminator.trunk, _main_head(discriminator.aux_head) if same_classes else None
    return None, None


def _main_head(head: AuxHead | None) -> AuxHead | None:
    """A discriminator's class head as a classifier's, which has logits of the features as they are; None for others."""
    if head is None or head.project is not None or head.unit_norm:
        return None
    main = AuxHead(head.in_channels, head.num_classes)
    main.classify.load_state_dict(head.classify.state_dict())
    return main


def build_classifier_task(
    config: ClassifierConfig,
    store: ImageStore,
    *,
    num_real: int,
    device: torch.device,
    precision: str,
    ranks: Ranks,
    warn: Callable[[str], None],
    architecture: Mapping[str, Any] | None = None,
) -> tuple[ClassifierTask, ClassifierInfo]:
    """Network, optimiser, loss and data, on the device.

    Args:
        config: What to build.
        store: The training images.
        num_real: How many of them are not generated: an epoch.
        device: Where to compute.
        precision: As resolved.
        ranks: This process among others.
        warn: Told where an auxiliary loss trains nothing but its head.
        architecture: Of a run that goes on, else None.
    """
    train, share = config.train, own_share(config.train, ranks)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network, info = build_network(config, store, warn, architecture)
    network = network.to(device, torch_dtype(precision))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    micro_batch = min(train.micro_batch or share, share)
    _check_portions(network, share, micro_batch)
    augment = config.augment
    # The little less mends products that are rounded: 1.1 * 80 is 88.00000000000001.
    length = train.total_nimg or max(1, math.ceil(train.epochs * num_real - 1e-6))
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
        total_nimg=math.ceil(length / train.batch_size) * train.batch_size,
        micro_batch=micro_batch,
        run_network=torch.compile(network) if train.compile else network,
        ranks=ranks,
    )
    return task, info


def _check_portions(network: AuxClassifier, share: int, micro_batch: int) -> None:
    """Refuse a portion of one image where BatchNorm is trained: it may have one value a channel, and no variance."""
    trains_norm = any(
        isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training
        for layer in network.train().modules()
    )
    if trains_norm and 1 in (micro_batch, share % micro_batch):
        raise ConfigError(
            f"train.batch_size and train.micro_batch: {share} images a process in portions of {micro_batch} leave a "
            "portion of one image, and BatchNorm needs more; choose others, or model.freeze: backbone."
        )


def class_weights(config: ClassifierConfig, store: ImageStore) -> Tensor | None:
    """Factors on the loss by class, whose mean over the training images is 1; None where all are 1.

    Raises:
        ConfigError: If a class that is given a weight is not there.
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


def read_discriminator(run: Path) -> tuple[Discriminator, tuple[str, ...]]:
    """The discriminator of a run's last checkpoint, without spectral normalisation, and its class names.

    Raises:
        RunError: If there is none.
    """
    config = _run_config(run)
    payload = read_latest(run / "checkpoints", lambda message: None)
    if payload is None:
        raise RunError(f"{run}: no checkpoint in it, and so no discriminator. Train it on.")
    architecture = read_generator(find_generator(run))[1].architecture
    names, side = tuple(payload["meta"]["class_names"]), architecture["resolution"]
    no_images = np.empty((0, architecture["image_channels"], side, side), np.uint8)
    empty = ImageStore(no_images, np.empty(0, np.int64), names, "")
    discriminator = build_discriminator(config, empty)
    discriminator.load_state_dict(payload["state"]["discriminator"])
    remove_spectral_norm(discriminator)
    return discriminator, names


def _run_config(run: Path) -> RunConfig:
    file = run / "config.yaml"
    if not file.is_file():
        raise RunError(f"{run}: no config.yaml in it; expected a run directory of `acgan train`.")
    return load(RunConfig, file)


def _is_pretrained(backbone: TorchvisionBackboneConfig) -> bool:
    return backbone.pretrained or backbone.weights is not None


def _check_fits(discriminator: Discriminator, store: ImageStore, run: str) -> None:
    trunk = discriminator.trunk
    if (trunk.image_channels, trunk.resolution) != (store.channels, store.resolution):
        raise ConfigError(
            f"model.backbone.run {run}: its discriminator takes {trunk.image_channels} x {trunk.resolution} px, the "
            f"images are {store.channels} x {store.resolution} px; set data.resolution and data.channels."
        )


def _optimizer(config: ClassifierConfig, network: AuxClassifier) -> torch.optim.AdamW:
    """Weight decay is for matrices alone; the backbone may have a learning rate of its own."""
    optim, groups = config.optim, []
    for part, factor in ((network.backbone, optim.backbone_lr), (network.heads, 1.0)):
        for is_matrix in (True, False):
            parameters = [p for p in part.parameters() if p.requires_grad and (p.ndim > 1) == is_matrix]
            if parameters:
                decay = optim.weight_decay if is_matrix else 0.0
                rate = optim.lr * factor
                groups.append({"params": parameters, "max_lr": rate, "lr": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, betas=optim.betas, eps=optim.eps, fused=True)
