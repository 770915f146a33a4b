"""benchmarks/few_images.py: the folder that the gallery's run on few images is of."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image
from run_helpers import benchmark

few_images = benchmark("few_images")


def cut(source: Path | str, folder: Path, *options: str) -> dict[str, bytes]:
    few_images.main([str(source), str(folder), *options], standalone_mode=False)
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.png")}


def write_zip(file: Path, each: int) -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("automobile", "frog", "horse", "ship"):
            for split in ("train", "test"):
                for index in range(each):
                    buffer.seek(0)
                    Image.new("RGB", (32, 32), (index % 256, index // 256, len(name))).save(buffer, "PNG")
                    archive.writestr(f"{split}/{name}/{index:04d}.png", buffer.getvalue())
    return file


def test_everyone_cuts_the_same_images(tmp_path: Path) -> None:
    source = write_zip(tmp_path / "images.zip", 410)
    files = cut(source, tmp_path / "a")
    assert files == cut(source, tmp_path / "b")
    counts = {}
    for name in files:
        counts[str(Path(name).parent)] = counts.get(str(Path(name).parent), 0) + 1
    test = dict.fromkeys(("test/automobile", "test/horse", "test/ship"), 200)
    assert counts == {"train/automobile": 60, "train/horse": 150, "train/ship": 400, **test}
    images = {name: Image.open(io.BytesIO(data)) for name, data in files.items()}
    assert {image.size for image in images.values()} == {(64, 64)}
    ships = {images[name].getpixel((0, 0)) for name in files if name.startswith("train/ship/")}
    assert len(ships) == 400, "none twice"
    small = Image.open(io.BytesIO(cut(source, tmp_path / "c", "--side", "32")["train/ship/0007.png"]))
    assert small.size == (32, 32)
    assert small.getpixel((0, 0)) == images["train/ship/0007.png"].getpixel((0, 0))
    with pytest.raises(click.ClickException, match="there is something already"):
        cut(source, tmp_path / "a")


def test_too_few_images_leave_nothing_behind(tmp_path: Path) -> None:
    source = write_zip(tmp_path / "images.zip", 199)
    with pytest.raises(click.ClickException, match="found 199 images in test/automobile/; expected 200"):
        cut(source, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def write_digits(root: Path) -> str:
    """MNIST's files with squares in place of digits; the first row has each image's number, bit by bit."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, each in (("train", 410), ("t10k", 210)):
        labels = np.repeat(np.array([3, 5, 8, 9], np.uint8), each)
        images = np.zeros((len(labels), 28, 28), np.uint8)
        images[:, 7:21, 7:21] = 255
        images[:, 0, :11] = (np.arange(len(labels))[:, None] >> np.arange(11) & 1) * 255
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            shape = b"".join(size.to_bytes(4, "big") for size in array.shape)
            (raw / f"{part}-{name}-ubyte").write_bytes(bytes([0, 0, 8, array.ndim]) + shape + array.tobytes())
    return f"mnist:{root}"


def number_of(data: bytes) -> int:
    image = Image.open(io.BytesIO(data))
    ground = image.getpixel((27, 27))
    return sum((image.getpixel((bit, 0)) != ground) << bit for bit in range(11))


def test_digits_in_colours(tmp_path: Path) -> None:
    source = write_digits(tmp_path / "root")
    files = cut(source, tmp_path / "a")
    assert len(files) == 60 + 150 + 400 + 3 * 200
    assert sum(name.startswith("train/3/") for name in files) == 60
    grounds = set()
    for data in files.values():
        image = Image.open(io.BytesIO(data))
        assert image.size == (64, 64)
        ground, ink = image.getpixel((2, 6)), image.getpixel((32, 32))
        grounds.add(ground)
        assert sum(ground) < sum(ink)
    assert len(grounds) > 50
    assert files == cut(source, tmp_path / "b")


def test_other_digits_to_train_a_classifier_with(tmp_path: Path) -> None:
    source = write_digits(tmp_path / "root")
    folder = cut(source, tmp_path / "a", "--side", "28")
    others = cut(source, tmp_path / "b", "--side", "28", "--others", "10")
    own, other = (
        {number_of(data) for name, data in files.items() if name.startswith("train/")}
        for files in (folder, others)
    )
    assert len(own) == 610
    assert len(other) == 30
    assert not own & other
    assert {name: data for name, data in others.items() if name.startswith("test/")} == {
        name: data for name, data in folder.items() if name.startswith("test/")
    }
    with pytest.raises(click.ClickException, match="--others 11: there are 10 of 8"):
        cut(source, tmp_path / "c", "--others", "11")
    assert not (tmp_path / "c").exists()
    with pytest.raises(click.UsageError, match="--others is for mnist"):
        cut(write_zip(tmp_path / "images.zip", 1), tmp_path / "c", "--others", "1")
