"""Files of weights with a changed byte, or with numbers that are none: never other images in silence."""

import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sampler_helpers import make_sampler

from acgan.errors import RunError, UserError
from acgan.models import read_state_file
from acgan.predicting import load_classifier
from acgan.sampling import load_generator
from acgan.weights import (
    CLASSIFIER_FILE,
    ClassifierInfo,
    Starter,
    build_classifier,
    is_foreign,
    read_starter,
    save_generator,
    save_starter,
)

ARCHITECTURE = {
    "backbone": {"kind": "small", "image_channels": 1, "resolution": 16, "channels": 4},
    "num_classes": 2,
    "aux": {},
    "head": "linear",
    "dropout": 0.0,
    "in_channels": 1,
    "image_size": 16,
}


def _generator(file: Path) -> Callable[[Path], object]:
    sampler = make_sampler()
    save_generator(file, sampler.generator, sampler.info)
    return load_generator


def _classifier(file: Path) -> Callable[[Path], object]:
    info = ClassifierInfo(ARCHITECTURE, ("cat", "Bär"), 1, 16, provenance={"nimg": 7})
    CLASSIFIER_FILE.save(file, build_classifier(ARCHITECTURE), info)
    return load_classifier


def _starter(file: Path) -> Callable[[Path], object]:
    save_starter(file, Starter(("cat", "dog"), {"x": torch.ones(9)}, {"y": torch.ones(9)}, {"nimg": 64}))
    return read_starter


KINDS = [_generator, _classifier, _starter]


@pytest.mark.parametrize("kind", KINDS)
def test_200_changed_bytes_are_refused(
    kind: Callable[[Path], Callable[[Path], object]], tmp_path: Path
) -> None:
    """Half of them in the header, and each in one line that names the file."""
    file = tmp_path / "x.safetensors"
    read = kind(file)
    whole, draw = file.read_bytes(), random.Random(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    for number in range(200):
        place = draw.randrange(header) if number % 2 else draw.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= 1 << draw.randrange(8) if number % 3 else draw.randrange(1, 256)
        file.write_bytes(changed)
        with pytest.raises(RunError) as caught:
            read(file)
        assert str(file) in str(caught.value), place
        assert "\n" not in str(caught.value), place
    file.write_bytes(whole)
    read(file)


@pytest.mark.parametrize(("old", "new"), [(b'"cat', b'"cab'), (b'\\"nimg\\": 7', b'\\"nimg\\": 9')])
def test_a_changed_description_is_damage_and_says_what_to_do(old: bytes, new: bytes, tmp_path: Path) -> None:
    file = tmp_path / "generator.safetensors"
    _generator(file)
    content = file.read_bytes()
    assert content.count(old) == 1
    file.write_bytes(content.replace(old, new))
    with pytest.raises(RunError, match=r"is damaged: .*another copy.*`acgan train RUN`.*take the last one"):
        load_generator(file)


def test_a_file_whose_mark_is_damaged_is_no_foreign_one(tmp_path: Path) -> None:
    """Else it would be taken for a state dict from elsewhere."""
    file = tmp_path / "classifier.safetensors"
    _classifier(file)
    file.write_bytes(file.read_bytes().replace(b'{"acgan":', b'{"agcan":', 1))
    assert not is_foreign(file)
    with pytest.raises(UserError, match=r"is of a training of acgan's"):
        read_state_file(file)
    with pytest.raises(RunError, match="is damaged"):
        load_classifier(file)


def test_files_without_a_check_are_read(tmp_path: Path) -> None:
    """Those of the first format, as shipped extractors are."""
    file = tmp_path / "classifier.safetensors"
    _classifier(file)
    with safe_open(file, framework="pt") as opened:
        values = json.loads(opened.metadata()["acgan"])
    del values["check"]
    save_file(load_file(file), file, metadata={"acgan": json.dumps({**values, "format": 1})})
    assert load_classifier(file).class_names == ("cat", "Bär")
    save_file(load_file(file), file, metadata={"acgan": json.dumps(values)})
    with pytest.raises(RunError, match="its check is gone"):
        load_classifier(file)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(number: float, tmp_path: Path) -> None:
    file = tmp_path / "generator.safetensors"
    sampler = make_sampler()
    with torch.no_grad():
        next(sampler.generator.parameters()).flatten()[0] = number
    save_generator(file, sampler.generator, sampler.info)
    with pytest.raises(RunError, match=r"weights that are NaN or infinite \(\S+\).*`acgan train` anew"):
        load_generator(file)


def test_numbers_too_large_for_half_precision_stay_whole(tmp_path: Path) -> None:
    file, network = tmp_path / "classifier.safetensors", build_classifier(ARCHITECTURE)
    name = next(name for name in network.state_dict() if name.endswith("running_var"))
    network.state_dict()[name][0] = 70_000.0
    info = ClassifierInfo(ARCHITECTURE, ("cat", "Bär"), 1, 16)
    CLASSIFIER_FILE.save(file, network, info, torch.float16)
    assert load_classifier(file).network.state_dict()[name][0] == 70_000
    assert [key for key, tensor in load_file(file).items() if tensor.dtype == torch.float32] == [name]


def test_equal_content_makes_equal_files_with_the_permissions_of_any_other(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        for name in ("a", "b"):
            _generator(tmp_path / name)
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    other = make_sampler()
    save_generator(tmp_path / "c", other.generator, replace(other.info, provenance={"nimg": 8}))
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()
