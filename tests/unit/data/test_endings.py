"""Endings of images are asked of Pillow; other pictures have a remedy."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from data_helpers import noise, picture
from PIL import Image

from acgan.data import find_images, read_images
from acgan.data.sources import endings
from acgan.data.sources.endings import PICTURE_ENDINGS, image_endings, is_image, remedy_for
from acgan.errors import DataError


@pytest.fixture
def without_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if pillow-heif were not installed."""
    known = {name: kind for name, kind in Image.registered_extensions().items() if kind != "HEIF"}
    monkeypatch.setattr(Image, "EXTENSION", known)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    image_endings.cache_clear()
    yield
    image_endings.cache_clear()


@pytest.mark.parametrize(
    "name", ["a.png", "B.JPEG", "c.d.JFIF", "a.webp", "a.tga", "a.ppm", "a.mpo", "a.ico", "a.psd"]
)
def test_images(name: str) -> None:
    assert is_image(name)


# Recognised by Pillow, but not decoded, or only written, or decoded by Ghostscript.
@pytest.mark.parametrize(
    "name", ["a.mpg", "a.h5", "a.grib", "a.bufr", "a.wmf", "a.pdf", "a.palm", "a.eps", "a.txt", "png"]
)
def test_no_images(name: str) -> None:
    assert not is_image(name)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_whatever_pillow_writes_it_reads_here(tmp_path: Path) -> None:
    """Each ending that is said to be an image, and that Pillow can write, is opened and decoded."""
    written = 0
    for ending in sorted(image_endings()):
        file = tmp_path / f"a{ending}"
        for mode in ("RGB", "L", "1", "RGBA", "P"):
            try:
                Image.fromarray(noise((32, 32, 3))).convert(mode).save(file)
            except (KeyError, ValueError, OSError):
                continue
            written += 1
            assert read_images([file], resolution=32, channels=3, fit="crop").shape == (1, 3, 32, 32), ending
            break
    assert written > 30


def test_formats_that_pillow_was_built_without(monkeypatch: pytest.MonkeyPatch, without_heif: None) -> None:
    monkeypatch.setattr(endings.features, "check", lambda name: name != "webp")
    assert not is_image("a.webp")
    assert is_image("a.jp2")
    assert "upgrade pillow" in remedy_for("a.webp")


@pytest.mark.usefixtures("without_heif")
@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("a.heic", "pip install pillow-heif"),
        ("A.HEIF", "pip install pillow-heif"),
        ("a.dcm", "pydicom"),
        ("a.cr2", "dcraw"),
        ("a.svg", "Inkscape"),
        ("a.mp4", "ffmpeg"),
        ("a.png", ""),
        ("a.txt", ""),
        ("a", ""),
    ],
)
def test_remedies(name: str, remedy: str) -> None:
    found = remedy_for(name)
    assert remedy in found
    assert bool(found) == bool(remedy)


def test_remedies_are_for_endings() -> None:
    assert all(ending.startswith(".") and ending == ending.lower() for ending in PICTURE_ENDINGS)


@pytest.mark.usefixtures("without_heif")
def test_heic_without_the_library(tmp_path: Path) -> None:
    for name in ("a.heic", "b.HEIC", "c.dcm"):
        (tmp_path / name).write_bytes(b"not read")
    with pytest.raises(
        DataError, match=r"2 files end in \.heic: pip install pillow-heif; 1 file ends in \.dcm: "
    ):
        find_images([tmp_path])
    with pytest.raises(DataError, match=r"a\.heic cannot be decoded: .*\.heic: pip install pillow-heif"):
        read_images([tmp_path / "a.heic"], resolution=16, channels=3, fit="crop")
    picture(1).save(tmp_path / "d.png")
    told: list[str] = []
    assert find_images([tmp_path], told.append) == [tmp_path / "d.png"]
    assert len(told) == 1
    assert "2 files end in .heic: pip install pillow-heif" in told[0]


def test_heic_with_the_library(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    image_endings.cache_clear()
    assert is_image("a.HEIC")
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[:, None], (64, 64, 3))
    Image.fromarray(np.ascontiguousarray(np.moveaxis(ramp, 2, 2))).save(tmp_path / "a.heic", quality=95)
    (pixels,) = read_images(find_images([tmp_path]), resolution=64, channels=3, fit="crop")
    assert np.abs(pixels.transpose(1, 2, 0).astype(int) - ramp).mean() < 4


def test_broken_image_of_a_source_has_the_remedy(write, load) -> None:  # type: ignore[no-untyped-def]
    folder = write({"a.dcm": b"DICM", "list.csv": b"path,label\na.dcm,k\n"})
    with pytest.raises(
        DataError, match=r"a\.dcm cannot be decoded: .*For files that end in \.dcm: convert to PNG"
    ):
        load(folder / "list.csv")
