"""What is easily got wrong around a classifier's training: compiling, going on without the start, options that meet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
import torchvision
from run_helpers import (
    acgan,
    acgan_classify,
    classified,
    classifier_tensors,
    classify_args,
    differences,
    sets,
    trained,
)

from acgan import api
from acgan.assembly import build_classifier_task
from acgan.config import ClassifierConfig, load
from acgan.distributed import Ranks
from acgan.runtime import FiniteGuard
from acgan.training.classifier_loop import classifier_step

CPU = torch.device("cpu")
TINY = Path(__file__).with_name("tiny_classifier.yaml")
MILD = {"train.total_nimg": 32, "every.checkpoint_nimg": 16}


@pytest.fixture(scope="module")
def resnet_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict of a ResNet-18, as for ``model.backbone.weights``."""
    file = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), file)
    return file


def test_a_compiled_step_with_dropout_equals_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", lambda network: compiler(network, backend="aot_eager"))
    logs = []
    for compiled in (False, True):
        changes = (f"train.compile={compiled}", "model.head=stem", "model.dropout=0.3")
        config = load(ClassifierConfig, TINY, changes)
        store = api.load_data(config).train
        task, _ = build_classifier_task(
            config,
            store,
            num_real=len(store),
            device=CPU,
            precision="float32",
            ranks=Ranks(),
            say=pytest.fail,
            warn=pytest.fail,
        )
        task.network.train()
        logs.append(
            {name: value.item() for name, value in classifier_step(task, FiniteGuard(CPU), 3).items()}
        )
    assert logs[0] == pytest.approx(logs[1], rel=1e-5)


def test_a_run_goes_on_where_its_gan_is_gone(tmp_path: Path) -> None:
    gan = trained(tmp_path / "gan", {"train.total_nimg": 16, "monitor.num_per_class": 0})
    backbone = {"model.backbone": {"kind": "discriminator", "run": str(gan)}, "model.aux": None}
    whole = classified(tmp_path / "whole", {**MILD, **backbone})
    assert acgan_classify(tmp_path / "run", {**MILD, **backbone}, "--max-time", "0s").exit_code == 0
    shutil.rmtree(gan)
    result = acgan_classify(tmp_path / "run", {**MILD, **backbone})
    assert result.exit_code == 0, result.output
    assert not differences(classifier_tensors(tmp_path / "run"), classifier_tensors(whole), "classifier")


def test_a_run_goes_on_where_its_first_weights_are_gone(resnet_weights: Path, tmp_path: Path) -> None:
    weights = shutil.copy(resnet_weights, tmp_path / "copy.pth")
    backbone = {"kind": "torchvision", "name": "resnet18", "weights": str(weights)}
    changes = {**MILD, "model.backbone": backbone, "model.aux": None, "data.resolution": 32}
    assert acgan_classify(tmp_path / "run", changes, "--max-time", "0s").exit_code == 0
    (tmp_path / "copy.pth").unlink()
    result = acgan_classify(tmp_path / "run", changes)
    assert result.exit_code == 0, result.output
    info = api.load_classifier(tmp_path / "run").info
    assert info.mean == (0.485, 0.456, 0.406)


def test_another_backbone_leaves_the_recipe_s_layers_and_weights_behind(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        TINY.read_text().replace(
            "{kind: small, channels: 4}", "{kind: torchvision, name: resnet18, weights: resnet18.pth}"
        )
    )
    options = ("--run-dir", str(tmp_path / "run"), "--backbone", "shufflenet_v2_x0_5")
    result = acgan("classify", "train", str(recipe), *options, *sets({**MILD, "data.resolution": 32}))
    assert result.exit_code == 0, result.output
    assert list(api.load_classifier(tmp_path / "run").network.weights) == ["main"]
    backbone = load(ClassifierConfig, tmp_path / "run" / "config.yaml").model.backbone
    assert backbone.model_dump() == {
        "kind": "torchvision",
        "name": "shufflenet_v2_x0_5",
        "pretrained": False,
        "weights": None,
    }


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (sets({"train.micro_batch": 1}), "train.micro_batch"),
        (sets({"data.balance": True, "loss.class_weights": "balanced"}), "expected one of them"),
        (["--backbone", "small", "--pretrained"], "--pretrained"),
        (sets({"trian.epochs": 3}), "`acgan config --classify` lists all keys"),
    ],
)
def test_what_does_not_fit_together_is_refused(options: list[str], found: str, tmp_path: Path) -> None:
    result = acgan(*classify_args(tmp_path / "run", MILD), *options)
    assert result.exit_code in (1, 2), result.output
    assert found in result.output
    assert not (tmp_path / "run").exists()


def test_weights_of_images_that_were_normalised_otherwise_are_refused(
    resnet_weights: Path, tmp_path: Path
) -> None:
    plain = {"kind": "torchvision", "name": "resnet18"}
    shared = {**MILD, "model.aux": None, "data.resolution": 32}
    old = classified(
        tmp_path / "old", {**shared, "model.backbone": {**plain, "weights": str(resnet_weights)}}
    )
    result = acgan_classify(tmp_path / "new", {**shared, "model.backbone": plain}, "--init-from", str(old))
    assert result.exit_code == 1
    assert "normalised by mean [0.485, 0.456, 0.406]" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("split", "number"), [("test", 269), ("train", 50), ("all", 1797)])
def test_train_is_what_was_trained_on_and_all_is_all(split: str, number: int, tmp_path: Path) -> None:
    run = classified(tmp_path / "run", {**MILD, "data.max_per_class": 5})
    out = tmp_path / "scores.json"
    result = acgan("classify", "evaluate", str(run), "--split", split, "--json", str(out))
    assert result.exit_code == 0, result.output
    provenance = json.loads(out.read_text())["provenance"]
    assert provenance["num_images"] == number
    assert (provenance["data_fingerprint"] == provenance["trained_on"]) == (split == "train")


def test_names_of_classes_are_not_markup(tmp_path: Path) -> None:
    classes = [{"[cat]": ["0"]}, {"[/b]": ["1"]}]
    run = classified(tmp_path / "run", {**MILD, "data.classes": classes})
    result = acgan("classify", "evaluate", str(run))
    assert result.exit_code == 0, result.output
    assert "[cat]" in result.output
    assert "[/b]" in result.output
