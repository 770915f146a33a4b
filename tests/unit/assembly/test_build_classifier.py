"""From a configuration to a classifier, and from a file back to it."""

from pathlib import Path
from unittest import mock

import pytest
import torch
from build_helpers import (
    SHUFFLENET,
    built,
    head_state,
    make_config,
    make_store,
    place,
    refuse,
    scramble,
    task_of,
)
from torch.testing import assert_close

from acgan.assembly.classifier import build_network, class_weights, classifier_architecture
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.models import IMAGENET_MEAN, IMAGENET_STD, build_torchvision
from acgan.training.classifier_loop import ClassifierTask
from acgan.types import ImageStore
from acgan.weights import CLASSIFIER_FILE, build_classifier

# ---------------------------------------------------------------- length, micro-batches, seeds


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
    task, _ = built(make_config("train.batch_size=8", *settings), num_real=num_real)
    assert task.total_nimg == expected


@pytest.mark.parametrize(
    ("micro_batch", "world", "expected"), [("null", 1, 8), ("null", 2, 4), ("2", 2, 2), ("8", 2, 4)]
)
def test_a_process_takes_its_share_in_micro_batches(micro_batch: str, world: int, expected: int) -> None:
    config = make_config("train.batch_size=8", f"train.micro_batch={micro_batch}")
    task, _ = built(config, ranks=Ranks(0, world))
    assert (task.feed.batch_size, task.micro_batch, task.ranks.world) == (8, expected, world)


def test_a_batch_that_the_processes_cannot_share_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.batch_size 8 .* 3 processes"):
        built(make_config("train.batch_size=8"), ranks=Ranks(0, 3))


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("float32", torch.float32), ("bf16", torch.float32), ("float64", torch.float64)],
)
def test_weights_are_float32_or_wider(precision: str, dtype: torch.dtype) -> None:
    task, _ = built(make_config(), precision=precision)
    assert {parameter.dtype for parameter in task.network.parameters()} == {dtype}
    assert task.precision == precision


def test_first_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one = task_of(make_config("seed=4")).network.state_dict()
    assert torch.equal(torch.get_rng_state(), state)  # the global state is left alone
    torch.manual_seed(2)
    assert_close(task_of(make_config("seed=4")).network.state_dict(), one, rtol=0, atol=0)
    other = task_of(make_config("seed=3")).network.state_dict()
    assert not torch.equal(other["backbone.stem.0.weight"], one["backbone.stem.0.weight"])


def test_where_nothing_is_compiled_the_network_itself_is_run() -> None:
    task = task_of(make_config())
    assert task.run_network is task.network
    assert task.network.training


# ---------------------------------------------------------------- class weights


IMBALANCED = [0] * 2 + [1] * 4 + [2] * 18


def test_balanced_weights_are_in_inverse_proportion_with_mean_1() -> None:
    store = make_store(labels=IMBALANCED)
    weights = class_weights(make_config("loss.class_weights=balanced"), store)
    assert weights is not None
    assert weights.dtype == torch.float32
    assert_close(weights * torch.tensor([2.0, 4.0, 18.0]), torch.full((3,), 8.0))  # 24 / 3 each
    assert weights[torch.tensor(IMBALANCED)].mean().item() == pytest.approx(1)


def test_a_class_without_images_has_no_weight_and_takes_none() -> None:
    weights = class_weights(make_config("loss.class_weights=balanced"), make_store(labels=[0] * 6 + [2] * 18))
    assert weights is not None
    assert weights.tolist() == pytest.approx([2.0, 0.0, 2 / 3])


def test_weights_by_name_count_1_elsewhere_and_have_mean_1() -> None:
    store = make_store(labels=IMBALANCED)
    weights = class_weights(make_config("loss.class_weights={dog: 4, cat: 0.5}"), store)
    assert weights is not None
    assert_close(weights / weights[2], torch.tensor([0.5, 4.0, 1.0]))
    assert weights[torch.tensor(IMBALANCED)].mean().item() == pytest.approx(1)


def test_no_weights() -> None:
    assert class_weights(make_config(), make_store()) is None


def test_a_weight_of_an_unknown_class_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"loss\.class_weights: no class 'dgo'.* cat, dog, owl.*'dog'"):
        task_of(make_config("loss.class_weights={dgo: 2}"))


# ---------------------------------------------------------------- groups of the optimiser


def _rates(task: ClassifierTask) -> dict[str, tuple[float, float]]:
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
    config = make_config(
        "optim={lr: 0.01, weight_decay: 0.3}",
        f"optim.backbone_lr={backbone_lr}",
        "model={aux: {block1: 0.5}, head: stem}",
    )
    task = task_of(config)
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
    task = task_of(make_config(f"model.freeze={freeze}"))
    trained = {name for name, parameter in task.network.named_parameters() if parameter.requires_grad}
    assert _rates(task).keys() == trained
    assert not any(name.startswith(("backbone.stem", "backbone.block1")) for name in trained)
    assert any(name.startswith("backbone.") for name in trained) == (freeze != "backbone")


def test_an_auxiliary_loss_without_effect_is_told_of() -> None:
    said: list[str] = []
    built(make_config("model={aux: {block1: 0.5}, freeze: backbone}"), warn=said.append)
    assert len(said) == 1
    assert "everything below block1 is frozen" in said[0]


# ---------------------------------------------------------------- normalisation


