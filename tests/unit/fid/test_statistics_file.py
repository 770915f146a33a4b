"""Statistics in files."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from acgan.errors import DataError
from acgan.fid import Saved, check_target, read_statistics, write_statistics

EXTRACTOR = {"name": "", "sha256": "ab", "dims": 3, "resize": "none", "precision": "float32"}
ORIGIN = {"metric": "fid", "extractor": EXTRACTOR, "num_images": 9, "source": "Bilder/é"}
GOOD = {"mu": np.arange(3.0), "sigma": np.eye(3)}


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in EXTRACTOR.items() if name != key}


def saved(origin: dict[str, Any] | None = None) -> Saved:
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(9, 3)))
    return Saved(features.mean(0), features.T.cov(), origin)


@pytest.mark.parametrize("origin", [None, ORIGIN])
def test_what_is_written_is_read_again_by_us_and_by_pytorch_fid(origin: Any, tmp_path: Path) -> None:
    from pytorch_fid.fid_score import compute_statistics_of_path

    file, expected = tmp_path / "of.all.npz", saved(origin)
    write_statistics(file, expected)
    found = read_statistics(file)
    assert torch.equal(found.mean, expected.mean)
    assert torch.equal(found.covariance, expected.covariance)
    assert found.origin == origin
    assert found.dims == 3
    mean, covariance = compute_statistics_of_path(str(file), None, 50, 3, "cpu")
    assert np.array_equal(mean, expected.mean.numpy())
    assert np.array_equal(covariance, expected.covariance.numpy())
    assert [path.name for path in tmp_path.iterdir()] == ["of.all.npz"]


def test_a_file_of_pytorch_fid_with_more_in_it(tmp_path: Path) -> None:
    file = tmp_path / "theirs.npz"
    np.savez_compressed(file, mu=np.arange(3, dtype=np.float32), sigma=np.eye(3, dtype=np.float32), extra=[1])
    found = read_statistics(file)
    assert found.origin is None
    assert found.mean.tolist() == [0, 1, 2]
    assert (found.mean.dtype, found.covariance.dtype) == (torch.float64, torch.float64)


def test_what_is_not_quite_symmetric_for_rounding_is_read(tmp_path: Path) -> None:
    sigma = np.eye(3)
    sigma[0, 1] = 1e-7
    np.savez(tmp_path / "a.npz", mu=np.zeros(3), sigma=sigma)
    assert read_statistics(tmp_path / "a.npz").dims == 3


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mu": np.zeros(3)}, "has no sigma; expected mu"),
        ({"sigma": np.eye(3)}, "has no mu; expected mu"),
        ({**GOOD, "sigma": np.eye(4)}, r"mu of shape \(3,\) and sigma of shape \(4, 4\); expected"),
        ({**GOOD, "sigma": np.ones(3)}, r"sigma of shape \(3,\); expected"),
        ({**GOOD, "mu": np.zeros((3, 1))}, r"mu of shape \(3, 1\)"),
        ({"mu": np.zeros(0), "sigma": np.zeros((0, 0))}, r"mu of shape \(0,\)"),
        ({**GOOD, "mu": np.array([0, np.nan, 0])}, "not finite"),
        ({**GOOD, "sigma": np.full((3, 3), np.inf)}, "not finite"),
        ({**GOOD, "sigma": np.triu(np.ones((3, 3)))}, "not symmetric"),
        ({**GOOD, "sigma": -np.eye(3)}, "negative variances"),
        ({**GOOD, "mu": np.array(["a", "b", "c"])}, "of type <U1"),
        ({**GOOD, "mu": np.array([None] * 3)}, "cannot be read"),
        ({**GOOD, "acgan": "{"}, "'acgan' that is no JSON"),
        ({**GOOD, "acgan": "[]"}, "'acgan' that does not say"),
        ({**GOOD, "acgan": json.dumps({**ORIGIN, "num_images": "9"})}, "'acgan' that does not say"),
        (
            {**GOOD, "acgan": json.dumps({**ORIGIN, "extractor": {**EXTRACTOR, "dims": 4}})},
            "its extractor makes 4",
        ),
        (
            {**GOOD, "acgan": json.dumps({**ORIGIN, "extractor": _without("sha256")})},
            "'acgan' that does not",
        ),
        (
            {**GOOD, "acgan": json.dumps({**ORIGIN, "extractor": _without("name")})},
            "'acgan' that does not",
        ),
        ({**GOOD, "sigma": np.array([[1, 2, 0], [2, 1, 0], [0, 0, 1]])}, "larger than its variances allow"),
    ],
)
def test_wrong_files_are_told_in_a_line(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.npz"
    np.savez(file, **arrays)
    with pytest.raises(DataError, match=message) as found:
        read_statistics(file)
    assert str(found.value).startswith(str(file))
    assert "\n" not in str(found.value)
    assert "--save-stats" in str(found.value), "the remedy"


@pytest.mark.parametrize("keep", [0, 30, -40])
def test_a_truncated_file(keep: int, tmp_path: Path) -> None:
    file = tmp_path / "cut.npz"
    np.savez(file, **GOOD)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"cut\.npz cannot be read"):
        read_statistics(file)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_flipped_bits_are_noticed(save: Any, tmp_path: Path) -> None:
    """Or change nothing, as in a date."""
    file, draws = tmp_path / "bit.npz", np.random.default_rng(0)
    said: list[str] = []
    save(file, **GOOD, acgan=json.dumps(ORIGIN))
    content, expected = file.read_bytes(), read_statistics(file)
    for at in draws.integers(0, 8 * len(content), 500).tolist():
        flipped = bytearray(content)
        flipped[at // 8] ^= 1 << at % 8
        file.write_bytes(flipped)
        try:
            found = read_statistics(file)
        except DataError as error:
            said.append(str(error))
        else:
            assert torch.equal(found.mean, expected.mean)
            assert torch.equal(found.covariance, expected.covariance)
    assert len(said) > 250
    assert all(text.startswith(str(file)) and "\n" not in text for text in said)


def test_more_bytes_than_the_shape_says_are_noticed(tmp_path: Path) -> None:
    file, content = tmp_path / "long.npz", io.BytesIO()
    np.save(content, np.zeros(3))
    np.savez(file, sigma=np.eye(3))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("mu.npy", content.getvalue() + bytes(8))
    with pytest.raises(DataError, match="mu has more bytes than its shape says"):
        read_statistics(file)


def test_a_member_that_is_no_array(tmp_path: Path) -> None:
    file = tmp_path / "odd.npz"
    np.savez(file, sigma=np.eye(3))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("mu", "numbers")
    with pytest.raises(DataError, match="has no mu"):
        read_statistics(file)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.npz"
    write_statistics(file, saved())
    before = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_statistics(file, saved(ORIGIN))
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_nothing_else_is_written_over(tmp_path: Path) -> None:
    images, ours, folder = tmp_path / "images.npz", tmp_path / "ours.npz", tmp_path / "folder.npz"
    np.savez(images, images=np.zeros((2, 4, 4), np.uint8))
    folder.mkdir()
    write_statistics(ours, saved())
    check_target(ours)
    check_target(tmp_path / "new.npz")
    for target in (images, folder):
        with pytest.raises(DataError, match="exists and holds no statistics"):
            check_target(target)
    with pytest.raises(DataError, match=r"ending '\.pt'; expected a name that ends in \.npz"):
        check_target(tmp_path / "a.pt")
    with pytest.raises(DataError, match="no such folder"):
        check_target(tmp_path / "nowhere" / "a.npz")
