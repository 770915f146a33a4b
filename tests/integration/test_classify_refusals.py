"""What ``acgan classify train`` refuses, in a line, and what it leaves untouched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_helpers import (
    TINY,
    TINY_CLASSIFIER,
    acgan,
    acgan_classify,
    acgan_train,
    checkpoints,
    classified,
    classifier_tensors,
    classify_args,
    digits_npz,
    latest_payload,
    sets,
    trained,
    tree,
)

CONFIG = str(TINY_CLASSIFIER)


@pytest.mark.parametrize(
    ("arguments", "code", "messages"),
    [
        (["--no-such-option"], 2, ["No such option"]),
        (["--aux", "blok1"], 1, ["aux: no layer 'blok1'", "Did you mean 'block1'", "There are: "]),
        (["--aux", "main"], 1, ["aux: 'main' is the head at the network's end"]),
        (["--aux", "block1=x"], 2, ["--aux", "'block1=x'", "LAYER=WEIGHT"]),
        (["--aux", "block1=-1"], 1, ["model.aux", "found -1", "greater than or equal to 0"]),
        (["--backbone", "resnet81"], 1, ["no backbone 'resnet81'", "Did you mean 'resnet18'", "small"]),
        (["--freeze", "all"], 1, ["model.freeze: found 'all'", "none, backbone or until:LAYER"]),
        (["--freeze", "until:"], 1, ["model.freeze: found 'until:'", "none, backbone or until:LAYER"]),
        (["--freeze", "until:blok1"], 1, ["until: no layer 'blok1'", "Did you mean 'block1'"]),
        (["--pretrained"], 1, ["model.backbone.pretrained"]),
        (["--epochs", "0"], 2, ["--epochs", "0"]),
        (["--epochs", "many"], 2, ["--epochs", "'many'"]),
        (["--synthetic", "no_such_run"], 1, ["no_such_run: no such run or file", "acgan train"]),
        (["--backbone", "discriminator:no_such_run"], 1, ["no_such_run", "acgan train"]),
        (["--init-from", "no_such_run"], 1, ["no_such_run", "acgan classify train"]),
        (["--data", "no_such_folder"], 1, ["no_such_folder"]),
        (["--data", "digit"], 1, ["Did you mean 'digits'?"]),
        (["--set", "train.micro_batch=7"], 1, ["does not divide"]),
        (["--set", "model.bakbone.kind=small"], 1, ["model.bakbone", "Did you mean 'model.backbone'"]),
        (["--set", "model.backbone.kind=resnet"], 1, ["found 'resnet'", "torchvision, discriminator"]),
        (
            ["--set", "loss.class_weights={cat: 2}"],
            1,
            ["loss.class_weights: no class 'cat'", "0, 1, 2"],
        ),
        (["--set", "loss.class_weights=balance"], 1, ["loss.class_weights", "'balance'"]),
        (["--set", "data.validation_share=1.5"], 1, ["data.validation_share: found 1.5"]),
        (["--set", "synthetic.num_per_class=3"], 1, ["synthetic.run"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0].startswith("--") else "",
)
def test_mistakes(arguments: list[str], code: int, messages: list[str], workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG, *arguments)
    assert result.exit_code == code, result.output
    for message in messages:
        assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert tree(workdir) == {}, "a mistake leaves nothing behind"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["classify", "trian"], 2, "Did you mean 'train'?"),
        (["classify", "train", "digitz"], 1, "Did you mean 'digits'?"),
        (["classify", "train", str(TINY)], 1, "configures `acgan train`, not `acgan classify train`"),
        (["train", CONFIG], 1, "configures `acgan classify train`, not `acgan train`"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_commands_and_recipes_that_are_not_there(
    arguments: list[str], code: int, message: str, workdir: Path
) -> None:
    result = acgan(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert tree(workdir) == {}


def test_a_network_that_does_not_take_such_images_is_told(workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG, "--backbone", "squeezenet1_1", "--aux", "none")
    assert result.exit_code == 1, result.output
    assert "the backbone does not take images of 3 x 16 x 16" in result.stderr
    assert "data.resolution" in result.stderr
    assert tree(workdir) == {}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run."""
    return classified(tmp_path / "run", {"train.total_nimg": 16})


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("optim.lr", 0.1, "optim.lr: 0.002 -> 0.1"),
        ("model.aux", {"block2": 0.3}, "model.aux.block2: None -> 0.3"),
        ("train.total_nimg", 64, "train.total_nimg: 16 -> 64"),
        ("augment.shift", 0.1, "augment.shift: 0.0 -> 0.1"),
    ],
)
def test_another_configuration_is_refused_with_what_differs(
    key: str, value: Any, told: str, run: Path
) -> None:
    before = tree(run)
    result = acgan_classify(run, {"train.total_nimg": 16, key: value})
    assert result.exit_code == 1
    assert told in result.stderr
    assert "--fresh" in result.stderr
    assert tree(run) == before


