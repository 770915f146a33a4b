"""From a configuration to a classifier: every key arrives, and a file rebuilds what was built."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.testing import assert_close

from acgan import api
from acgan.api import classifier as api_classifier
from acgan.api import inputs
from acgan.build import architecture, build_classification, build_gan
from acgan.build.classifier import build_network, class_weights, classifier_architecture, read_discriminator
from acgan.classifier_file import CLASSIFIER_FILE, ClassifierInfo, build_classifier
from acgan.config import CONFIGS, ClassifierConfig, RunConfig, list_keys, load, save
from acgan.distributed import Ranks
from acgan.errors import ConfigError, RunError, UserError
from acgan.models import IMAGENET_MEAN, IMAGENET_STD, AuxClassifier, AuxHead, build_torchvision
from acgan.sampling import GeneratorInfo, load_generator, save_generator
from acgan.training.checkpoint import write_checkpoint
from acgan.training.classifier_loop import Classification
from acgan.training.run import TrainingRun
from acgan.types import Dataset, ImageStore

CPU = torch.device("cpu")
NAMES = ("cat", "dog", "owl")
NUM = 24


def _store(resolution: int = 16, channels: int = 1, labels: Any = None) -> ImageStore:
    labels = np.arange(NUM) % len(NAMES) if labels is None else np.asarray(labels)
    shape = (len(labels), channels, resolution, resolution)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return ImageStore(images, labels, NAMES, "0" * 32)


def _config(*overrides: str) -> ClassifierConfig:
    return load(ClassifierConfig, None, overrides)


def _refuse(message: str) -> None:
    raise AssertionError(message)


def _built(config: ClassifierConfig, **changes: Any) -> tuple[Classification, ClassifierInfo]:
    store = changes.pop("store", None) or _store(config.data.resolution or 16, config.data.channels or 1)
    options = {"num_real": len(store), "precision": "float32", "ranks": Ranks(), "warn": _refuse, **changes}
    return build_classification(config, store, device=CPU, **options)


def _task(config: ClassifierConfig) -> Classification:
    return _built(config)[0]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two runs of a GAN, which never trained, and a file of weights; by the words that stand for them."""
    top = tmp_path_factory.mktemp("places")
    for name, channels in (("RUN_A", 8), ("RUN_B", 4)):
        _make_gan_run(top / name, channels)
    state = build_torchvision("shufflenet_v2_x0_5").state_dict()
    state["conv1.0.weight"].fill_(0.25)
    torch.save(state, top / "WEIGHTS.pth")
    return {"RUN_A": str(top / "RUN_A"), "RUN_B": str(top / "RUN_B"), "WEIGHTS": str(top / "WEIGHTS.pth")}


def _make_gan_run(directory: Path, channels: int, *overrides: str, store: ImageStore | None = None) -> None:
    tiny = [
        "model.latent_dim=5",
        f"model.generator.channels={channels}",
        f"model.discriminator={{channels: {channels}}}",
        "train.batch_size=8",
        *overrides,
    ]
    config, store = load(RunConfig, None, tiny), store or _store()
    gan = build_gan(config, store, device=CPU, precision="float32", ranks=Ranks())
    directory.mkdir()
    save(config, directory / "config.yaml")
    info = GeneratorInfo(architecture(config, store), NAMES)
    save_generator(directory / "generator.safetensors", gan.generator, info)
    payload = {"state": gan.state_dict(), "meta": {"class_names": NAMES}}
    write_checkpoint(directory / "checkpoints", 8, payload)


def _place(text: str, places: dict[str, str]) -> str:
    for word, path in places.items():
        text = text.replace(word, path)
    return text


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
    """An argument of ``load_dataset``."""

    def look(config: ClassifierConfig) -> Any:
        with mock.patch.object(inputs, "load_dataset") as spy:
            inputs.load_data(config)
        (source,), keywords = spy.call_args
        return {"source": source, **keywords}[name]

    return look


