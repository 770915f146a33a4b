"""Classifier files: what they hold, and what can be wrong with them."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.testing import assert_close

from acgan.atomic import sha256
from acgan.errors import RunError
from acgan.models import GENERATORS, IMAGENET_MEAN, IMAGENET_STD, AuxClassifier
from acgan.predicting import load_classifier
from acgan.sampling import load_generator
from acgan.weights import (
    CLASSIFIER_FILE,
    GENERATOR_FILE,
    ClassifierInfo,
    GeneratorInfo,
    build_classifier,
    holds,
)

INFO = ClassifierInfo(
    architecture={
        "backbone": {"kind": "small", "image_channels": 3, "resolution": 16, "channels": 4},
        "num_classes": 3,
        "aux": {"block1": 0.3},
        "head": "linear",
        "dropout": 0.25,
        "in_channels": 3,
        "image_size": 16,
    },
    class_names=("cat", "dog", "Bär 1"),
    channels=3,
    resolution=16,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    provenance={"nimg": 7, "data": "digits", "config": {"seed": 3, "data": {"classes": None}}},
)
IMAGES = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def network() -> AuxClassifier:
    torch.manual_seed(0)
    network = build_classifier(INFO.architecture)
    with torch.no_grad():
        for _ in range(3):  # BatchNorm's running statistics are not their first ones
            network.train()(torch.randn(8, 3, 16, 16))
    return network


@pytest.fixture
def file(network: AuxClassifier, tmp_path: Path) -> Path:
    file = tmp_path / "classifier.safetensors"
    CLASSIFIER_FILE.save(file, network, INFO)
    return file


def _state(network: AuxClassifier) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_holds_all_that_predicting_needs(network: AuxClassifier, file: Path) -> None:
    twin, info = CLASSIFIER_FILE.read(file)
    assert info == INFO
    assert_close(twin.state_dict(), network.state_dict(), rtol=0, atol=0)
    assert twin.weights == {"main": 1.0, "block1": 0.3}
    for path in (file, str(file), file.parent):
        loaded = load_classifier(path)
        assert loaded.info == INFO
        assert loaded.class_names == INFO.class_names
        assert not loaded.network.training
        assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_the_file_alone_is_enough(network: AuxClassifier, file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    alone = file.rename(tmp_path / "elsewhere" / "renamed.safetensors")
    expected = load_classifier(alone).logits(IMAGES)
    script = (
        "import sys, torch, acgan; loaded = acgan.load_classifier(sys.argv[1]);"
        "generator = torch.Generator().manual_seed(2);"
        "images = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8, generator=generator);"
        "print(loaded.class_names[2], loaded.logits(images).double().tolist())"
    )
    run = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", script, str(alone)],
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path / "elsewhere",
        check=True,
    )
    name, _, values = run.stdout.partition(" [")
    assert name == "Bär 1"
    assert_close(torch.tensor(json.loads(f"[{values}")), expected)


def test_the_metadata_alone_is_that_of_the_file(file: Path, generator_file: Path) -> None:
    assert CLASSIFIER_FILE.read_info(file) == CLASSIFIER_FILE.read(file)[1]
    with pytest.raises(RunError, match="holds a generator; expected a classifier"):
        CLASSIFIER_FILE.read_info(generator_file)


def test_the_metadata_is_plain_json(file: Path) -> None:
    with safe_open(file, framework="pt") as opened:
        values = json.loads(opened.metadata()["acgan"])
    assert (values["product"], values["format"]) == ("classifier", 2)
    assert set(values) == {"product", "format", "check", *vars(INFO)}
    assert values["class_names"] == list(INFO.class_names)


def test_reading_leaves_the_global_random_state(file: Path) -> None:
    state = torch.get_rng_state()
    CLASSIFIER_FILE.read(file)
    assert torch.equal(torch.get_rng_state(), state)


def test_half_precision_loads_as_float32_with_rounded_values(network: AuxClassifier, tmp_path: Path) -> None:
    file, whole = tmp_path / "half.safetensors", tmp_path / "whole.safetensors"
    before = _state(network)
    CLASSIFIER_FILE.save(file, network, INFO, torch.float16)
    CLASSIFIER_FILE.save(whole, network, INFO)
    assert_close(network.state_dict(), before, rtol=0, atol=0)  # saving changes nothing
    on_disk = load_file(file)
    assert {t.dtype for t in on_disk.values() if t.is_floating_point()} == {torch.float16}
    counts = [name for name in before if name.endswith("num_batches_tracked")]
    assert counts
    assert all(on_disk[name].dtype == torch.int64 for name in counts)
    assert file.stat().st_size < 0.6 * whole.stat().st_size
    loaded = load_classifier(file)
    for name, tensor in loaded.network.state_dict().items():
        assert tensor.dtype == before[name].dtype
        assert torch.equal(
            tensor, before[name].half().float() if tensor.is_floating_point() else before[name]
        )
    assert loaded.logits(IMAGES).dtype == torch.float32
    assert_close(loaded.logits(IMAGES), load_classifier(whole).logits(IMAGES), rtol=0.02, atol=0.02)


BROKEN: list[tuple[Any, str]] = [
    (b"", "not a safetensors file"),
    (b"no such thing " * 50, "not a safetensors file"),
    (slice(-10), "not a whole one"),
    (slice(100), "not a whole one"),
    (slice(4), "not a whole one"),
    ({"acgan": None}, "no acgan metadata"),
    *(({"acgan": text}, "metadata is damaged") for text in ("{", "[]", "3", "null", '"text"', "{}")),
    ({"class_names": None}, "metadata is damaged"),
    ({"class_names": 3}, "metadata is damaged"),
    ({"resolution": None}, "metadata is damaged"),
    ({"surprise": 1}, "metadata is damaged"),
    ({"format": 99}, "format 99; this version of acgan reads formats 1 and 2"),
    ({"format": None}, "metadata is damaged"),
    ({"product": "generator"}, "holds a generator; expected a classifier.safetensors"),
    ({"product": None}, "metadata is damaged"),
    ({"product": "picture"}, "holds a picture; expected"),
    ({"class_names": ["cat"]}, "class_names: found (1,), expected (3,)"),
    ({"architecture": 3}, "metadata is damaged"),
    ({"architecture": {}}, "architecture cannot be built (KeyError('backbone'))"),
    ({"backbone": 3}, "architecture cannot be built"),
    (
        {"backbone": {"kind": "large"}},
        "architecture cannot be built (there is no kind 'large'; there are small,",
    ),
    ({"backbone": {"kind": "small", "channels": 4}}, "architecture cannot be built"),
    ({"backbone": {"kind": "torchvision", "name": "resnet81"}}, "architecture cannot be built"),
    ({"aux": {"nowhere": 1.0}}, "architecture cannot be built"),
    ({"aux": [1]}, "architecture cannot be built"),
    ({"num_classes": 4}, "does not fit its architecture: class_names: found (3,), expected (4,)"),
    ({"aux": {}}, "heads.block1.classify.bias: found (3,), expected none"),
    ({"aux": {"block1": 1, "block2": 1}}, "heads.block2.classify.bias: found none, expected (3,)"),
]


@pytest.mark.parametrize(("broken", "cause"), BROKEN, ids=[str(broken)[:40] for broken, _ in BROKEN])
def test_what_can_be_wrong(file: Path, broken: Any, cause: str) -> None:
    if isinstance(broken, bytes):
        file.write_bytes(broken)
    elif isinstance(broken, slice):
        file.write_bytes(file.read_bytes()[broken])
    else:
        save_file(load_file(file), file, metadata=_changed_metadata(broken))
    with pytest.raises(RunError) as caught:
        load_classifier(file.parent)
    message = str(caught.value)
    assert cause in message
    assert str(file) in message
    assert "\n" not in message


def _changed_metadata(change: dict[str, Any]) -> dict[str, str]:
    """Metadata with a value set, or taken away where it is None; keys of the architecture are set there."""
    architecture = dict(INFO.architecture)
    values = {**vars(INFO), "architecture": architecture, "product": "classifier", "format": 1}
    for key, value in change.items():
        if key == "acgan":
            return {"acgan": value} if value else {"other": "tool"}
        home = architecture if key in architecture else values
        home[key] = value
        if value is None:
            del home[key]
    return {"acgan": json.dumps(values)}


@pytest.fixture
def generator_file(tmp_path: Path) -> Path:
    keywords = {
        "latent_dim": 4,
        "num_classes": 3,
        "resolution": 16,
        "image_channels": 3,
        "channels": 4,
        "max_channels": 8,
        "class_dim": 4,
        "patch": 1,
        "modulation": "norm",
        "mapping_layers": 0,
        "attention": [],
    }
    file = tmp_path / "generator.safetensors"
    info = GeneratorInfo({"kind": "resnet", **keywords}, INFO.class_names)
    GENERATOR_FILE.save(file, GENERATORS["resnet"](**keywords), info)
    return file


def test_a_generator_is_no_classifier_and_the_other_way_round(file: Path, generator_file: Path) -> None:
    with pytest.raises(RunError, match=r"holds a generator; expected .* of `acgan classify train`"):
        load_classifier(generator_file)
    with pytest.raises(RunError, match=r"holds a classifier; expected .* of `acgan train`"):
        GENERATOR_FILE.read(file)


def test_runs_of_the_other_kind_are_told(file: Path, generator_file: Path) -> None:
    """Fails where one is told to wait for the first checkpoint of a run that trains something else."""
    run = file.parent / "gan"
    run.mkdir()
    generator_file.rename(run / "generator.safetensors")
    for path in (file, file.parent):
        with pytest.raises(RunError) as error:
            load_generator(path)
        assert str(error.value) == (
            f"{path}: holds a classifier; expected a generator.safetensors of `acgan train`, or its run. `acgan "
            "classify evaluate` is for classifiers."
        )
    with pytest.raises(
        RunError, match=r"gan: holds a generator; expected .*`acgan evaluate` is for generators\."
    ):
        load_classifier(run)


def test_which_kind_a_file_or_directory_holds(file: Path, generator_file: Path) -> None:
    assert holds(CLASSIFIER_FILE, file)
    assert not holds(GENERATOR_FILE, file)
    assert holds(GENERATOR_FILE, generator_file)
    assert not holds(CLASSIFIER_FILE, generator_file)
    directory = file.parent
    assert holds(CLASSIFIER_FILE, directory)
    file.unlink()
    assert not holds(CLASSIFIER_FILE, directory)
    assert not holds(CLASSIFIER_FILE, directory / "nowhere")


@pytest.mark.parametrize("text", ["{", "[]", "3", "null"])
def test_a_damaged_file_holds_nothing(file: Path, text: str) -> None:
    save_file(load_file(file), file, metadata={"acgan": text})
    assert not holds(CLASSIFIER_FILE, file)
    file.write_bytes(b"no such thing")
    assert not holds(CLASSIFIER_FILE, file)


def test_missing(file: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no such run or file.*`acgan classify train`"):
        load_classifier(tmp_path / "nowhere" / "run")
    (tmp_path / "runs" / "digits").mkdir(parents=True)
    with pytest.raises(RunError, match="Did you mean 'digits'"):
        load_classifier(tmp_path / "runs" / "digit")
    with pytest.raises(RunError, match="from its first checkpoint on"):
        load_classifier(tmp_path / "runs" / "digits")
    file.rename(tmp_path / "runs" / "digits" / file.name)
    with pytest.raises(RunError, match=r"Name one of the runs in it: .*digits\."):
        load_classifier(tmp_path / "runs")


def test_a_file_of_other_information_is_another(file: Path, network: AuxClassifier, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    CLASSIFIER_FILE.save(other, network, replace(INFO, provenance={"nimg": 8}))
    assert sha256(other) != sha256(file)
    CLASSIFIER_FILE.save(other, network, INFO)
    assert sha256(other) == sha256(file)


@pytest.mark.parametrize(
    "changes",
    [
        {"std": 0.5},
        {"std": (0.0,)},
        {"mean": (0.5, 0.5)},
        {"channels": 4},
        {"resolution": 2**31},
        {"class_names": (1, 2, 3)},
        {"provenance": []},
        {"mean": ("x" * 5000,)},
    ],
)
def test_metadata_of_other_kinds_is_refused(
    network: AuxClassifier, tmp_path: Path, changes: dict[str, Any]
) -> None:
    file = tmp_path / "classifier.safetensors"
    CLASSIFIER_FILE.save(file, network, INFO)
    with safe_open(file, framework="pt") as opened:
        about = json.loads(opened.metadata()["acgan"]) | {"format": 1} | changes
    del about["check"]  # as before there were checks, which would find the change
    save_file(load_file(file), file, metadata={"acgan": json.dumps(about)})
    with pytest.raises(RunError, match="metadata is damaged") as caught:
        load_classifier(file)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


def test_a_larger_architecture_than_the_file_s_takes_no_memory(
    network: AuxClassifier, tmp_path: Path
) -> None:
    file = tmp_path / "classifier.safetensors"
    backbone = {**INFO.architecture["backbone"], "channels": 2**20}
    CLASSIFIER_FILE.save(
        file, network, replace(INFO, architecture={**INFO.architecture, "backbone": backbone})
    )
    with pytest.raises(RunError, match="does not fit its architecture"):
        load_classifier(file)
