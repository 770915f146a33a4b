"""What the tests of building classifiers share."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acgan.assembly import architecture, build_classifier_task, build_gan
from acgan.config import ClassifierConfig, RunConfig, load, to_yaml
from acgan.distributed import Ranks
from acgan.models import AuxClassifier
from acgan.training.checkpoint import PAYLOAD_KEYS, write_checkpoint
from acgan.training.classifier_loop import ClassifierTask
from acgan.types import ImageStore
from acgan.weights import ClassifierInfo, GeneratorInfo, save_generator

CPU = torch.device("cpu")
NAMES = ("cat", "dog", "owl")
NUM = 24


def make_store(resolution: int = 16, channels: int = 1, labels: Any = None) -> ImageStore:
    labels = np.arange(NUM) % len(NAMES) if labels is None else np.asarray(labels)
    shape = (len(labels), channels, resolution, resolution)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return ImageStore(images, labels, NAMES, "0" * 32)


def make_config(*overrides: str) -> ClassifierConfig:
    return load(ClassifierConfig, None, overrides)


def refuse(message: str) -> None:
    raise AssertionError(message)


def built(config: ClassifierConfig, **changes: Any) -> tuple[ClassifierTask, ClassifierInfo]:
    store = changes.pop("store", None) or make_store(config.data.resolution or 16, config.data.channels or 1)
    options = {
        "num_real": len(store),
        "precision": "float32",
        "ranks": Ranks(),
        "say": refuse,
        "warn": refuse,
        **changes,
    }
    return build_classifier_task(config, store, device=CPU, **options)


def task_of(config: ClassifierConfig) -> ClassifierTask:
    return built(config)[0]


def make_gan_run(directory: Path, channels: int, *overrides: str, store: ImageStore | None = None) -> None:
    tiny = [
        "model.latent_dim=5",
        f"model.generator.channels={channels}",
        f"model.discriminator={{channels: {channels}}}",
        "train.batch_size=8",
        *overrides,
    ]
    config, store = load(RunConfig, None, tiny), store or make_store()
    gan = build_gan(config, store, device=CPU, precision="float32", ranks=Ranks())
    directory.mkdir()
    (directory / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    info = GeneratorInfo(architecture(config, store), NAMES)
    save_generator(directory / "generator.safetensors", gan.generator, info)
    payload = {**dict.fromkeys(PAYLOAD_KEYS), "state": gan.state_dict(), "meta": {"class_names": NAMES}}
    write_checkpoint(directory / "checkpoints", 8, payload)


def place(text: str, places: dict[str, str]) -> str:
    for word, path in places.items():
        text = text.replace(word, path)
    return text


SHUFFLENET = ("model.backbone={kind: torchvision, name: shufflenet_v2_x0_5}",)


def head_state(network: AuxClassifier, store: ImageStore) -> dict[str, Tensor]:
    x = torch.from_numpy(store.images[:2]).float() / 127.5 - 1
    with torch.no_grad():
        return network.eval().all_logits(x)


def scramble(network: nn.Module) -> None:
    """Give BatchNorm something to do in eval mode, and biases values other than 0."""
    generator = torch.Generator().manual_seed(4)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 2.0, generator=generator)
