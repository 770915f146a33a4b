"""Training a classifier from another one's weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from run_helpers import (
    acgan_classify,
    classified,
    classifier_tensors,
    differences,
    latest_payload,
)

SHORT: dict[str, Any] = {"train.total_nimg": 32}


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


def test_init_from_a_state_dict_of_another_training(source: Path, tmp_path: Path) -> None:
    old = {name.removeprefix("backbone."): tensor for name, tensor in classifier_tensors(source).items()}
    file = tmp_path / "theirs.ckpt"
    backbone = {f"net.{name}": tensor for name, tensor in old.items() if not name.startswith("heads.")}
    torch.save({"epoch": 1, "state_dict": backbone}, file)
    said = begin(tmp_path / "run", file, {"data.classes": ["7", "3", "1"]})
    assert (
        f"--init-from {file}:\n  took the tensors in 'state_dict', removed 'net.' from their names.\n" in said
    )
    new = classifier_tensors(tmp_path / "run")
    assert not differences(
        {name: new[f"backbone.{name.removeprefix('net.')}"] for name in backbone}, backbone
    )
    result = acgan_classify(
        tmp_path / "dry", {"data.classes": ["7", "3", "1"]}, "--init-from", str(file), "--dry-run"
    )
    assert result.exit_code == 0, result.output
    assert "took the tensors in 'state_dict'" in result.output
