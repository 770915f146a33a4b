"""The options, outputs and exit codes of ``acgan classify train``."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from run_helpers import (
    TINY,
    TINY_CLASSIFIER,
    Child,
    acgan,
    acgan_classify,
    acgan_train,
    checkpoints,
    classified,
    classifier_tensors,
    classify_args,
    differences,
    digits_npz,
    latest_payload,
    overrides,
    sets,
    stats_rows,
    trained,
    tree,
)

from acgan import api
from acgan.config import ClassifierConfig, load

SHORT: dict[str, Any] = {"train.total_nimg": 32}
CONFIG = str(TINY_CLASSIFIER)


# What is said and left behind.


def test_what_a_training_leaves_behind_and_says(workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG)
    assert result.exit_code == 0, result.output
    run = Path("runs/classify-tiny_classifier")
    names = list(tree(run))
    assert [name for name in names if not name.startswith("tensorboard/")] == [
        ".lock",
        "checkpoints/144.pt",
        "checkpoints/144.pt.sha256",
        "checkpoints/160.pt",
        "checkpoints/160.pt.sha256",
        "classifier.safetensors",
        "config.yaml",
        "samples/000000080.png",
        "samples/000000160.png",
        "stats.jsonl",
    ]
    assert len([name for name in names if name.startswith("tensorboard/")]) == 1
    with Image.open(run / "samples" / "000000080.png") as grid:
        assert grid.size == (10 * 18 + 2, 2 * 18 + 2), "16 images, ten in a row, on a border of 2"

    rows = stats_rows(run)
    assert [row["nimg"] for row in rows if "train/loss_main" in row] == [32, 64, 96, 128, 160]
    assert [row["nimg"] for row in rows if "test/accuracy" in row] == [80, 160]
    trained_on = next(row for row in rows if "train/loss_main" in row)
    expected = {"loss_main", "loss_block1", "accuracy_main", "accuracy_block1", "gradient_norm"}
    assert trained_on.keys() == {"nimg", *(f"train/{name}" for name in expected)}
    # An untrained classifier of ten classes knows nothing.
    assert 0.7 * math.log(10) < trained_on["train/loss_block1"] < 2 * math.log(10)
    assert all(0 <= row.get("test/accuracy", 0) <= 1 for row in rows)

    lines = result.stdout.splitlines()
    ticks = [line for line in lines if " / 160 images  " in line]
    assert len(ticks) == 5
    for part in ("loss ", "accuracy ", "images/s", "ETA"):
        assert part in ticks[0], part
    assert "  test " in ticks[-1]
    assert any(line.startswith("head block1: loss weight 0.3, reaches ") for line in lines)
    assert "10 classes, gray, 16 px" in result.stdout
    assert "runs/classify-tiny_classifier: 160 images shown (done)" in lines[-3]
    assert lines[-2:] == [
        f"Scores: acgan classify evaluate {run}",
        f"Classes of images: acgan classify predict {run} IMAGE...",
    ]
    assert result.stderr == ""


def test_quiet_prints_nothing(workdir: Path) -> None:
    child = Child(classify_args("run", SHORT, "--quiet"), workdir / "log")
    assert child.wait() == 0
    assert (child.stdout, child.stderr) == ("", "")
    assert checkpoints(workdir / "run") == [32]


def test_it_learns(tmp_path: Path) -> None:
    """40 iterations of two easy classes: labels, images and gradients belong together."""
    changes = {
        "data.classes": ["0", "1"],
        "train.total_nimg": 640,
        "optim.lr": 1e-2,
        "every.log_nimg": 640,
        "every.checkpoint_nimg": 640,
        "every.sample_nimg": 640,
        "every.evaluate_nimg": 640,
    }
    assert stats_rows(classified(tmp_path / "run", changes))[0]["test/accuracy"] > 0.95


# Dry run.


def test_a_dry_run_tells_much_and_writes_nothing(workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG, "--dry-run", "--aux", "block2=0.25")
    assert result.exit_code == 0, result.output
    assert list(workdir.parent.rglob("*")) == [workdir], "neither here nor in the cache"
    head = next(line for line in result.stdout.splitlines() if "block2" in line and "reaches" in line)
    assert "0.25" in head
    assert "block1" not in "".join(line for line in result.stdout.splitlines() if "reaches" in line)
    for word in ("head", "loss weight", "own parameters", "main", "backbone", "step of the classifier: "):
        assert word in result.stdout, word
    assert "would train in runs/classify-tiny_classifier" in result.stdout
    printed = yaml.safe_load(result.stdout.split("channels 1 chosen")[0])
    assert printed["model"]["aux"] == {"block2": 0.25}


def test_a_dry_run_shows_how_little_reaches_a_frozen_backbone(workdir: Path) -> None:
    result = acgan("classify", "train", CONFIG, "--dry-run", "--freeze", "backbone")
    assert result.exit_code == 0, result.output
    assert "reaches 0 of " in result.stdout
    assert "the auxiliary loss there trains its own head and nothing else" in result.stdout


# Options.


def test_seeds_make_a_directory_each(workdir: Path) -> None:
    assert acgan(*classify_args("both", SHORT, "--seeds", "0,1")).exit_code == 0
    assert sorted(path.name for path in Path("both").iterdir()) == ["seed0", "seed1"]
    alone = classified(Path("alone"), {**SHORT, "seed": 1})
    state = latest_payload(alone)["state"]
    assert not differences(latest_payload(Path("both/seed1"))["state"], state)
    assert differences(latest_payload(Path("both/seed0"))["state"]["network"], state["network"])


def test_epochs_take_the_place_of_a_length_in_images(tmp_path: Path) -> None:
    source = digits_npz(tmp_path / "few.npz", {"1": 20, "2": 17}, {"1": 5, "2": 5})
    run = classified(tmp_path / "run", {}, "--data", str(source), "--epochs", "1.5")
    assert latest_payload(run)["nimg"] == 64, "1.5 times 37 images, in whole batches of 16"


@pytest.mark.parametrize(
    ("options", "heads"),
    [
        (["--aux", "block2=0.7"], {"main": 1.0, "block2": 0.7}),
        (["--aux", "block2", "--aux", "stem=0.1"], {"main": 1.0, "block2": 0.3, "stem": 0.1}),
        (["--aux", "none"], {"main": 1.0}),
        (["--set", "model.aux={stem: 0.1}"], {"main": 1.0, "block1": 0.3, "stem": 0.1}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_aux_heads_replace_those_of_the_recipe(
    options: list[str], heads: dict[str, float], tmp_path: Path
) -> None:
    run = classified(tmp_path / "run", {**SHORT, "train.total_nimg": 16}, *options)
    assert api.load_classifier(run).network.weights == heads
    losses = {name for row in stats_rows(run) for name in row if name.startswith("train/loss_")}
    assert losses == {f"train/loss_{name}" for name in heads}


def test_a_frozen_backbone_stays_as_it_is_bit_for_bit(tmp_path: Path) -> None:
    """Weights, and what BatchNorm has counted: as at the start, however long it goes on."""
    frozen = ("--freeze", "backbone")
    result = acgan_classify(tmp_path / "start", {}, *frozen, "--max-time", "0")
    assert result.exit_code == 0
    assert "warning: everything below block1 is frozen" in result.stderr
    start = classifier_tensors(tmp_path / "start")
    backbone = {name for name in start if name.startswith("backbone.")}
    assert sum("running_mean" in name for name in backbone) == 5
    for nimg in (32, 96):
        run = classified(tmp_path / str(nimg), {"train.total_nimg": nimg}, *frozen)
        now = classifier_tensors(run)
        assert {name for name in now if torch.equal(now[name], start[name])} == backbone


def test_frozen_up_to_a_layer(tmp_path: Path) -> None:
    frozen = ("--freeze", "until:block1")
    assert acgan_classify(tmp_path / "start", {}, *frozen, "--max-time", "0").exit_code == 0
    start = classifier_tensors(tmp_path / "start")
    now = classifier_tensors(classified(tmp_path / "run", {}, *frozen))
    assert {name for name in now if torch.equal(now[name], start[name])} == {
        name for name in start if name.startswith(("backbone.stem.", "backbone.block1."))
    }


def test_a_network_of_torchvision(tmp_path: Path) -> None:
    changes = {
        "data.resolution": 32,
        "data.classes": ["0", "1"],
        "data.max_per_class": 8,
        "train.batch_size": 4,
        "train.total_nimg": 8,
    }
    run = classified(tmp_path / "run", changes, "--backbone", "resnet18", "--aux", "layer2=0.5")
    classifier = api.load_classifier(run)
    assert type(classifier.network.backbone).__name__ == "ResNet"
    assert classifier.network.weights == {"main": 1.0, "layer2": 0.5}
    assert classifier.logits(torch.zeros(3, 1, 32, 32, dtype=torch.uint8)).shape == (3, 2)


def test_half_weights_are_in_the_file_alone(tmp_path: Path) -> None:
    run = classified(tmp_path / "run", {**SHORT, "train.half_weights": True})
    tensors, state = classifier_tensors(run), latest_payload(run)["state"]["network"]
    assert {t.dtype for t in tensors.values()} == {torch.float16, torch.int64}
    assert {t.dtype for t in state.values()} == {torch.float32, torch.int64}
    name = "heads.main.classify.weight"
    assert torch.equal(tensors[name], state[name].half())
    assert torch.equal(api.load_classifier(run).network.state_dict()[name], tensors[name].float())


# Which images.


def test_max_per_class_limits_the_training_images(tmp_path: Path) -> None:
    result = acgan_classify(tmp_path / "run", {"data.max_per_class": 3}, "--epochs", "2")
    assert result.exit_code == 0, result.output
    assert "digits: 30 training images" in result.stdout
    assert latest_payload(tmp_path / "run")["nimg"] == 64, "two times 30 images, in whole batches"


def test_a_validation_share_is_watched_in_place_of_the_test_images(tmp_path: Path) -> None:
    result = acgan_classify(tmp_path / "run", {**SHORT, "data.validation_share": 0.2})
    assert result.exit_code == 0, result.output
    keys = {key for row in stats_rows(tmp_path / "run") for key in row}
    assert {"validation/accuracy", "validation/loss"} <= keys
    assert not any(key.startswith("test/") for key in keys)
    plain = acgan_classify(tmp_path / "plain", SHORT)
    number, of = (
        int(line.split(": ")[1].split(" training")[0].replace(",", ""))
        for said in (result.stdout, plain.stdout)
        for line in said.splitlines()
        if line.startswith("digits: ")
    )
    held_out = int(result.stdout.split(" training images are held out")[0].split()[-1])
    assert number + held_out == of
    assert held_out == pytest.approx(0.2 * of, rel=0.02)
    assert "  validation " in result.stdout


def test_no_test_images_are_not_watched(tmp_path: Path) -> None:
    source = digits_npz(tmp_path / "few.npz", {"1": 4, "2": 4})
    result = acgan_classify(tmp_path / "run", SHORT, "--data", str(source))
    assert result.exit_code == 0, result.output
    assert not any(key.startswith("test/") for row in stats_rows(tmp_path / "run") for key in row)


class Squares(torch.utils.data.Dataset):
    """Bright and dark squares: tensors (1, 20, 20) in [0, 1]."""

    classes = ("dark", "bright one")

    def __len__(self) -> int:
        return 80

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        label = index % 2
        image = torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(index))
        return image * 0.5 + 0.5 * label, label


def test_a_torch_dataset(workdir: Path) -> None:
    changes = {"optim.lr": 1e-2, "train.total_nimg": 480, "every.log_nimg": 160, "every.evaluate_nimg": 480}
    config = load(ClassifierConfig, TINY_CLASSIFIER, overrides(changes))
    ticks: list[Any] = []
    result = api.train_classifier(config, Squares(), ticks.append, run_dir="mine", device="cpu")
    assert (result.directory, result.nimg, result.finished) == (Path("mine"), 480, True)
    assert [tick.nimg for tick in ticks] == [160, 320, 480]
    assert ticks[-1].stats == result.stats
    assert ticks[-1].evaluated["test/accuracy"] > 0.9
    classifier = result.classifier()
    assert classifier.class_names == ("dark", "bright one")
    images = np.stack([np.full((1, 16, 16), value, np.uint8) for value in (30, 220)])
    probabilities = classifier(torch.from_numpy(images))
    assert probabilities.shape == (2, 2)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2))
    again = api.train_classifier(config, Squares(), run_dir="mine", device="cpu")
    assert (again.nimg, again.finished) == (480, True)


# Starting from another classifier.


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with digits 1, 2 and 3."""
    return classified(tmp_path_factory.mktemp("source") / "run", {**SHORT, "data.classes": ["1", "2", "3"]})