def test_other_data_in_the_same_directory_is_refused_and_goes_with_fresh(run: Path) -> None:
    before = tree(run)
    source = digits_npz(run.parent / "few.npz", {"1": 20, "2": 20})
    command = classify_args(run, {"train.total_nimg": 16}, "--data", str(source))
    result = acgan(*command)
    assert result.exit_code == 1
    assert f"data.source: digits -> {source}" in result.stderr
    assert tree(run) == before
    result = acgan(*command, "--fresh")
    assert result.exit_code == 0, result.output
    before.pop(".lock")
    assert tree(run.with_name("run.1")) == before
    assert latest_payload(run)["meta"]["class_names"] == ["1", "2"]


def test_the_run_of_another_kind_is_refused_untouched(run: Path, tmp_path: Path) -> None:
    gan = trained(tmp_path / "gan", {"train.total_nimg": 16, "monitor.num_per_class": 0})
    for command, directory, message in (
        (acgan_train, run, "configures `acgan classify train`, not `acgan train`"),
        (acgan_classify, gan, "configures `acgan train`, not `acgan classify train`"),
    ):
        before = tree(directory)
        result = command(directory)
        assert result.exit_code == 1, result.output
        assert f"{directory / 'config.yaml'}: {message}" in result.stderr
        assert tree(directory) == before
    result = acgan_classify(tmp_path / "new", {}, "--init-from", str(gan))
    assert result.exit_code == 1
    assert f"{gan}: holds a GAN" in result.stderr
    assert "--backbone discriminator:" in result.stderr
    result = acgan(*classify_args(tmp_path / "new", {}), "--init-from", str(gan / "generator.safetensors"))
    assert result.exit_code == 1
    assert "generator.safetensors: holds a GAN" in result.stderr
    assert not (tmp_path / "new").exists()


# Not finite.


def test_a_divergence_ends_the_training_and_leaves_good_weights(tmp_path: Path) -> None:
    changes = {"optim.lr": 1e30, "every.checkpoint_nimg": 16, "every.log_nimg": 16}
    result = acgan_classify(tmp_path / "run", changes)
    assert result.exit_code == 3, result.output
    assert "training is not finite: iteration" in result.stderr
    assert "(classifier: " in result.stderr
    assert "optim.lr" in result.stderr
    assert "loss.penalty" not in result.stderr, "a classifier has none"
    assert "Traceback" not in result.stderr
    assert all(nimg < 160 for nimg in checkpoints(tmp_path / "run"))
    if checkpoints(tmp_path / "run"):
        assert all(tensor.isfinite().all() for tensor in classifier_tensors(tmp_path / "run").values())


def test_a_dry_run_finds_a_divergence_too(workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG, "--dry-run", *sets({"optim.lr": 1e30}))
    assert result.exit_code == 3, result.output
    assert "not finite" in result.stderr
    assert "loss.penalty" not in result.stderr
    assert tree(workdir) == {}