def _prepared(config: ClassifierConfig) -> tuple[Dataset, tuple[str, ImageStore] | None]:
    """What is trained on, and what it is watched by."""
    chosen = api_classifier._Data(config)
    return chosen.prepare(Dataset("x", _store(), _store())), chosen.watched


@contextmanager
def _training(config: ClassifierConfig) -> Iterator[tuple[Classification, TrainingRun, list[str], Any]]:
    """The moment before the first step: task, run, what was said, and the spy on threads."""
    seen: list[Any] = []
    said: list[str] = []
    images = np.random.default_rng(0).integers(0, 256, (NUM, 16, 16), np.uint8)
    dataset = [(image, label % 3) for label, image in enumerate(images)]
    with (
        tempfile.TemporaryDirectory() as directory,
        mock.patch.object(api_classifier, "run_loop", lambda task, run: seen.extend((task, run))),
        mock.patch("acgan.runtime.use_threads") as threads,
    ):
        api.train_classifier(config, dataset, run_dir=directory, device="cpu", say=said.append)
        yield seen[0], seen[1], said, threads


def _threads(config: ClassifierConfig) -> Any:
    with _training(config) as (_, _, _, threads):
        return threads.call_args.args[0]


def _is_said(text: str) -> Callable[[ClassifierConfig], bool]:
    def look(config: ClassifierConfig) -> bool:
        with _training(config) as (_, _, said, _):
            return any(text in line for line in said)

    return look


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
        file = run.directory / run.hooks.product
        run.hooks.export(file, 8, None)
        return {tensor.dtype for tensor in load_file(file).values() if tensor.is_floating_point()}


def _seeds_of_samples(config: ClassifierConfig) -> list[int]:
    assert config.synthetic is not None
    images = _prepared(config)[0].train.images[NUM:]
    sampler = load_generator(config.synthetic.run)

    def samples(seed: int) -> np.ndarray:
        streams = [sampler.stream(label, 2, seed=seed) for label in range(3)]
        return np.concatenate([part.numpy() for stream in streams for _, part in stream])

    return [seed for seed in (0, 7) if (samples(seed) == images).all()]


def _is_compiled(config: ClassifierConfig) -> bool:
    with mock.patch("torch.compile", lambda network: ("compiled", network)):
        task = _task(config)
    return task.run_network == ("compiled", task.network)


def _first_weight(config: ClassifierConfig) -> float:
    return round(next(_task(config).network.parameters()).flatten()[0].item(), 6)


def _mean_of_downloaded(config: ClassifierConfig) -> Any:
    state = build_torchvision("shufflenet_v2_x0_5").state_dict()
    with mock.patch("acgan.models.backbones._download", return_value=state):
        return _built(config)[1].mean


def _has_the_run_s_weights(config: ClassifierConfig) -> bool:
    trunk = read_discriminator(Path(config.model.backbone.run))[0].trunk  # type: ignore[union-attr]
    own = _task(config).network.backbone.state_dict()
    return all(torch.equal(own[name], value) for name, value in trunk.state_dict().items())


def _groups(name: str) -> Callable[[ClassifierConfig], set[Any]]:
    return lambda config: {group[name] for group in _task(config).optimizer.param_groups}


