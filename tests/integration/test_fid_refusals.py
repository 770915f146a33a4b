"""What ``acgan fid`` refuses, in a line, and how it loses no score."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from fid_cli_helpers import pictures, refused, scored
from run_helpers import acgan

pytestmark = pytest.mark.usefixtures("workdir")  # a current directory and a cache of each test's own


def test_fewer_images_than_features(sides: tuple[str, str]) -> None:
    result = acgan("fid", *sides, "-n", "5", "--extractor", "digits", "--quiet")
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    assert float(line.split()[1]) > 0
    strange, *warnings = result.stderr.splitlines()
    assert strange.startswith("warning: Strange judge: "), "of gray digits, and these images have colours"
    assert len(warnings) == 2
    assert all("has 5 images, fewer than 128" in warning and "biased" in warning for warning in warnings)
    assert acgan("fid", *sides, "--extractor", "digits").stderr.splitlines() == [strange], (
        "150 are enough for 64 features"
    )


def test_the_other_side_is_needed(sides: tuple[str, str]) -> None:
    result = acgan("fid", sides[0])
    assert result.exit_code == 2
    assert "--save-stats" in result.stderr


def broken(kind: str) -> str:
    """Something in the current directory that cannot be scored."""
    path = Path("bad")
    if kind == "one image":
        pictures(path, 1)
    elif kind == "corrupt":
        file = pictures(path, 140) / "70.png"
        file.write_bytes(file.read_bytes()[:60])
    elif kind == "empty":
        path.mkdir()
    elif kind == "keys":
        np.savez(path := Path("bad.npz"), mu=np.zeros(64))
    elif kind == "shapes":
        np.savez(path := Path("bad.npz"), mu=np.zeros(64), sigma=np.eye(65))
    elif kind == "dims":
        np.savez(path := Path("bad.npz"), mu=np.zeros(8), sigma=np.eye(8))
    elif kind == "unknown":
        np.savez(path := Path("bad.npz"), mu=np.zeros(64), sigma=np.eye(64))
    elif kind == "truncated":
        (path := Path("bad.safetensors")).write_bytes(b"\0" * 50)
    return str(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nothing", "bad: there is no such path or data set; expected"),
        ("empty", "bad holds no images. Images end in"),
        ("one image", "bad: found 1 image; expected at least 2"),
        ("corrupt", "70.png cannot be decoded"),
        ("keys", "bad.npz has no sigma; expected mu"),
        ("shapes", "mu of shape (64,) and sigma of shape (65, 65)"),
        ("dims", "bad.npz holds 8 features, and digits@"),
        ("unknown", "bad.npz does not say of which extractor it is"),
        ("truncated", "bad.safetensors: not a safetensors file"),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_bad_input_is_a_line(kind: str, message: str, first: bool, tmp_path: Path) -> None:
    given = [str(pictures(tmp_path / "good", 130)), broken(kind)]
    if first:
        given.reverse()
    assert message in refused(*given, "--extractor", "digits", "--save-stats", "out.npz").stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resolution", "4"], "--resolution: found 4; expected a side from 8 to 1024."),
        (["--extractor", "digit"], "Did you mean 'digits'"),
        (["--extractor", "digits", "--dims", "2048"], "--dims 2048: is of Inception"),
        (["--which", "last"], "--which last: no side is a run directory"),
        (["--save-stats", "a.pt"], "expected a name that ends in .npz"),
        (["--save-stats", "nowhere/a.npz"], "no such folder"),
    ],
)
def test_bad_options_are_a_line(options: list[str], message: str, sides: tuple[str, str]) -> None:
    assert message in refused(*sides, *options).stderr


@pytest.mark.parametrize(("place", "message"), [("nowhere/a.json", "no such folder"), (".", "is a folder")])
def test_no_place_for_the_scores_is_found_before_the_work(
    place: str, message: str, sides: tuple[str, str], seen: list[int]
) -> None:
    result = acgan("fid", *sides, "--extractor", "digits", "--json", place)
    assert result.exit_code == 1
    assert f"--json {place}: " in result.stderr
    assert message in result.stderr
    assert not sum(seen)


def test_a_full_disk_loses_no_score(sides: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = acgan("fid", *sides, "--extractor", "digits", "--quiet").stdout.strip()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = acgan("fid", *sides, "--extractor", "digits", "--json", "a.json")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, expected)
    result = acgan("fid", *sides, "--extractor", "digits", "--save-stats", "a.npz")
    assert result.exit_code == 1
    assert "--save-stats a.npz: cannot be written (No space left on device)" in result.stderr
    assert f"The score is {expected}." in result.stderr
    assert not list(Path().glob("a.*"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_path_that_is_no_text(sides: tuple[str, str]) -> None:
    odd = Path(sides[1]).rename(os.fsdecode(b"bilder\xff"))
    result = acgan(
        "fid", sides[0], str(odd), "--extractor", "digits", "--json", "a.json", "--save-stats", "a.npz"
    )
    assert result.exit_code == 0, result.output
    assert "B: bilder\ufffd, 150 images" in result.stdout
    assert json.loads(Path("a.json").read_text())["provenance"]["b"]["source"] == str(odd)
    other = acgan("fid", str(odd), sides[0], "--extractor", "digits", "--save-stats", "b.npz")
    assert other.exit_code == 0, other.output
    value = json.loads(Path("a.json").read_text())["value"]
    assert scored("b.npz", "a.npz")["value"] == pytest.approx(value, rel=1e-9)
