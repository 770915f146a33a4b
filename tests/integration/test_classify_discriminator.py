"""A discriminator as a classifier's backbone, and a classifier as the start of a discriminator."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from run_helpers import (
    TINY,
    TINY_CLASSIFIER,
    acgan,
    acgan_classify,
    acgan_train,
    assert_same_classifier_run,
    classified,
    classifier_tensors,
    classify_args,
    differences,
    generator_tensors,
    latest_payload,
    overrides,
    sets,
    signal_after,
    trained,
    tree,
)
from torch import Tensor

from acgan import api
from acgan.assembly import build_gan
from acgan.assembly.classifier import build_network
from acgan.config import ClassifierConfig, RunConfig, load
from acgan.distributed import Ranks
from acgan.models import Discriminator

GANS: dict[str, dict[str, Any]] = {
    "resnet": {},
    "resnet, spectral norm": {
        "model.discriminator.spectral_norm": True,
        "loss.adversarial.kind": "hinge",
        "loss.penalty": None,
    },
    "dcgan": {"model.discriminator": {"kind": "dcgan", "channels": 4}, "loss.penalty": None},
    "dcgan, spectral norm": {
        "model.discriminator": {"kind": "dcgan", "channels": 4, "spectral_norm": True},
        "loss.penalty": None,
    },
}
BRIEF = {"train.total_nimg": 32, "monitor.num_per_class": 0, "data.classes": ["1", "2", "3"]}
CLASSES = {"data.classes": ["1", "2", "3"]}
BY_SPECTRAL_NORM = pytest.mark.parametrize("name", ["resnet", "resnet, spectral norm"])


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run of one of ``GANS`` with the digits 1, 2 and 3."""
    made: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in made:
            made[name] = trained(tmp_path_factory.mktemp("gan") / "run", {**BRIEF, **GANS[name]})
        return made[name]

    return run


def discriminator_of(run: Path, name: str) -> Discriminator:
    """As a training of the GAN goes on with it: with spectral normalisation where it has it."""
    config = load(RunConfig, TINY, overrides({**BRIEF, **GANS[name]}))
    store = api.load_data(config).train
    gan = build_gan(config, store, device=torch.device("cpu"), precision="float32", ranks=Ranks())
    gan.discriminator.load_state_dict(latest_payload(run)["state"]["discriminator"])
    return gan.discriminator.eval()


def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 1, 16, 16), dtype=np.uint8)


@torch.no_grad()
def class_logits(discriminator: Discriminator, images: np.ndarray) -> Tensor:
    return discriminator(torch.from_numpy(images).float() / 127.5 - 1).aux.logits


def backbone(run: Path, trained: bool = True) -> dict[str, Any]:
    changes = {"kind": "discriminator", "run": str(run), **({} if trained else {"trained": False})}
    # The tiny configuration has a head at a layer that is not there.
    return {"model": {"aux": None}, "model.backbone": changes}


# From the GAN to the classifier.


