"""Images named one by one are decoded as those of a data source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_helpers import noise, picture
from PIL import Image

from acgan.data import find_images, read_images
from acgan.errors import DataError
from acgan.types import Dataset

Load = Callable[..., Dataset]
Write = Callable[..., Path]


def _touch(top: Path, *names: str) -> list[Path]:
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()
    return [top / name for name in names]


# ---------------------------------------------------------------- finding


def test_folders_stand_for_the_images_in_them_at_any_depth(tmp_path: Path) -> None:
    expected = _touch(tmp_path, "B.PNG", "a/deep/er/1.jpeg", "a/z.webp", "c.tif")
    _touch(tmp_path, "notes.txt", "a/list.csv", ".hidden.png", ".git/x.png", "a/__MACOSX/x.png", "Thumbs.db")
    (tmp_path / "folder.png").mkdir()
    assert find_images([tmp_path]) == expected


def test_files_are_taken_as_they_come(tmp_path: Path) -> None:
    a, b, plain, hidden = _touch(tmp_path, "set/a.png", "set/b.png", "no_ending", ".hidden.jpg")
    assert find_images([plain, tmp_path / "set", hidden, a]) == [plain, a, b, hidden, a]
    assert find_images([]) == []


def test_a_hidden_folder_may_be_named(tmp_path: Path) -> None:
    files = _touch(tmp_path, ".cache/set/a.png")
    assert find_images([tmp_path / ".cache"]) == files
    assert find_images([tmp_path / ".cache" / "set"]) == files


def test_links_are_followed(tmp_path: Path) -> None:
    (file,) = _touch(tmp_path, "there/a.png")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "b.png").symlink_to(file)
    assert find_images([tmp_path / "here"]) == [tmp_path / "here" / "b.png"]


@pytest.mark.parametrize("name", ["nowhere.png", "nowhere"])
def test_a_path_that_is_not_there(tmp_path: Path, name: str) -> None:
    (there,) = _touch(tmp_path, "a.png")
    with pytest.raises(DataError, match=rf"{name}: no such image or folder"):
        find_images([there, tmp_path / name])


def test_a_folder_without_images(tmp_path: Path) -> None:
    _touch(tmp_path, "notes.txt", ".hidden.png")
    with pytest.raises(DataError, match=r"holds no images\. Images end in \.png"):
        find_images([tmp_path])


# ---------------------------------------------------------------- decoding


def _with_orientation(folder: Path) -> None:
    """A JPEG whose EXIF block says that it is to be turned."""
    image = Image.fromarray(noise((40, 20, 3)))
    image.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / "turned.jpg", exif=exif)


COLOUR: dict[str, Any] = {
    "k/a.png": Image.fromarray(noise((32, 32, 3))),
    "k/b.png": Image.fromarray(noise((50, 31, 3), seed=1)),
    "k/c.png": Image.fromarray(noise((20, 70, 4), seed=2)),  # RGBA
    "k/d.png": picture(90, (40, 24)),
    "k/e.png": Image.fromarray(noise((9, 7, 3), seed=3)),
    "k/f.jpg": Image.fromarray(noise((600, 500, 3), seed=4)),
    "k/g.png": Image.fromarray(noise((33, 32), seed=5)),
    "k/h.gif": Image.fromarray(noise((48, 48), seed=6)),
}


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resolution", [16, 32, 64])
def test_images_are_those_of_a_data_source(
    write: Write, load: Load, resolution: int, channels: int, fit: Any
) -> None:
    folder = write(COLOUR)
    _with_orientation(folder / "k")
    store = load(folder, resolution=resolution, channels=channels, fit=fit, layout="classes").train
    files = find_images([folder])
    assert [file.name for file in files] == [*(name[2:] for name in COLOUR), "turned.jpg"]
    images = read_images(files, resolution=resolution, channels=channels, fit=fit)
    assert images.dtype == np.uint8
    assert images.shape == (9, channels, resolution, resolution)
    assert (images == store.images).all()


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("resolution", [16, 32, 64])
def test_images_of_28_pixels(write: Write, load: Load, resolution: int, fit: Any) -> None:
    folder = write({f"k/{seed}.png": Image.fromarray(noise((28, 28), seed)) for seed in range(3)})
    store = load(folder, resolution=resolution, fit=fit, layout="classes").train
    images = read_images(find_images([folder]), resolution=resolution, channels=1, fit=fit)
    assert (images == store.images).all()
    if resolution == 32:  # they keep their pixels
        assert (images[0, 0, 2:30, 2:30] == noise((28, 28), 0)).all()


def test_the_turned_one_is_upright(tmp_path: Path) -> None:
    _with_orientation(tmp_path)
    images = read_images([tmp_path / "turned.jpg"], resolution=16, channels=3, fit="crop")
    red = images[0].astype(int)[0] - images[0].astype(int)[1]
    assert red[:, 12:].min() > 150  # it was above
    assert red[:, :4].mean() < 50


def test_gray_fills_all_channels(tmp_path: Path) -> None:
    pixels = noise((16, 16))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    images = read_images([tmp_path / "a.png"], resolution=16, channels=3, fit="crop")
    assert (images == pixels).all()


def test_no_files() -> None:
    assert read_images([], resolution=16, channels=3, fit="crop").shape == (0, 3, 16, 16)


def test_all_that_cannot_be_decoded_are_named(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "good.png")
    (tmp_path / "not.png").write_bytes(b"no image")
    with pytest.raises(DataError) as told:
        read_images(
            [tmp_path / name for name in ("no.png", "good.png", "not.png")],
            resolution=16,
            channels=1,
            fit="crop",
        )
    first, missing, other, last = str(told.value).splitlines()
    assert first == "2 of 3 images cannot be decoded:"
    assert "no.png: " in missing
    assert "not.png: it is empty or not an image" in other
    assert last == "Leave them out, or pass over such images with --on-error skip."


def test_what_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "good.png")
    (tmp_path / "not.png").write_bytes(b"no image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:-30])
    Image.fromarray(np.zeros((16, 16), np.float32)).save(tmp_path / "float.tif")
    for name, reason in (
        ("not.png", "not an image that Pillow knows"),
        ("cut.png", "truncated|broken"),
        ("float.tif", "floating-point"),
        ("nowhere.png", "No such file"),
    ):
        with pytest.raises(DataError, match=rf"{name} cannot be decoded: .*({reason}).*\. Leave it out,"):
            read_images([tmp_path / "good.png", tmp_path / name], resolution=16, channels=1, fit="crop")