def begin(run: Path, source: Path, changes: dict[str, Any]) -> str:
    """Begin a run from another one, without an iteration; what was said."""
    result = acgan_classify(run, changes, "--init-from", str(source), "--max-time", "0")
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("as_file", [False, True])
def test_init_from_the_same_classes_takes_everything(as_file: bool, source: Path, tmp_path: Path) -> None:
    path = source
    if as_file:
        path = tmp_path / "mine.safetensors"
        shutil.copy(source / "classifier.safetensors", path)
    said = begin(tmp_path / "run", path, {"data.classes": ["1", "2", "3"], "seed": 9})
    before, after = classifier_tensors(source), classifier_tensors(tmp_path / "run")
    assert not differences(after, before)
    assert f"--init-from {path}:\n  classifier: took {len(before)} of {len(before)} tensors\n" in said
    assert latest_payload(tmp_path / "run")["meta"]["init_from"]["path"] == str(path)


def test_init_from_matches_classes_by_name(source: Path, tmp_path: Path) -> None:
    said = begin(tmp_path / "run", source, {"data.classes": ["7", "3", "1"]})
    old, new = classifier_tensors(source), classifier_tensors(tmp_path / "run")
    for head in ("main", "block1"):
        for part in ("weight", "bias"):
            key = f"heads.{head}.classify.{part}"
            assert torch.equal(new[key][1], old[key][2])
            assert torch.equal(new[key][2], old[key][0])
            assert not any(torch.equal(new[key][0], row) for row in old[key]), "7 is new"
        assert f"heads.{head}.classify.weight (only the rows of 2 of 3 classes)" in said
    backbone = {name for name in old if name.startswith("backbone.")}
    assert not differences({name: new[name] for name in backbone}, {name: old[name] for name in backbone})


def test_init_from_another_network_takes_what_fits_and_says_so(source: Path, tmp_path: Path) -> None:
    changes = {"data.classes": ["1", "2", "3"], "model.backbone.channels": 8}
    said = begin(tmp_path / "run", source, changes)
    assert "classifier: took " in said
    assert "backbone.stem.0.weight (8, 1, 3, 3) (there (4, 1, 3, 3))" in said


# Mistakes.


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
        (["--set", "model.bakbone.kind=small"], 1, ["model.bakbone", "Did you mean 'backbone'"]),
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
