"""Whatever a user can cause has a message and exit code 1 or 2: 70 is for bugs of acgan's."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from run_helpers import acgan, acgan_train, trained

SHORT = {"train.total_nimg": 16, "monitor.num_per_class": 0}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("exits") / "run", SHORT)


def refused(*arguments: str, code: int = 1) -> str:
    """Output of a command that ends with this code and without a word of bugs."""
    result = acgan(*arguments)
    assert result.exit_code == code, result.output
    assert "bug in acgan" not in result.output
    return result.output


def test_json_that_is_nested_too_deeply(tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text("[" * 100_000)
    assert "deep.json: not JSON (nested too deeply)" in refused("compare", str(file), str(file))


def test_garbage_in_the_folder_of_a_built_in_set(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            (raw / f"{part}-{kind}-ubyte").write_bytes(b"garbage!" * 100)
    said = refused("data", "show", f"mnist:{tmp_path}")
    assert f"{raw}: files that are damaged, or not those of mnist" in said


def test_the_home_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no path '~nosuch-user/x'" in refused("data", "show", "~nosuch-user/x")
    said = refused("train", "--run-dir", "~nosuch-user/x", code=2)
    assert "there is no user 'nosuch-user'" in said
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_other_networks_with_a_right_checksum(run: Path, tmp_path: Path) -> None:
    directory = trained(tmp_path / "run", SHORT)
    file = directory / "checkpoints" / "16.pt"
    payload = torch.load(file, weights_only=True)
    generator = payload["state"]["generator"]
    generator.pop(next(iter(generator)))
    torch.save(payload, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file.with_name("16.pt.sha256").write_text(f"{digest}  16.pt\n")
    result = acgan_train(directory, {**SHORT, "train.total_nimg": 32})
    assert result.exit_code == 1, result.output
    assert "its checkpoint at 16 images is of other networks" in result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="file names of other systems are text")
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_names_that_the_terminal_has_no_letters_for(encoding: str, tmp_path: Path) -> None:
    for number, name in enumerate([b"caf\xc3\xa9", "猫".encode(), b"\xff\xfe"]):
        folder = os.path.join(os.fsencode(tmp_path), name)
        os.mkdir(folder)
        for index in range(12):
            color = (20 * index, 80 * number, 255 - 20 * index)
            Image.new("RGB", (16, 16), color).save(os.path.join(folder, b"%d.png" % index))
    command = [sys.executable, "-m", "acgan", "data", "show", str(tmp_path)]
    shown = subprocess.run(
        command,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert ("猫".encode() if encoding == "utf-8" else rb"\u732b") in shown.stdout


def test_a_pack_of_generated_pictures_alone(run: Path, tmp_path: Path) -> None:
    assert acgan("sample", str(run), "-n", "2", "--out", str(tmp_path / "drawn")).exit_code == 0
    said = refused("data", "pack", str(tmp_path / "drawn"), str(tmp_path / "drawn.zip"))
    assert "all 20 training images were made by a generator" in said
    assert not (tmp_path / "drawn.zip").exists()


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("module", "name", "file"),
    [
        ("tensorboard.summary.writer.record_writer.RecordWriter", "write", "run/tensorboard"),
        ("acgan.training.tracking", "sealed_line", "run/stats.jsonl"),
        ("os", "fsync", "run/"),
    ],
)
def test_a_full_disk_names_the_file(
    module: str,
    name: str,
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(f"{module}.{name}", _full)
    result = acgan_train(tmp_path / "run", SHORT)
    assert result.exit_code == 1, result.output
    assert file in result.stderr.splitlines()[-1]
    assert "No space left" in result.stderr
    assert "Traceback" not in result.stderr + capfd.readouterr().err