SYNTHETIC = ("synthetic.run=RUN_A",)
SHUFFLENET = ("model.backbone={kind: torchvision, name: shufflenet_v2_x0_5}",)
ARRIVALS: dict[str, Arrival] = {
    "description": Arrival("for the tests", _is_said("for the tests"), True),
    "seed": Arrival("5", lambda c: _task(c).feed.draws.seed, 5),
    "data.source": Arrival("there", _loading("source"), "there"),
    "data.root": Arrival("here", _loading("root"), Path("here")),
    "data.classes": Arrival("[dog, cat]", _loading("classes"), ["dog", "cat"]),
    "data.resolution": Arrival("64", _loading("resolution"), 64),
    "data.channels": Arrival("3", _loading("channels"), 3),
    "data.fit": Arrival("pad", _loading("fit"), "pad"),
    "data.on_error": Arrival("skip", _loading("on_error"), "skip"),
    "data.test_share": Arrival("0.3", _loading("test_share"), 0.3),
    "data.split_seed": Arrival("7", _loading("seed"), 7),
    "data.mirror": Arrival("true", lambda c: _task(c).augmentation.mirror, True),
    "data.balance": Arrival("true", lambda c: type(_task(c).feed.order._stream).__name__, "BalancedShuffle"),
    "data.max_per_class": Arrival("2", lambda c: len(_prepared(c)[0].train), 6),
    "data.validation_share": Arrival(
        "0.25", lambda c: (len(_prepared(c)[0].train), _prepared(c)[1][0]), (18, "validation")
    ),
    **{
        f"augment.{name}": Arrival(value, lambda c, name=name: vars(_task(c).augmentation)[name], expected)
        for name, value, expected in (
            ("shift", "0.1", 0.1),
            ("rotate_deg", "30", 30.0),
            ("zoom", "0.2", 0.2),
            ("erase", "0.3", 0.3),
            ("color", "0.4", 0.4),
        )
    },
    "synthetic.run": Arrival("RUN_A", lambda c: len(_prepared(c)[0].train), NUM + NUM),
    "synthetic.num_per_class": Arrival("2", lambda c: len(_prepared(c)[0].train), NUM + 6, SYNTHETIC),
    "synthetic.seed": Arrival("7", _seeds_of_samples, [7], (*SYNTHETIC, "synthetic.num_per_class=2")),
    "model.backbone.kind": Arrival(
        "torchvision", lambda c: type(_task(c).network.backbone).__name__, "ResNet"
    ),
    "model.backbone.channels": Arrival("8", lambda c: _task(c).network.backbone.feature_dim, 32),
    "model.backbone.name": Arrival(
        "shufflenet_v2_x0_5",
        lambda c: type(_task(c).network.backbone).__name__,
        "ShuffleNetV2",
        ("model.backbone.kind=torchvision",),
    ),
    "model.backbone.pretrained": Arrival("true", _mean_of_downloaded, IMAGENET_MEAN, SHUFFLENET),
    "model.backbone.weights": Arrival("WEIGHTS", _first_weight, 0.25, SHUFFLENET),
    "model.backbone.run": Arrival(
        "RUN_A",
        lambda c: classifier_architecture(c, _store())["backbone"]["channels"],
        8,
        ("model.backbone={kind: discriminator, run: RUN_B}",),
    ),
    "model.backbone.trained": Arrival(
        "false", _has_the_run_s_weights, False, ("model.backbone={kind: discriminator, run: RUN_A}",)
    ),
    "model.aux": Arrival("{block1: 0.5}", lambda c: _task(c).loss.weights, {"main": 1.0, "block1": 0.5}),
    "model.head": Arrival(
        "stem", lambda c: _task(c).network.heads["block1"].stem is None, False, ("model.aux={block1: 0.5}",)
    ),
    "model.dropout": Arrival("0.25", lambda c: _task(c).network.heads["main"].dropout.probability, 0.25),
    "model.freeze": Arrival("backbone", lambda c: _task(c).network.frozen, "backbone"),
    "loss.label_smoothing": Arrival("0.1", lambda c: _task(c).loss.label_smoothing, 0.1),
    "loss.class_weights": Arrival(
        "{cat: 2}",
        lambda c: None if _task(c).loss.class_weights is None else _task(c).loss.class_weights.tolist(),
        [1.5, 0.75, 0.75],
    ),
    "optim.lr": Arrival("0.01", _groups("max_lr"), {0.01}),
    "optim.backbone_lr": Arrival("0.5", _groups("max_lr"), {2e-3, 1e-3}),
    "optim.warmup": Arrival("0.3", lambda c: _task(c).schedule.warmup, 0.3),
    "optim.decay": Arrival("cosine", lambda c: _task(c).schedule.decay, "cosine"),
    "optim.betas": Arrival("[0.5, 0.6]", _groups("betas"), {(0.5, 0.6)}),
    "optim.eps": Arrival("1e-5", _groups("eps"), {1e-5}),
    "optim.weight_decay": Arrival("0.3", _groups("weight_decay"), {0.3, 0.0}),
    "train.batch_size": Arrival("16", lambda c: _task(c).feed.batch_size, 16),
    "train.micro_batch": Arrival("4", lambda c: _task(c).micro_batch, 4),
    "train.precision": Arrival("float64", _precision, ("float64", torch.float64)),
    "train.compile": Arrival("true", _is_compiled, True),
    "train.threads": Arrival("3", _threads, 3),
    "train.epochs": Arrival("10", lambda c: _task(c).total_nimg, 256),  # 240 in batches of 64
    "train.total_nimg": Arrival("100", lambda c: _task(c).total_nimg, 128),
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
    given = [_place(override, places) for override in arrival.given]
    assert arrival.look(_config(*given, f"{key}={_place(arrival.value, places)}")) == arrival.expected
    assert arrival.look(_config(*given)) != arrival.expected


def test_images_are_mirrored_once() -> None:
    task = _task(_config("data.mirror=true"))
    assert task.augmentation.mirror
    assert not task.feed.mirror


def test_the_seed_of_the_split_is_that_of_every_choice_of_images() -> None:
    def images(seed: int, key: str) -> np.ndarray:
        return _prepared(_config(key, f"data.split_seed={seed}", f"seed={seed + 9}"))[0].train.images

    for key in ("data.max_per_class=2", "data.validation_share=0.5"):
        assert not (images(0, key) == images(1, key)).all()
        assert (images(0, key) == _prepared(_config(key))[0].train.images).all()  # whatever the run's seed


# ---------------------------------------------------------------- length, portions, seeds


@pytest.mark.parametrize(
    ("settings", "num_real", "expected"),
    [
        (("train.epochs=1",), 64, 64),
        (("train.epochs=1",), 65, 72),
        (("train.epochs=0.5",), 65, 40),
        (("train.epochs=1.1",), 80, 88),  # 1.1 * 80 is a little more than 88
        (("train.epochs=0.001",), 24, 8),
        (("train.epochs=3",), 10, 32),  # of the real images, not of the store's 24
        (("train.total_nimg=16",), 24, 16),
        (("train.total_nimg=17", "train.epochs=50"), 24, 24),
    ],
)
def test_the_length_is_a_whole_number_of_batches(
    settings: tuple[str, ...], num_real: int, expected: int
) -> None:
    task, _ = _built(_config("train.batch_size=8", *settings), num_real=num_real)
    assert task.total_nimg == expected


@pytest.mark.parametrize(
    ("micro_batch", "world", "expected"), [("null", 1, 8), ("null", 2, 4), ("2", 2, 2), ("8", 2, 4)]
)
def test_a_process_takes_its_share_in_portions(micro_batch: str, world: int, expected: int) -> None:
    config = _config("train.batch_size=8", f"train.micro_batch={micro_batch}")
    task, _ = _built(config, ranks=Ranks(0, world))
    assert (task.feed.batch_size, task.micro_batch, task.ranks.world) == (8, expected, world)


def test_a_batch_that_the_processes_cannot_share_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.batch_size 8 .* 3 processes"):
        _built(_config("train.batch_size=8"), ranks=Ranks(0, 3))


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("float32", torch.float32), ("bf16", torch.float32), ("float64", torch.float64)],
)
def test_weights_are_float32_or_wider(precision: str, dtype: torch.dtype) -> None:
    task, _ = _built(_config(), precision=precision)
    assert {parameter.dtype for parameter in task.network.parameters()} == {dtype}
    assert task.precision == precision