@pytest.mark.parametrize("name", GANS)
def test_trunk_and_head_start_the_classifier(name: str, gan: Callable[[str], Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("--aux", "none", "--max-time", "0")
    result = acgan_classify(run, CLASSES, "--backbone", f"discriminator:{gan(name)}", *options)
    assert result.exit_code == 0, result.output
    expected = class_logits(discriminator_of(gan(name), name), pixels())
    torch.testing.assert_close(api.load_classifier(run).logits(pixels()), expected)
    assert not any("parametrizations" in key for key in classifier_tensors(run))


def test_other_classes_start_a_new_head(gan: Callable[[str], Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    changes = {**backbone(gan("resnet")), "data.classes": ["1", "2", "7"]}
    assert acgan_classify(run, changes, "--max-time", "0").exit_code == 0
    old, new = latest_payload(gan("resnet"))["state"]["discriminator"], classifier_tensors(run)
    trunk = {key.removeprefix("trunk."): value for key, value in old.items() if key.startswith("trunk.")}
    assert not differences(trunk, {key: new[f"backbone.{key}"] for key in trunk})
    head = "aux_head.classify.weight"
    assert not any(
        torch.equal(row, other) for row in new["heads.main.classify.weight"] for other in old[head]
    )
    same = acgan_classify(tmp_path / "same", {**changes, **CLASSES}, "--max-time", "0")
    assert same.exit_code == 0
    assert torch.equal(classifier_tensors(tmp_path / "same")["heads.main.classify.weight"], old[head])


@BY_SPECTRAL_NORM
def test_untrained_is_the_architecture_alone(name: str, gan: Callable[[str], Path], tmp_path: Path) -> None:
    runs = {"taken": True, "anew": False}
    for directory, has_weights in runs.items():
        changes = {**CLASSES, **backbone(gan(name), has_weights)}
        assert acgan_classify(tmp_path / directory, changes, "--max-time", "0").exit_code == 0
    taken, anew = (classifier_tensors(tmp_path / directory) for directory in runs)
    assert {key: value.shape for key, value in taken.items()} == {
        key: value.shape for key, value in anew.items()
    }
    assert not any(torch.equal(taken[key], anew[key]) for key in taken if key.endswith("weight"))


def test_dropout_starts_a_new_head_that_has_it(gan: Callable[[str], Path]) -> None:
    changes = {**CLASSES, **backbone(gan("resnet")), "model.dropout": 0.5}
    config = load(ClassifierConfig, TINY_CLASSIFIER, overrides(changes))
    network, _ = build_network(
        config, api.load_data(config).train, lambda message: None, lambda message: None
    )
    assert network.heads["main"].dropout.probability == 0.5


@BY_SPECTRAL_NORM
def test_it_trains_and_resumes_and_the_file_is_enough(
    name: str, gan: Callable[[str], Path], tmp_path: Path
) -> None:
    source = tmp_path / "gan"
    shutil.copytree(gan(name), source)
    changes = {**CLASSES, **backbone(source), "train.total_nimg": 64}
    if name == "resnet":
        changes["model.aux"] = {"blocks.0": 0.3}
    whole, run = classified(tmp_path / "whole", changes), tmp_path / "run"
    with signal_after(3, 15):
        assert acgan_classify(run, changes).exit_code == 75
    classified(run, changes)
    assert_same_classifier_run(run, whole)

    before = api.load_classifier(run).logits(pixels())
    file = tmp_path / "mine.safetensors"
    shutil.copy(run / "classifier.safetensors", file)
    shutil.rmtree(source)
    shutil.rmtree(run)
    assert torch.equal(api.load_classifier(file).logits(pixels()), before)
    Image.fromarray(pixels()[0, 0]).save(tmp_path / "image.png")
    for command in (["predict", str(file), str(tmp_path / "image.png")], ["evaluate", str(file)]):
        result = acgan("classify", *command)
        assert result.exit_code == 0, result.output


def test_weights_of_the_backbone_move_in_training(gan: Callable[[str], Path], tmp_path: Path) -> None:
    run = classified(tmp_path / "run", {**CLASSES, **backbone(gan("resnet, spectral norm"))})
    start = acgan_classify(
        tmp_path / "start", {**CLASSES, **backbone(gan("resnet, spectral norm"))}, "--max-time", "0"
    )
    assert start.exit_code == 0
    before, after = classifier_tensors(tmp_path / "start"), classifier_tensors(run)
    assert not any(torch.equal(before[key], after[key]) for key in before if key.endswith("weight"))


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"data.resolution": 32}, ["takes 1 x 16 px", "images are 1 x 32 px", "data.resolution"]),
        ({"data.channels": 3}, ["takes 1 x 16 px", "images are 3 x 16 px", "data.channels"]),
        ({"model.aux": {"blocks.9": 0.3}}, ["no layer 'blocks.9'", "Did you mean 'blocks."]),
    ],
    ids=["resolution", "channels", "layer"],
)
def test_what_does_not_fit_is_refused(
    changes: dict[str, Any], messages: list[str], gan: Callable[[str], Path], tmp_path: Path
) -> None:
    before = tree(gan("resnet"))
    result = acgan_classify(tmp_path / "run", {**CLASSES, **backbone(gan("resnet")), **changes})
    assert result.exit_code == 1, result.output
    for message in messages:
        assert message in result.stderr
    assert not (tmp_path / "run").exists()
    assert tree(gan("resnet")) == before


def test_what_is_no_run_of_a_gan_is_refused(gan: Callable[[str], Path], tmp_path: Path) -> None:
    classifier = classified(tmp_path / "classifier", {"train.total_nimg": 16})
    without = tmp_path / "without"
    shutil.copytree(gan("resnet"), without)
    shutil.rmtree(without / "checkpoints")
    for directory, message in (
        (classifier, "configures `acgan classify train`, not `acgan train`"),
        (without, f"{without}: no checkpoint in it"),
        (gan("resnet") / "generator.safetensors", "expected a run directory of `acgan train`"),
    ):
        result = acgan_classify(tmp_path / "run", {}, "--backbone", f"discriminator:{directory}")
        assert result.exit_code == 1, result.output
        assert message in result.stderr
        assert not (tmp_path / "run").exists()


# From the classifier to the GAN.