def test_images_for_weights_of_torchvision_s_are_normalised_as_theirs(places: dict[str, str]) -> None:
    weights = place("model.backbone.weights=WEIGHTS", places)
    task, info = built(make_config(*SHUFFLENET, weights, "data.channels=3"))
    assert (info.mean, info.std) == (IMAGENET_MEAN, IMAGENET_STD)
    x = torch.rand(2, 3, 16, 16)
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    assert_close(task.normalise(2 * x - 1), (x - mean) / std)


def test_gray_images_for_weights_of_torchvision_s_become_rgb(places: dict[str, str]) -> None:
    task, info = built(make_config(*SHUFFLENET, place("model.backbone.weights=WEIGHTS", places)))
    assert (info.channels, info.architecture["in_channels"]) == (1, 3)
    x = torch.rand(2, 1, 16, 16) * 2 - 1
    normalised = task.normalise(x)
    assert normalised.shape == (2, 3, 16, 16)
    assert_close(normalised, task.normalise(x.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize("overrides", [(), SHUFFLENET])
def test_networks_that_start_anew_take_images_from_minus_1_to_1(overrides: tuple[str, ...]) -> None:
    task, info = built(make_config(*overrides))
    assert (info.mean, info.std) == ((0.5,), (0.5,))
    x = torch.randn(2, 1, 16, 16)
    assert task.normalise(x) is x


# ---------------------------------------------------------------- files rebuild networks


GOOGLENET = "model.backbone={kind: torchvision, name: googlenet}"
NETWORKS: dict[str, tuple[tuple[str, ...], ImageStore]] = {
    "small": ((), make_store()),
    "small, with all options": (
        (
            "model.backbone.channels=5",
            "model={aux: {block1: 0.5, block2: 0}, head: stem, dropout: 0.3, freeze: 'until:block1'}",
        ),
        make_store(32, 3),
    ),
    "resnet18 for gray images": (
        ("model.backbone.kind=torchvision", "model.aux={layer2: 0.3, layer3.0.conv1: 0.1}"),
        make_store(32),
    ),
    "googlenet with its own auxiliary classifiers": ((GOOGLENET,), make_store(64, 3)),
    "googlenet without": ((GOOGLENET, "model.aux={}"), make_store(64, 3)),
    "discriminator": (("model.backbone={kind: discriminator, run: RUN_A}",), make_store()),
    "discriminator, anew": (
        ("model.backbone={kind: discriminator, run: RUN_A, trained: false}", "model.aux={blocks.0: 0.2}"),
        make_store(),
    ),
}


@pytest.mark.parametrize(("overrides", "store"), NETWORKS.values(), ids=NETWORKS)
def test_a_file_holds_all_that_rebuilds_the_network(
    overrides: tuple[str, ...], store: ImageStore, places: dict[str, str], tmp_path: Path
) -> None:
    config = make_config(*(place(override, places) for override in overrides))
    with mock.patch("torch.nn.init.trunc_normal_"):  # of GoogLeNet: slow, and not to be seen here
        network, info = build_network(config, store, lambda message: None, lambda message: None)
    scramble(network)
    file = tmp_path / CLASSIFIER_FILE.name
    CLASSIFIER_FILE.save(file, network, info)
    with mock.patch("torch.nn.init.trunc_normal_"):
        twin, found = CLASSIFIER_FILE.read(file)
    assert found == info
    assert twin.weights == network.weights
    outputs, expected = head_state(twin, store), head_state(network, store)
    assert list(outputs) == ["main", *network.aux]
    assert all(logits.isfinite().all() for logits in expected.values())
    assert_close(outputs, expected, rtol=0, atol=0)


def test_googlenet_has_auxiliary_heads_of_its_own_unless_told_otherwise() -> None:
    store = make_store(64, 3)
    assert classifier_architecture(make_config(GOOGLENET), store)["aux"] == {
        "inception4a": 0.3,
        "inception4d": 0.3,
    }
    assert classifier_architecture(make_config(GOOGLENET, "model.aux={}"), store)["aux"] == {}
    assert classifier_architecture(make_config(), store)["aux"] == {}


@mock.patch("torch.nn.init.trunc_normal_", mock.Mock())  # slow, and not to be seen here
def test_a_file_says_whether_googlenet_s_images_are_transformed(tmp_path: Path) -> None:
    # Its weights want other images than the rest of torchvision's; a file's network is built without weights.
    weights = tmp_path / "weights.pth"
    torch.save(build_torchvision("googlenet").state_dict(), weights)
    store = make_store(64, 3)
    config = make_config(GOOGLENET, f"model.backbone.weights={weights}", "model.aux={}")
    network, info = build_network(config, store, refuse, refuse)
    CLASSIFIER_FILE.save(tmp_path / "file", network, info)
    twin, found = CLASSIFIER_FILE.read(tmp_path / "file")
    assert network.backbone.transform_input
    assert found == info
    assert_close(head_state(twin, store), head_state(network, store), rtol=0, atol=0)


def test_a_vision_transformer_is_built_for_the_images() -> None:
    config = make_config("model.backbone={kind: torchvision, name: vit_b_16}")
    with torch.device("meta"):  # shapes alone
        network, info = build_network(config, make_store(32, 3), refuse, refuse)
        twin = build_classifier(info.architecture)
    assert info.architecture["backbone"]["image_size"] == 32
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    assert shapes["backbone.encoder.pos_embedding"] == (1, 1 + 4, 768)
    assert {name: tensor.shape for name, tensor in twin.state_dict().items()} == shapes