def test_first_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one = _task(_config("seed=4")).network.state_dict()
    assert torch.equal(torch.get_rng_state(), state)  # the global state is left alone
    torch.manual_seed(2)
    assert_close(_task(_config("seed=4")).network.state_dict(), one, rtol=0, atol=0)
    other = _task(_config("seed=3")).network.state_dict()
    assert not torch.equal(other["backbone.stem.0.weight"], one["backbone.stem.0.weight"])


def test_where_nothing_is_compiled_the_network_itself_is_run() -> None:
    task = _task(_config())
    assert task.run_network is task.network
    assert task.network.training


# ---------------------------------------------------------------- class weights


IMBALANCED = [0] * 2 + [1] * 4 + [2] * 18


def test_balanced_weights_are_in_inverse_proportion_with_mean_1() -> None:
    store = _store(labels=IMBALANCED)
    weights = class_weights(_config("loss.class_weights=balanced"), store)
    assert weights is not None
    assert weights.dtype == torch.float32
    assert_close(weights * torch.tensor([2.0, 4.0, 18.0]), torch.full((3,), 8.0))  # 24 / 3 each
    assert weights[torch.tensor(IMBALANCED)].mean().item() == pytest.approx(1)


def test_a_class_without_images_has_no_weight_and_takes_none() -> None:
    weights = class_weights(_config("loss.class_weights=balanced"), _store(labels=[0] * 6 + [2] * 18))
    assert weights is not None
    assert weights.tolist() == pytest.approx([2.0, 0.0, 2 / 3])