@pytest.fixture(scope="module")
def classifier(gan: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of the digits 1, 2 and 3 whose backbone is built like the tiny GAN's trunk."""
    changes = {**CLASSES, **backbone(gan("resnet"), trained=False), "model.aux": {"blocks.0": 0.3}}
    return classified(tmp_path_factory.mktemp("classifier") / "run", {**changes, "train.total_nimg": 48})


def begin(run: Path, classifier: Path, changes: dict[str, Any]) -> str:
    """Begin a GAN's run from a classifier, without an iteration; what was said."""
    result = acgan_train(run, {**BRIEF, **changes}, "--init-from", str(classifier), "--max-time", "0")
    assert result.exit_code == 0, result.output
    return result.stdout


def weight(state: dict[str, Tensor], layer: str) -> Tensor:
    """Of a layer, with spectral normalisation or without."""
    return state.get(f"{layer}.weight", state.get(f"{layer}.parametrizations.weight.original"))


@pytest.mark.parametrize("as_file", [False, True])
@BY_SPECTRAL_NORM
def test_a_classifier_starts_the_discriminator(
    name: str, as_file: bool, classifier: Path, tmp_path: Path
) -> None:
    path = classifier / "classifier.safetensors" if as_file else classifier
    said = begin(tmp_path / "run", path, GANS[name])
    state, old = latest_payload(tmp_path / "run")["state"], classifier_tensors(classifier)
    found = state["discriminator"]
    layers = [key.removesuffix(".weight") for key in old if key.endswith(".weight") and "block" in key]
    layers = [layer for layer in layers if layer.startswith("backbone.")]
    assert len(layers) > 5
    pairs = [(layer.replace("backbone.", "trunk.", 1), layer) for layer in layers]
    for new, layer in [*pairs, ("aux_head.classify", "heads.main.classify")]:
        assert torch.equal(weight(found, new), old[f"{layer}.weight"]), new
        if f"{layer}.bias" in old:
            assert torch.equal(found[f"{new}.bias"], old[f"{layer}.bias"]), new

    own = sum(key.startswith(("backbone.", "heads.main.")) for key in old)
    line = next(line for line in said.splitlines() if "discriminator: took" in line)
    assert f"took {own} of {len(found)} tensors; not taken: " in line
    assert "adv_head." in line
    assert "generator: starts anew" in said
    assert acgan_train(tmp_path / "anew", {**BRIEF, **GANS[name]}, "--max-time", "0").exit_code == 0
    anew = latest_payload(tmp_path / "anew")["state"]
    assert not differences([state["generator"], state["ema"]], [anew["generator"], anew["ema"]])
    assert not differences(generator_tensors(tmp_path / "run"), generator_tensors(tmp_path / "anew"))
    assert latest_payload(tmp_path / "run")["meta"]["init_from"]["path"] == str(path)

    discriminator = discriminator_of(tmp_path / "run", name)
    if name == "resnet":
        logits = api.load_classifier(classifier).logits(pixels())
        torch.testing.assert_close(class_logits(discriminator, pixels()), logits)
    else:  # each weight is divided by its own largest singular value, not by that of what was there before
        for layer in (
            discriminator.trunk.from_image,
            discriminator.trunk.project,
            discriminator.aux_head.classify,
        ):
            largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2)
            assert largest.item() == pytest.approx(1, abs=0.1)


@BY_SPECTRAL_NORM
def test_a_classifiers_classes_are_matched_by_name(name: str, classifier: Path, tmp_path: Path) -> None:
    said = begin(tmp_path / "run", classifier, {**GANS[name], "data.classes": ["7", "3", "1"]})
    found = latest_payload(tmp_path / "run")["state"]["discriminator"]
    old = classifier_tensors(classifier)["heads.main.classify.weight"]
    new = weight(found, "aux_head.classify")
    assert torch.equal(new[1], old[2])
    assert torch.equal(new[2], old[0])
    assert not any(torch.equal(new[0], row) for row in old), "7 is new"
    assert "(only the rows of 2 of 3 classes)" in said


def test_training_goes_on_from_a_classifier(classifier: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", BRIEF, "--init-from", str(classifier))
    assert latest_payload(run)["nimg"] == 32


def test_another_network_gives_nothing_and_says_so(tmp_path: Path) -> None:
    small = classified(tmp_path / "small", {**CLASSES, "train.total_nimg": 16})
    said = begin(tmp_path / "run", small, {})
    line = next(line for line in said.splitlines() if "discriminator: took" in line)
    assert line.split("took ")[1].startswith(("0 ", "1 ")), line  # the bias of the class head fits
    assert "not taken: trunk." in line


def test_a_dry_run_reports_it(classifier: Path, workdir: Path) -> None:
    arguments = ["train", str(TINY), *sets(BRIEF), "--dry-run", "--init-from", str(classifier)]
    result = acgan(*arguments)
    assert result.exit_code == 0, result.output
    assert "discriminator: took " in result.stdout
    assert "generator: starts anew" in result.stdout
    assert tree(workdir) == {}
    result = acgan(*classify_args("run", {}, "--dry-run", "--init-from", str(classifier)))
    assert result.exit_code == 0, result.output
    assert "classifier: took " in result.stdout
    assert tree(workdir) == {}
