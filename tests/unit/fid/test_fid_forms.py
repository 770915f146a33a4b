"""Properties of stored images that pytorch-fid passes over: counted and told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from fid_helpers import Means, noise_pictures, write_pictures
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from acgan import api
from acgan.cli import main
from acgan.marks import GENERATED_MARK

PLAIN = Image.fromarray(noise_pictures(1)[0])


def clear(file: Path) -> None:
    image = PLAIN.convert("RGBA")
    image.putpixel((1, 1), (9, 9, 9, 100))
    image.save(file)


def opaque(file: Path) -> None:
    PLAIN.convert("RGBA").save(file)


def keyed(file: Path) -> None:
    PLAIN.quantize(8).save(file, transparency=int(np.asarray(PLAIN.quantize(8))[0, 0]))


def turned(file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    PLAIN.save(file.with_suffix(".jpg"), exif=exif)


def upright(file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    PLAIN.save(file.with_suffix(".jpg"), exif=exif)


def deep(file: Path) -> None:
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(file)


def wide(file: Path) -> None:
    PLAIN.resize((30, 9)).save(file)


def measured(folder: Path, **options: Any) -> tuple[Any, list[str]]:
    remarks: list[str] = []
    (folder.parent / "out").mkdir(exist_ok=True)
    found = api.fid(
        folder, save_stats=folder.parent / "out" / "s.npz", extractor=Means(), warn=remarks.append, **options
    )
    return found, [remark for remark in remarks if "biased" not in remark]


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (clear, "2 of 7 images have transparent parts"),
        (keyed, "2 of 7 images have transparent parts"),
        (opaque, None),
        (turned, "2 of 7 images are stored turned (EXIF orientation)"),
        (upright, None),
        (deep, "2 of 7 images have more than 8 bits a channel"),
        (wide, "the images have sizes from 8 x 8 to 30 x 9 pixels"),
    ],
)
def test_each_oddity_is_counted(odd: Callable[[Path], None], told: str | None, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set", noise_pictures(5))
    odd(folder / "x.png")
    odd(folder / "y.png")
    found, remarks = measured(folder)
    assert len(remarks) == (told is not None)
    for remark in remarks:
        assert told is not None
        assert remark.startswith(f"{folder} is compared as it is stored, as pytorch-fid does: ")
        assert told in remark
        assert "--resolution" in remark
    again, same = measured(folder)
    assert again.provenance["a"]["cached"]
    assert same == remarks, "also when the statistics come from the cache"
    assert again.provenance["a"]["forms"] == found.provenance["a"]["forms"]
    fitted, none = measured(folder, resolution=16)
    assert not none
    assert "forms" not in fitted.provenance["a"]
    # Statistics in a file tell it too.
    measured(folder)
    known: list[str] = []
    api.fid(tmp_path / "out" / "s.npz", folder, extractor=Means(), warn=known.append)
    assert sum(told in one for one in known if told) == (2 if told else 0)


def test_one_image_is_one(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set", noise_pictures(5))
    clear(folder / "x.png")
    turned(folder / "y.png")
    _, (remark,) = measured(folder)
    assert "1 of 7 images has transparent parts" in remark
    assert "1 of 7 images is stored turned" in remark


def test_sides_of_two_sizes_are_told(tmp_path: Path) -> None:
    a = write_pictures(tmp_path / "a", noise_pictures(5))
    b = write_pictures(tmp_path / "b", noise_pictures(5, sides=(12,)))
    remarks: list[str] = []
    api.fid(a, b, extractor=Means(), warn=remarks.append)
    (remark,) = [one for one in remarks if "biased" not in one]
    assert f"the images of {a} have 8 x 8 pixels, those of {b} 8 x 12" in remark
    remarks.clear()
    api.fid(a, a, extractor=Means(), warn=remarks.append)
    assert all("biased" in one for one in remarks)


def marked(folder: Path, count: int, seed: int) -> None:
    """Pictures with the mark of a generator."""
    mark = PngInfo()
    mark.add_text(GENERATED_MARK, "{}")
    for number, pixels in enumerate(noise_pictures(count, seed)):
        Image.fromarray(pixels).save(folder / f"made{number}.png", pnginfo=mark)


@pytest.mark.parametrize("options", [{}, {"resolution": 16}])
def test_generated_pictures_among_others_are_told(options: dict[str, Any], tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set", noise_pictures(5))
    marked(folder, 2, seed=1)
    for _ in range(2):  # made, then from the cache
        found, (remark,) = measured(folder, **options)
        assert remark.startswith(f"{folder}: 2 of 7 images were made by a generator")
        assert found.provenance["a"]["num_generated"] == 2


def test_samples_alone_are_meant(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    marked(folder, 5, seed=1)
    found, remarks = measured(folder)
    assert not remarks
    assert found.provenance["a"]["num_generated"] == 5
    arrays = tmp_path / "drawn.npz"
    np.savez(arrays, images=np.array(noise_pictures(4)), generated_by=np.array("{}"))
    assert measured(arrays)[0].provenance["a"]["num_generated"] == 4


def test_files_that_are_left_out_are_told(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "set", noise_pictures(5))
    for name in ("a.svg", "b.mp4", "notes.txt"):
        (folder / name).touch()
    found, (remark,) = measured(folder)
    assert remark.startswith(f"{folder}: pictures that cannot be read here are left out: ")
    assert "1 file ends in .svg: draw to PNG" in remark
    assert "1 file ends in .mp4" in remark
    reasons = [left["reason"] for left in found.provenance["a"]["left_out"]]
    assert reasons == ["files ending in .mp4", "files ending in .svg", "files ending in .txt"]
    result = CliRunner().invoke(main, ["fid", str(folder), str(folder), "--extractor", "digits"])
    assert f"{folder}: left out: files ending in .txt: 1 (notes.txt)" in result.output
