"""Every key of a classifier's configuration arrives where it is meant to."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from build_helpers import (
    NUM,
    SHUFFLENET,
    built,
    make_config,
    make_store,
    place,
    task_of,
)
from safetensors.torch import load_file

from acgan import api
from acgan.api import classifier as api_classifier
from acgan.assembly import images
from acgan.assembly.backbones import read_discriminator
from acgan.assembly.classifier import classifier_architecture
from acgan.assembly.images import prepare_dataset
from acgan.config import CONFIGS, ClassifierConfig, list_keys
from acgan.models import IMAGENET_MEAN, build_torchvision
from acgan.sampling import load_generator
from acgan.training.classifier_loop import ClassifierTask
from acgan.training.run import TrainingRun
from acgan.types import Dataset

# ---------------------------------------------------------------- every key


@dataclass(frozen=True)
class Arrival:
    """Where a key's value is to be found.

    Attributes:
        value: As in YAML.
        look: What became of it.
        expected: What that is to be; and what it is not to be by default.
        given: Other keys that it takes.
    """

    value: str
    look: Callable[[ClassifierConfig], Any]
    expected: Any
    given: tuple[str, ...] = ()


def _loading(name: str) -> Callable[[ClassifierConfig], Any]:
    """The source, or an option, that ``load_dataset`` is given."""

    def look(config: ClassifierConfig) -> Any:
        with mock.patch.object(images, "load_dataset") as spy:
            images.load_data(config)
        source, options, _ = spy.call_args.args
        return {"source": source, **vars(options)}[name]

    return look


def _prepared(config: ClassifierConfig) -> Dataset:
    return prepare_dataset(config, Dataset("x", make_store(), make_store()))


@contextmanager
def _training(config: ClassifierConfig) -> Iterator[tuple[ClassifierTask, TrainingRun, list[str], Any]]:
    """The moment before the first step: task, run, what was said, and the spy on cores."""
    seen: list[Any] = []
    said: list[str] = []
    images = np.random.default_rng(0).integers(0, 256, (NUM, 16, 16), np.uint8)
    dataset = [(image, label % 3) for label, image in enumerate(images)]
    with (
        tempfile.TemporaryDirectory() as directory,
        mock.patch.object(
            api_classifier, "train_classifier_task", lambda task, run: seen.extend((task, run))
        ),
        mock.patch("acgan.parallel.using_cores") as cores,
    ):
        api.train_classifier(config, dataset, run_dir=directory, device="cpu", say=said.append)
        yield seen[0], seen[1], said, cores


def _threads(config: ClassifierConfig) -> Any:
    with _training(config) as (_, _, _, cores):
        return cores.call_args.args[0]


def _is_said(text: str) -> Callable[[ClassifierConfig], bool]:
    def look(config: ClassifierConfig) -> bool:
        with _training(config) as (_, _, said, _):
            return any(text in line for line in said)

    return look


def _asks_for_a_report(config: ClassifierConfig) -> Any:
    with mock.patch("acgan.api.classifier.report_after") as spy, _training(config):
        return spy.call_args.args[1]


def _precision(config: ClassifierConfig) -> Any:
    with _training(config) as (task, *_):
        return task.precision, next(task.network.parameters()).dtype


def _interval(name: str) -> Callable[[ClassifierConfig], int]:
    def look(config: ClassifierConfig) -> int:
        with _training(config) as (_, run, *_):
            return getattr(run.intervals, name)  # type: ignore[no-any-return]

    return look


def _dtypes_in_the_file(config: ClassifierConfig) -> set[torch.dtype]:
    with _training(config) as (_, run, *_):
        file = run.directory / run.product.file_name
        run.product.export(file, 8, None)
        return {tensor.dtype for tensor in load_file(file).values() if tensor.is_floating_point()}


def _seeds_of_samples(config: ClassifierConfig) -> list[int]:
    assert config.synthetic is not None
    images = _prepared(config).train.images[NUM:]
    sampler = load_generator(config.synthetic.run)

    def samples(seed: int) -> np.ndarray:
        streams = [sampler.stream(label, 2, seed=seed) for label in range(3)]
        return np.concatenate([part.numpy() for stream in streams for _, part in stream])

    return [seed for seed in (0, 7) if (samples(seed) == images).all()]


def _is_compiled(config: ClassifierConfig) -> bool:
    with mock.patch("torch.compile", lambda network: ("compiled", network)):
        task = task_of(config)
    return task.all_cores and task.run_network == ("compiled", task.network)


def _first_weight(config: ClassifierConfig) -> float:
    return round(next(task_of(config).network.parameters()).flatten()[0].item(), 6)


def _mean_of_downloaded(config: ClassifierConfig) -> Any:
    state = build_torchvision("shufflenet_v2_x0_5").state_dict()
    with mock.patch("acgan.models.backbones._download", return_value=state):
        return built(config)[1].mean


def _has_the_run_s_weights(config: ClassifierConfig) -> bool:
    trunk = read_discriminator(Path(config.model.backbone.run))[0].trunk  # type: ignore[union-attr]
    own = task_of(config).network.backbone.state_dict()
    return all(torch.equal(own[name], value) for name, value in trunk.state_dict().items())


def _groups(name: str) -> Callable[[ClassifierConfig], set[Any]]:
    return lambda config: {group[name] for group in task_of(config).optimizer.param_groups}


SYNTHETIC = ("synthetic.run=RUN_A",)


ARRIVALS: dict[str, Arrival] = {
    "description": Arrival("for the tests", _is_said("for the tests"), True),
    "report": Arrival("false", _asks_for_a_report, False),
    "seed": Arrival("5", lambda c: task_of(c).feed.draws.seed, 5),
    "data.source": Arrival("there", _loading("source"), "there"),
    "data.root": Arrival("here", _loading("root"), Path("here")),
    "data.layout": Arrival("leaves", _loading("layout"), "leaves"),
    **{
        f"data.columns.{purpose}": Arrival("pic", _loading("columns"), {purpose: "pic"})
        for purpose in ("path", "label", "split", "group")
    },
    "data.group": Arrival("folder", _loading("group"), "folder"),
    "data.classes": Arrival("[dog, cat]", _loading("classes"), ["dog", "cat"]),
    "data.resolution": Arrival("64", _loading("resolution"), 64),
    "data.channels": Arrival("3", _loading("channels"), 3),
    "data.fit": Arrival("pad", _loading("fit"), "pad"),
    "data.range": Arrival("[-1, 3]", _loading("range"), (-1, 3)),
    "data.frames": Arrival("all", _loading("frames"), "all"),
    "data.on_error": Arrival("skip", _loading("on_error"), "skip"),
    "data.max_file_mb": Arrival("7", lambda c: _loading("limits")(c).max_mb, 7),
    "data.max_ratio": Arrival("9", lambda c: _loading("limits")(c).max_ratio, 9),
    "data.test_share": Arrival("0.3", _loading("test_share"), 0.3),
    "data.split_seed": Arrival("7", _loading("seed"), 7),
    "data.mirror": Arrival("true", lambda c: task_of(c).augmentation.mirror, True),
    "data.balance": Arrival(
        "true", lambda c: type(task_of(c).feed.order._stream).__name__, "BalancedShuffle"
    ),
    "data.max_per_class": Arrival("2", lambda c: len(_prepared(c).train), 6),
    "data.validation_share": Arrival(
        "0.25", lambda c: (len(_prepared(c).train), len(_prepared(c).validation or ())), (18, 6)
    ),
    **{
        f"augment.{name}": Arrival(value, lambda c, name=name: vars(task_of(c).augmentation)[name], expected)
        for name, value, expected in (
            ("shift", "0.1", 0.1),
            ("rotate_deg", "30", 30.0),
            ("zoom", "0.2", 0.2),
            ("erase", "0.3", 0.3),
            ("color", "0.4", 0.4),
        )
    },
    "synthetic.run": Arrival("RUN_A", lambda c: len(_prepared(c).train), NUM + NUM),
    "synthetic.num_per_class": Arrival("2", lambda c: len(_prepared(c).train), NUM + 6, SYNTHETIC),
    "synthetic.seed": Arrival("7", _seeds_of_samples, [7], (*SYNTHETIC, "synthetic.num_per_class=2")),
    "model.backbone.kind": Arrival(
        "torchvision", lambda c: type(task_of(c).network.backbone).__name__, "ResNet"
    ),
    "model.backbone.channels": Arrival("8", lambda c: task_of(c).network.backbone.feature_dim, 32),
    "model.backbone.name": Arrival(
        "shufflenet_v2_x0_5",
        lambda c: type(task_of(c).network.backbone).__name__,
        "ShuffleNetV2",
        ("model.backbone.kind=torchvision",),
    ),
    "model.backbone.pretrained": Arrival("true", _mean_of_downloaded, IMAGENET_MEAN, SHUFFLENET),
    "model.backbone.weights": Arrival("WEIGHTS", _first_weight, 0.25, SHUFFLENET),
    "model.backbone.run": Arrival(
        "RUN_A",
        lambda c: classifier_architecture(c, make_store())["backbone"]["channels"],
        8,
        ("model.backbone={kind: discriminator, run: RUN_B}",),
    ),
    "model.backbone.trained": Arrival(
        "false", _has_the_run_s_weights, False, ("model.backbone={kind: discriminator, run: RUN_A}",)
    ),
    "model.aux": Arrival("{block1: 0.5}", lambda c: task_of(c).loss.weights, {"main": 1.0, "block1": 0.5}),
    "model.head": Arrival(
        "stem", lambda c: task_of(c).network.heads["block1"].stem is None, False, ("model.aux={block1: 0.5}",)
    ),
    "model.dropout": Arrival("0.25", lambda c: task_of(c).network.heads["main"].dropout.probability, 0.25),
    "model.freeze": Arrival("backbone", lambda c: task_of(c).network.frozen, "backbone"),
    "loss.label_smoothing": Arrival("0.1", lambda c: task_of(c).loss.label_smoothing, 0.1),
    "loss.class_weights": Arrival(
        "{cat: 2}",
        lambda c: None if task_of(c).loss.class_weights is None else task_of(c).loss.class_weights.tolist(),
        [1.5, 0.75, 0.75],
    ),
    "optim.lr": Arrival("0.01", _groups("max_lr"), {0.01}),
    "optim.backbone_lr": Arrival("0.5", _groups("max_lr"), {2e-3, 1e-3}),
    "optim.warmup": Arrival("0.3", lambda c: task_of(c).schedule.warmup, 0.3),
    "optim.decay": Arrival("cosine", lambda c: task_of(c).schedule.decay, "cosine"),
    "optim.betas": Arrival("[0.5, 0.6]", _groups("betas"), {(0.5, 0.6)}),
    "optim.eps": Arrival("1e-5", _groups("eps"), {1e-5}),
    "optim.weight_decay": Arrival("0.3", _groups("weight_decay"), {0.3, 0.0}),
    "train.batch_size": Arrival("16", lambda c: task_of(c).feed.batch_size, 16),
    "train.micro_batch": Arrival("4", lambda c: task_of(c).micro_batch, 4),
    "train.portions": Arrival("4", lambda c: task_of(c).portion_size, 16),
    "train.precision": Arrival("float64", _precision, ("float64", torch.float64)),
    "train.compile": Arrival("true", _is_compiled, True),
    "train.threads": Arrival("3", _threads, 3),
    "train.epochs": Arrival("10", lambda c: task_of(c).total_nimg, 256),  # 240 in batches of 64
    "train.total_nimg": Arrival("100", lambda c: task_of(c).total_nimg, 128),
    "train.half_weights": Arrival("true", _dtypes_in_the_file, {torch.float16}),
    **{
        f"every.{name}": Arrival("77", _interval(name), 77)
        for name in ("log_nimg", "sample_nimg", "evaluate_nimg", "checkpoint_nimg")
    },
}


def test_no_key_is_left_out() -> None:
    listed = {info.key for info in list_keys(ClassifierConfig) if info.type != "section | null"}
    assert listed == {"task", *ARRIVALS}
    assert CONFIGS[ClassifierConfig().task] is ClassifierConfig


@pytest.mark.parametrize("key", ARRIVALS)
def test_every_key_arrives(key: str, places: dict[str, str]) -> None:
    arrival = ARRIVALS[key]
    given = [place(override, places) for override in arrival.given]
    assert arrival.look(make_config(*given, f"{key}={place(arrival.value, places)}")) == arrival.expected
    assert arrival.look(make_config(*given)) != arrival.expected


def test_images_are_mirrored_once() -> None:
    task = task_of(make_config("data.mirror=true"))
    assert task.augmentation.mirror
    assert not task.feed.mirror


def test_the_seed_of_the_split_is_that_of_every_choice_of_images() -> None:
    def images(seed: int, key: str) -> np.ndarray:
        return _prepared(make_config(key, f"data.split_seed={seed}", f"seed={seed + 9}")).train.images

    for key in ("data.max_per_class=2", "data.validation_share=0.5"):
        assert not (images(0, key) == images(1, key)).all()
        assert (images(0, key) == _prepared(make_config(key)).train.images).all()  # whatever the run's seed