def test_weights_by_name_count_1_elsewhere_and_have_mean_1() -> None:
    store = _store(labels=IMBALANCED)
    weights = class_weights(_config("loss.class_weights={dog: 4, cat: 0.5}"), store)
    assert weights is not None
    assert_close(weights / weights[2], torch.tensor([0.5, 4.0, 1.0]))
    assert weights[torch.tensor(IMBALANCED)].mean().item() == pytest.approx(1)


def test_no_weights() -> None:
    assert class_weights(_config(), _store()) is None


def test_a_weight_of_an_unknown_class_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"loss\.class_weights: no class 'dgo'.* cat, dog, owl.*'dog'"):
        _task(_config("loss.class_weights={dgo: 2}"))


# ---------------------------------------------------------------- groups of the optimiser


def _rates(task: Classification) -> dict[str, tuple[float, float]]:
    """(max_lr, weight_decay) of each trained parameter."""
    names = {id(parameter): name for name, parameter in task.network.named_parameters()}
    found = [
        (names[id(parameter)], (group["max_lr"], group["weight_decay"]))
        for group in task.optimizer.param_groups
        for parameter in group["params"]
    ]
    assert len(dict(found)) == len(found)  # none is in two groups
    return dict(found)


@pytest.mark.parametrize("backbone_lr", [1.0, 0.25])
def test_matrices_alone_decay_and_the_backbone_has_its_rate(backbone_lr: float) -> None:
    config = _config(
        "optim={lr: 0.01, weight_decay: 0.3}",
        f"optim.backbone_lr={backbone_lr}",
        "model={aux: {block1: 0.5}, head: stem}",
    )
    task = _task(config)
    expected = {
        name: (
            0.01 * backbone_lr if name.startswith("backbone.") else 0.01,
            0.3 if parameter.ndim > 1 else 0.0,
        )
        for name, parameter in task.network.named_parameters()
    }
    assert _rates(task) == expected
    assert {decay for _, decay in expected.values()} == {0.0, 0.3}
    assert all(group["fused"] for group in task.optimizer.param_groups)


@pytest.mark.parametrize("freeze", ["backbone", "until:block1"])
def test_what_is_frozen_is_in_no_group(freeze: str) -> None:
    task = _task(_config(f"model.freeze={freeze}"))
    trained = {name for name, parameter in task.network.named_parameters() if parameter.requires_grad}
    assert _rates(task).keys() == trained
    assert not any(name.startswith(("backbone.stem", "backbone.block1")) for name in trained)
    assert any(name.startswith("backbone.") for name in trained) == (freeze != "backbone")


def test_an_auxiliary_loss_without_effect_is_told_of() -> None:
    said: list[str] = []
    _built(_config("model={aux: {block1: 0.5}, freeze: backbone}"), warn=said.append)
    assert len(said) == 1
    assert "everything below block1 is frozen" in said[0]


# ---------------------------------------------------------------- normalisation


