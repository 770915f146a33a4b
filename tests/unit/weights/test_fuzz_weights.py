"""Files of networks whose metadata and bytes are changed at random: each is refused plainly, or its network works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import answers, bent, counted, damaged, refused
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sampler_helpers import make_sampler

from acgan.predicting import load_classifier
from acgan.sampling import load_generator
from acgan.weights import (
    CLASSIFIER_FILE,
    GENERATOR_FILE,
    ClassifierInfo,
    build_classifier,
    holds,
    is_foreign,
    save_generator,
)

pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element")  # of torch, for sizes of 0

_HEADER = 8  # bytes of its length


def _changed(draw: st.DrawFn, file: Path) -> bytes:
    """The file's bytes, with other metadata, or damaged near its start, or at its end."""
    content = file.read_bytes()
    length = int.from_bytes(content[:_HEADER], "little")
    kind = draw(st.sampled_from(["metadata", "metadata", "header", "bytes", "length"]))
    header = json.loads(content[_HEADER : _HEADER + length])
    if kind == "metadata":
        values = json.loads(header["__metadata__"]["acgan"])
        part = draw(st.sampled_from(["", "architecture", "architecture", "class_names", "provenance"]))
        if part and part in values:
            values[part] = draw(bent(values[part]))
        else:
            values = draw(bent(values))
        text = (
            draw(damaged(json.dumps(values).encode(), most=1))
            if draw(st.booleans())
            else json.dumps(values).encode()
        )
        header["__metadata__"] = {"acgan": text.decode("utf-8", "replace")}
    elif kind == "header":
        header = draw(bent(header))
    elif kind == "bytes":
        return draw(damaged(content[: _HEADER + length])) + content[_HEADER + length :]
    else:
        wrong = draw(st.sampled_from([0, 1, length - 1, length + 1, 2**40, 2**63, 2**64 - 1]))
        return wrong.to_bytes(_HEADER, "little") + content[_HEADER:]
    written = json.dumps(header).encode()
    return len(written).to_bytes(_HEADER, "little") + written + content[_HEADER + length :]


@st.composite
def changed(draw: st.DrawFn, file: Path) -> bytes:
    return _changed(draw, file)


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file, sampler = tmp_path_factory.mktemp("weights") / "generator.safetensors", make_sampler()
    save_generator(file, sampler.generator, sampler.info)
    return unsealed(file)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    backbone = {"kind": "small", "image_channels": 3, "resolution": 16, "channels": 2}
    architecture: dict[str, Any] = {
        "backbone": backbone,
        "num_classes": 3,
        "head": "linear",
        "in_channels": 3,
    }
    info = ClassifierInfo(
        architecture, ("cat", "dog", "1"), 3, 16, (0.5,) * 3, (0.5,) * 3, {"nimg": 7, "data": "digits"}
    )
    file = tmp_path_factory.mktemp("weights") / "classifier.safetensors"
    CLASSIFIER_FILE.save(file, build_classifier(architecture), info)
    return unsealed(file)


def unsealed(file: Path) -> Path:
    """The same file as before there were checks, which would find every change."""
    with safe_open(file, framework="pt") as opened:
        about = json.loads(opened.metadata()["acgan"]) | {"format": 1}
    del about["check"]
    save_file(load_file(file), file, metadata={"acgan": json.dumps(about)})
    return file


@counted
def test_odd_generators_are_answered(count: int, generator: Path, tmp_path: Path) -> None:
    file = tmp_path / "generator.safetensors"

    def draw() -> None:
        sampler = load_generator(file)
        sampler.sample(2)
        sampler.sample(1, classes=[sampler.class_names[0]])

    def check(content: bytes) -> None:
        file.write_bytes(content)
        refused(draw)
        is_foreign(file)
        assert holds(GENERATOR_FILE, file) in (True, False)

    answers(changed(generator), check, count)


@counted
def test_odd_classifiers_are_answered(count: int, classifier: Path, tmp_path: Path) -> None:
    file = tmp_path / "classifier.safetensors"
    images = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)

    def check(content: bytes) -> None:
        file.write_bytes(content)
        refused(lambda: load_classifier(file).logits(images))
        assert holds(CLASSIFIER_FILE, file) in (True, False)

    answers(changed(classifier), check, count)
