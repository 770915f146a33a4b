"""Weights of FID's network: the official ones, others, and every way in which they can be wrong."""

import shutil
from collections.abc import Callable
from http.client import IncompleteRead
from pathlib import Path

import pytest
import torch
from inception_helpers import blurred, quiet
from pytorch_fid import inception
from torch import Tensor

from acgan.atomic import sha256
from acgan.errors import RunError
from acgan.extracting import InceptionExtractor, inception_weights_present
from acgan.extracting import inception_weights as weights_module

HUB_NAME = "pt_inception-2015-12-05-6726825d.pth"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hub's file is to be; nothing is there."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints" / HUB_NAME


@pytest.fixture
def as_official(inception_weights: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take the random weights for the official ones; the first digits of their hash."""
    digits = sha256(inception_weights)[:8]
    monkeypatch.setattr("acgan.extracting.inception_weights.HUB_SHA256", digits)
    return digits


def test_official_weights_in_the_cache_make_plain_fid(
    hub: Path, inception_weights: Path, as_official: str
) -> None:
    assert not inception_weights_present()
    hub.parent.mkdir(parents=True)
    shutil.copy(inception_weights, hub)
    assert inception_weights_present()
    warnings: list[str] = []
    extractor = InceptionExtractor(warn=warnings.append)
    assert (extractor.name, extractor.dims, extractor.size, warnings) == ("", 2048, None, [])
    assert (extractor.frechet, extractor.inception_score) == ("fid", "inception_score")
    assert extractor.describe() == {
        "name": "",
        "sha256": sha256(inception_weights),
        "dims": 2048,
        "resize": "299 px, bilinear",
        "precision": "float32",
    }
    assert InceptionExtractor(64, warn=warnings.append).name == f"inception-64@{as_official}"
    assert not warnings


def test_other_weights_are_named_and_warned_about_once(inception_weights: Path) -> None:
    warnings: list[str] = []
    extractor = InceptionExtractor(2048, inception_weights, warn=warnings.append)
    digits = sha256(inception_weights)[:8]
    assert extractor.name == f"inception-2048@{digits}"
    assert len(warnings) == 1
    assert str(inception_weights) in warnings[0]
    assert digits in warnings[0]
    assert "6726825d" in warnings[0]


def test_files_without_the_number_of_batches_will_do(inception_weights: Path, tmp_path: Path) -> None:
    tensors = torch.load(inception_weights, weights_only=True)
    old = {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}
    assert len(old) < len(tensors)
    torch.save(old, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    images = blurred(2, seed=6)
    found = InceptionExtractor(64, tmp_path / "old.pth", warn=quiet)(images).features
    assert torch.equal(found, InceptionExtractor(64, inception_weights, warn=quiet)(images).features)


def _truncated(file: Path, whole: Path) -> None:
    file.write_bytes(whole.read_bytes()[:1_000_000])


def _changed(change: Callable[[dict[str, Tensor]], object]) -> Callable[[Path, Path], None]:
    def make(file: Path, whole: Path) -> None:
        tensors = torch.load(whole, weights_only=True)
        change(tensors)
        torch.save(tensors, file)

    return make


_NAME = "Mixed_5b.branch1x1.conv.weight"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file, whole: None, "no such file"),
        (lambda file, whole: file.mkdir(), "no such file"),
        (lambda file, whole: file.write_bytes(b""), "cannot be read"),
        (lambda file, whole: file.write_bytes(b"<html>not found</html>"), "cannot be read"),
        (_truncated, "cannot be read"),
        (lambda file, whole: torch.save([1, 2], file), "holds a list that is no state dict"),
        (lambda file, whole: torch.save({"state_dict": {}}, file), "holds a dict that is no state dict"),
        (lambda file, whole: torch.save({}, file), "found none, expected"),
        (_changed(lambda tensors: tensors.pop(_NAME)), f"{_NAME}: found none, expected (64, 192, 1, 1)"),
        (
            _changed(lambda tensors: tensors.update({"AuxLogits.fc.bias": torch.zeros(3)})),
            "AuxLogits.fc.bias: found (3,), expected none",
        ),
        (
            _changed(lambda tensors: tensors.update({"fc.weight": torch.zeros(1000, 2048)})),
            "fc.weight: found (1000, 2048), expected (1008, 2048)",
        ),
    ],
)
def test_a_file_that_will_not_do(
    make: Callable[[Path, Path], None], message: str, inception_weights: Path, tmp_path: Path
) -> None:
    file = tmp_path / "own.pth"
    make(file, inception_weights)
    with pytest.raises(RunError) as caught:
        InceptionExtractor(64, file, warn=quiet)
    text = str(caught.value)
    assert str(file) in text
    assert message in text
    assert "\n" not in text
    assert inception_weights.name not in text
    assert "https://github.com/mseitzer/pytorch-fid/" in text


def test_a_damaged_cache_is_told_and_left_alone(hub: Path, inception_weights: Path) -> None:
    hub.parent.mkdir(parents=True)
    _truncated(hub, inception_weights)
    with pytest.raises(RunError) as caught:
        InceptionExtractor()
    text = str(caught.value)
    for part in (str(hub), sha256(hub)[:8], "6726825d", "Delete it"):
        assert part in text
    assert hub.exists()


def test_missing_weights_are_fetched(
    hub: Path, inception_weights: Path, as_official: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acgan.extracting.inception_weights.URL", inception_weights.as_uri())
    assert InceptionExtractor(64).name == f"inception-64@{as_official}"
    assert [file.name for file in hub.parent.iterdir()] == [HUB_NAME]
    assert sha256(hub) == sha256(inception_weights)


@pytest.mark.parametrize("content", [None, b"other"])
def test_what_cannot_be_fetched(
    content: bytes | None, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.pth"
    if content is not None:
        there.write_bytes(content)
    monkeypatch.setattr("acgan.extracting.inception_weights.URL", there.as_uri())
    with pytest.raises(RunError) as caught:
        InceptionExtractor(64)
    text = str(caught.value)
    for part in (
        there.as_uri(),
        str(hub),
        "--weights",
        "--extractor",
        "acgan classify train --data SOURCE",
    ):
        assert part in text
    assert not list(hub.parent.iterdir())


def test_no_folder_for_the_weights_is_a_line(hub: Path) -> None:
    hub.parent.parent.mkdir(parents=True)
    hub.parent.write_text("in the way")
    with pytest.raises(RunError, match=r"could not be fetched \(.*exists.*\)\. A classifier's") as caught:
        InceptionExtractor(64)
    assert "\n" not in str(caught.value)


def test_a_connection_that_breaks_is_a_line(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IncompleteRead(b"", 9)

    monkeypatch.setattr(torch.hub, "download_url_to_file", broken)
    with pytest.raises(RunError, match="could not be fetched"):
        InceptionExtractor(64)


def test_the_published_file_is_that_of_pytorch_fid() -> None:
    assert weights_module.URL == inception.FID_WEIGHTS_URL
    assert Path(weights_module.URL).stem.endswith(weights_module.HUB_SHA256)