def test_images_for_weights_of_torchvision_s_are_normalised_as_theirs(places: dict[str, str]) -> None:
    weights = _place("model.backbone.weights=WEIGHTS", places)
    task, info = _built(_config(*SHUFFLENET, weights, "data.channels=3"))
    assert (info.mean, info.std) == (IMAGENET_MEAN, IMAGENET_STD)
    x = torch.rand(2, 3, 16, 16)
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    assert_close(task.normalise(2 * x - 1), (x - mean) / std)


def test_gray_images_for_weights_of_torchvision_s_become_rgb(places: dict[str, str]) -> None:
    task, info = _built(_config(*SHUFFLENET, _place("model.backbone.weights=WEIGHTS", places)))
    assert (info.channels, info.architecture["in_channels"]) == (1, 3)
    x = torch.rand(2, 1, 16, 16) * 2 - 1
    normalised = task.normalise(x)
    assert normalised.shape == (2, 3, 16, 16)
    assert_close(normalised, task.normalise(x.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize("overrides", [(), SHUFFLENET])
def test_networks_that_start_anew_take_images_from_minus_1_to_1(overrides: tuple[str, ...]) -> None:
    task, info = _built(_config(*overrides))
    assert (info.mean, info.std) == ((0.5,), (0.5,))
    x = torch.randn(2, 1, 16, 16)
    assert task.normalise(x) is x


# ---------------------------------------------------------------- files rebuild networks


def _scramble(network: nn.Module) -> None:
    """Give BatchNorm something to do in eval mode."""
    generator = torch.Generator().manual_seed(4)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 2.0, generator=generator)


def _heads(network: AuxClassifier, store: ImageStore) -> dict[str, Tensor]:
    x = torch.from_numpy(store.images[:2]).float() / 127.5 - 1
    with torch.no_grad():
        return network.eval().all_logits(x)


GOOGLENET = "model.backbone={kind: torchvision, name: googlenet}"
NETWORKS: dict[str, tuple[tuple[str, ...], ImageStore]] = {
    "small": ((), _store()),
    "small, with all options": (
        (
            "model.backbone.channels=5",
            "model={aux: {block1: 0.5, block2: 0}, head: stem, dropout: 0.3, freeze: 'until:block1'}",
        ),
        _store(32, 3),
    ),
    "resnet18 for gray images": (
        ("model.backbone.kind=torchvision", "model.aux={layer2: 0.3, layer3.0.conv1: 0.1}"),
        _store(32),
    ),
    "googlenet with its own auxiliary classifiers": ((GOOGLENET,), _store(64, 3)),
    "googlenet without": ((GOOGLENET, "model.aux={}"), _store(64, 3)),
    "discriminator": (("model.backbone={kind: discriminator, run: RUN_A}",), _store()),
    "discriminator, anew": (
        ("model.backbone={kind: discriminator, run: RUN_A, trained: false}", "model.aux={blocks.0: 0.2}"),
        _store(),
    ),
}


@pytest.mark.parametrize(("overrides", "store"), NETWORKS.values(), ids=NETWORKS)
def test_a_file_holds_all_that_rebuilds_the_network(
    overrides: tuple[str, ...], store: ImageStore, places: dict[str, str], tmp_path: Path
) -> None:
    config = _config(*(_place(override, places) for override in overrides))
    with mock.patch("torch.nn.init.trunc_normal_"):  # of GoogLeNet: slow, and not to be seen here
        network, info = build_network(config, store, lambda message: None)
    _scramble(network)
    file = tmp_path / CLASSIFIER_FILE.name
    CLASSIFIER_FILE.save(file, network, info)
    with mock.patch("torch.nn.init.trunc_normal_"):
        twin, found = CLASSIFIER_FILE.read(file)
    assert found == info
    assert twin.weights == network.weights
    outputs, expected = _heads(twin, store), _heads(network, store)
    assert list(outputs) == ["main", *network.aux]
    assert all(logits.isfinite().all() for logits in expected.values())
    assert_close(outputs, expected, rtol=0, atol=0)


def test_googlenet_has_auxiliary_heads_of_its_own_unless_told_otherwise() -> None:
    store = _store(64, 3)
    assert classifier_architecture(_config(GOOGLENET), store)["aux"] == {
        "inception4a": 0.3,
        "inception4d": 0.3,
    }
    assert classifier_architecture(_config(GOOGLENET, "model.aux={}"), store)["aux"] == {}
    assert classifier_architecture(_config(), store)["aux"] == {}


def test_a_file_says_whether_googlenet_s_images_are_transformed(tmp_path: Path) -> None:
    # Its weights want other images than the rest of torchvision's; a file's network is built without weights.
    weights = tmp_path / "weights.pth"
    with mock.patch("torch.nn.init.trunc_normal_"):
        torch.save(build_torchvision("googlenet").state_dict(), weights)
    store = _store(64, 3)
    config = _config(GOOGLENET, f"model.backbone.weights={weights}", "model.aux={}")
    network, info = build_network(config, store, _refuse)
    CLASSIFIER_FILE.save(tmp_path / "file", network, info)
    twin, found = CLASSIFIER_FILE.read(tmp_path / "file")
    assert network.backbone.transform_input
    assert found == info
    assert_close(_heads(twin, store), _heads(network, store), rtol=0, atol=0)


def test_a_vision_transformer_is_built_for_the_images() -> None:
    config = _config("model.backbone={kind: torchvision, name: vit_b_16}")
    with torch.device("meta"):  # shapes alone
        network, info = build_network(config, _store(32, 3), _refuse)
        twin = build_classifier(info.architecture)
    assert info.architecture["backbone"]["image_size"] == 32
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    assert shapes["backbone.encoder.pos_embedding"] == (1, 1 + 4, 768)
    assert {name: tensor.shape for name, tensor in twin.state_dict().items()} == shapes


# ---------------------------------------------------------------- discriminators


@pytest.mark.parametrize("kind", ["dcgan", "paper", "resnet"])
def test_a_discriminator_goes_on_as_a_classifier(kind: str, tmp_path: Path) -> None:
    section = "{kind: paper}" if kind == "paper" else f"{{kind: {kind}, spectral_norm: true, channels: 8}}"
    overrides = (f"model.discriminator={section}", "loss.penalty=null")
    resolution = 32 if kind == "paper" else 16
    store = _store(resolution)
    _make_gan_run(tmp_path / "run", 8, *overrides, store=store)
    discriminator, names = read_discriminator(tmp_path / "run")
    assert names == NAMES
    config = _config(f"model.backbone={{kind: discriminator, run: {tmp_path / 'run'}}}")
    network, info = build_network(config, store, _refuse)
    x = torch.rand(3, 1, resolution, resolution) * 2 - 1
    with torch.no_grad():
        assert_close(network.eval()(x), discriminator.eval()(x).aux.logits)
    assert info.architecture["backbone"]["kind"] == f"{kind}_trunk"


@pytest.mark.parametrize("why", ["other classes", "another order", "dropout"])
def test_the_main_head_starts_anew_where_the_discriminator_s_does_not_fit(
    why: str, places: dict[str, str]
) -> None:
    store = _store()
    if why == "other classes":
        store = replace(store, class_names=("cat", "dog", "owl", "elk"))
    elif why == "another order":
        store = replace(store, class_names=("dog", "cat", "owl"))
    config = _config(
        _place("model.backbone={kind: discriminator, run: RUN_A}", places),
        f"model.dropout={0.2 if why == 'dropout' else 0}",
    )
    network, _ = build_network(config, store, _refuse)
    discriminator, _ = read_discriminator(Path(places["RUN_A"]))
    old, new = discriminator.aux_head.classify.weight, network.heads["main"].classify.weight
    assert len(new) == store.num_classes
    assert not any(torch.equal(row, other) for row in new for other in old)
    assert network.heads["main"].dropout.probability == config.model.dropout


def test_a_discriminator_of_other_images_is_refused(places: dict[str, str]) -> None:
    config = _config(_place("model.backbone={kind: discriminator, run: RUN_A}", places))
    for store, found in ((_store(32), "1 x 32 px"), (_store(16, 3), "3 x 16 px")):
        with pytest.raises(
            ConfigError, match=f"takes 1 x 16 px, the images are {found}; set data.resolution"
        ):
            build_network(config, store, _refuse)


def test_a_discriminator_that_is_not_there(places: dict[str, str], tmp_path: Path) -> None:
    def config(run: Path) -> ClassifierConfig:
        return _config(f"model.backbone={{kind: discriminator, run: {run}}}")

    with pytest.raises(RunError, match=r"no config\.yaml in it; expected a run directory of `acgan train`"):
        build_network(config(tmp_path), _store(), _refuse)
    text = (Path(places["RUN_A"]) / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(RunError, match="no checkpoint in it"):
        build_network(config(tmp_path), _store(), _refuse)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model.aux={blok1: 0.3}",), "no layer 'blok1'.* Did you mean 'block1'"),
        (("model.freeze=until:blok1",), "no layer 'blok1'"),
        (("model.backbone={kind: torchvision, name: resnet81}",), "no backbone 'resnet81'"),
        (("model.backbone={kind: torchvision, weights: nowhere.pth}",), r"nowhere\.pth: cannot be read"),
    ],
)
def test_what_a_user_can_mend_is_told_as_such(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _task(_config(*overrides))


@pytest.mark.parametrize("kind", ["tac", "adc"])
def test_a_head_beside_a_twin_goes_on_as_a_classifier(kind: str, tmp_path: Path) -> None:
    # Of TAC-GAN it is the classifier of real images, of ADC-GAN the logits of the real classes.
    spectral_norm = "model.discriminator.spectral_norm=true"
    _make_gan_run(tmp_path / "run", 8, f"loss.classification.kind={kind}", spectral_norm)
    discriminator, _ = read_discriminator(tmp_path / "run")
    assert discriminator.aux_head.twin is not None
    config = _config(f"model.backbone={{kind: discriminator, run: {tmp_path / 'run'}}}")
    network, _ = build_network(config, _store(), _refuse)
    assert _heads(network, _store()).keys() == {"main"}
    x = torch.rand(3, 1, 16, 16) * 2 - 1
    with torch.no_grad():
        assert_close(network.eval()(x), discriminator.eval()(x).aux.logits)
    fresh = AuxHead(8, 3)
    assert network.heads["main"].state_dict().keys() == fresh.state_dict().keys()


@pytest.mark.parametrize(
    "overrides",
    [
        ("loss.classification.kind=d2d_ce",),
        ("loss.classification={kind: cross_entropy, unit_norm: true}",),
        ("loss.classification={kind: tac, unit_norm: true}",),
        ("loss.classification=null", "model.discriminator.projection=true"),
    ],
    ids=["d2d_ce", "unit norm", "tac with unit norm", "projection alone"],
)
def test_the_trunk_goes_on_without_a_head_whose_logits_are_not_of_the_features(
    overrides: tuple[str, ...], tmp_path: Path
) -> None:
    _make_gan_run(tmp_path / "run", 8, *overrides)
    discriminator, _ = read_discriminator(tmp_path / "run")
    config = _config(f"model.backbone={{kind: discriminator, run: {tmp_path / 'run'}}}")
    network, info = build_network(config, _store(), _refuse)
    assert_close(network.backbone.state_dict(), discriminator.trunk.state_dict(), rtol=0, atol=0)
    main = network.heads["main"]
    assert tuple(main.classify.weight.shape) == (len(NAMES), discriminator.trunk.feature_dim)
    assert main.classify.bias is not None
    assert not main.unit_norm
    if discriminator.aux_head is not None:
        old = {tuple(row.tolist()) for row in discriminator.aux_head.classify.weight}
        assert not old & {tuple(row.tolist()) for row in main.classify.weight}
    assert "projection" not in info.architecture["backbone"]
    # The file's description rebuilds it.
    twin = build_classifier(info.architecture)
    twin.load_state_dict(network.state_dict())
