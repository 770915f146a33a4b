"""Records of decoded images become warnings with numbers, names and remedies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_helpers import noise
from PIL import Image

from acgan.data.decoding.decode import SEEN, Target
from acgan.data.decoding.outcome import Outcome, class_pictures, judge
from acgan.types import ClassPictures, Dataset

Load = Callable[..., Dataset]
Write = Callable[..., Path]


def records(count: int = 20, **fields: Any) -> np.ndarray:
    """Records of gray images of 64 x 64 pixels that are in order, but for the given fields."""
    seen = np.zeros(count, SEEN)
    for name, value in (
        {"width": 64, "height": 64, "mode": b"L", "frames": 1, "gray": True} | fields
    ).items():
        seen[name] = value
    return seen


def some(count: int, total: int, value: Any, other: Any) -> list[Any]:
    return [value] * count + [other] * (total - count)


def judged(seen: np.ndarray, labels: Any = 0, names: tuple[str, ...] = ("cat",), **changes: Any) -> list[str]:
    """The warnings; there are no remarks."""
    target = {"resolution": 64, "channels": 3, "fit": "crop", "pad_28": False}
    target |= {name: changes.pop(name) for name in list(changes) if name in target}
    plain: dict[str, Any] = {"range": "full", "frames": "first", "chose_colour": False}
    outcome = Outcome(
        seen,
        np.broadcast_to(np.array(labels, dtype=np.int64), len(seen)),
        names,
        lambda number: f"{number}.png",
        Target(**target),
        **{**plain, **changes},
    )
    notes, warnings = judge(outcome)
    assert notes == []
    return warnings


def test_images_in_order() -> None:
    assert judged(records()) == []
    assert judged(records(1)) == []
    assert judged(records(0)) == []
    assert judged(records(gray=False), chose_colour=True) == []
    assert judged(records(width=28, height=28), resolution=32, pad_28=True) == []


# ---------------------------------------------------------------- one colour, frames


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    [
        (1, 20, "1 of 20 images (5%) is of one colour (0.png). Look"),
        (2, 3, "2 of 3 images (67%) are of one colour (0.png, 1.png). Look"),
        (5, 2000, "5 of 2,000 images (0.25%) are of one colour (0.png, 1.png, 2.png and 2 more). Look"),
        (4, 4, "All 4 images are of one colour"),
        (1, 1, "The only image is of one colour"),
    ],
)
def test_one_colour(count: int, total: int, expected: str) -> None:
    (warning,) = judged(records(total, plain=some(count, total, True, False)))
    assert warning.startswith(expected)


def test_frames() -> None:
    seen = records(frames=some(2, 20, 5, 1))
    (warning,) = judged(seen)
    assert warning.startswith(
        "2 files have several frames, 10 in all, and only the first of each is used (0.png, 1.png)"
    )
    assert judged(seen, frames="all") == []


# ---------------------------------------------------------------- crop


def test_the_crop_and_the_classes_that_it_hits_most() -> None:
    labels = np.arange(20) // 5
    width = np.array([64, 80, 160, 256])[labels]  # 100%, 80%, 40% and 25% are left: 61% on average
    names = ("square", "wide", "wider", "widest")
    (warning,) = judged(records(width=width), labels, names)
    assert "leaves 61% of the pictures' area on average (least of widest 25%, wider 40%, wide 80%)" in warning
    assert "--set data.fit=pad" in warning
    assert judged(records(width=64, height=width), labels, names) == [warning]  # tall ones as well
    assert judged(records(width=width), labels, names, fit="pad") == []


@pytest.mark.parametrize(("width", "warns"), [(91, False), (92, True)])
def test_70_percent_are_enough(width: int, warns: bool) -> None:
    assert len(judged(records(width=width))) == warns
    if warns:
        assert "on average." in judged(records(width=width))[0]  # there is no other class


# ---------------------------------------------------------------- enlarged


def test_enlarged() -> None:
    seen = records(width=some(3, 20, 31, 32), height=some(3, 20, 40, 32))
    (warning,) = judged(seen)
    assert warning.startswith(
        "3 of 20 images (15%) are enlarged more than twofold, with a short side of less than half"
    )
    assert "data.resolution (64 pixels)" in warning
    assert "--set data.resolution=32, or leave them out" in warning
    assert judged(seen, fit="pad") == []  # the long side is what counts
    assert judged(seen, resolution=32) == []
    (warning,) = judged(records(width=31, height=some(1, 20, 20, 64)), fit="pad", resolution=64)
    assert warning.startswith(
        "1 of 20 images (5%) is less than half of data.resolution (64 pixels) on the long side"
    )
    assert "--set data.resolution=32, or leave it out" in warning


def test_no_resolution_is_small_enough() -> None:
    (warning,) = judged(records(width=7, height=7), resolution=16)
    assert "--set" not in warning
    assert "Find larger pictures" in warning


# ---------------------------------------------------------------- colour among gray


@pytest.mark.parametrize(("count", "warns"), [(0, False), (1, True), (5, True), (6, False), (99, False)])
def test_few_in_colour(count: int, warns: bool) -> None:
    seen = records(100, gray=some(count, 100, False, True))
    warnings = judged(seen, chose_colour=True)
    assert len(warnings) == warns
    assert judged(seen, chose_colour=False) == []
    if warns:
        share = f"{count} of 100 images ({count}%)"
        assert warnings[0].startswith(
            f"{share} {'is' if count == 1 else 'are'} in colour, and all others gray (0.png"
        )
        assert "--set data.channels=1" in warnings[0]


# ---------------------------------------------------------------- report


def test_pictures_by_class() -> None:
    seen = records(4, width=[10, 20, 30, 40], height=[5, 4, 3, 2], mode=[b"L", b"RGB", b"RGBA", b"RGB"])
    assert class_pictures(seen, np.array([1, 0, 1, 1]), 3) == (
        ClassPictures((20, 20), (4, 4), {"RGB": 1}),
        ClassPictures((10, 40), (2, 5), {"L": 1, "RGB": 1, "RGBA": 1}),
        ClassPictures((0, 0), (0, 0), {}),
    )


def test_pictures_as_they_are_stored(write: Write, load: Load) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = write({"a/x.png": Image.fromarray(noise((20, 40))), "b/y.png": Image.new("P", (9, 8))})
    for name, size in (("a/turned.jpg", (700, 500)), ("a/turned.tif", (70, 50))):
        Image.fromarray(noise((size[1], size[0], 3))).save(folder / name, exif=exif)
    (folder / "b" / "broken.png").write_bytes(b"x")
    for _ in range(2):  # decoded, then from the cache
        report = load(folder, on_error="skip").report
        assert report is not None
        assert report.black_white is None
        assert report.pictures == (
            ClassPictures((40, 500), (20, 700), {"L": 1, "RGB": 2}),  # turned upright
            ClassPictures((9, 9), (8, 8), {"P": 1}),
        )


def test_one_of_each_in_a_folder(write: Write, load: Load) -> None:
    """The record of decoding is judged."""
    gray = {
        f"{name}/{i}.png": Image.fromarray(noise((16, 16), ord(name) * 99 + i))
        for name in "ab"
        for i in range(20)
    }
    colour = Image.fromarray(noise((16, 16, 3)))
    small = Image.fromarray(noise((7, 9)))
    folder = write(
        {**gray, "a/colour.png": colour, "a/plain.png": Image.new("L", (16, 16), 9), "b/small.png": small}
    )
    plain, enlarged, in_colour = load(folder).warnings
    assert "1 of 43 images (2.3%) is of one colour" in plain
    assert "plain.png" in plain
    assert "1 of 43 images (2.3%) is enlarged" in enlarged
    assert "small.png" in enlarged
    assert "1 of 43 images (2.3%) is in colour" in in_colour
    assert "colour.png" in in_colour
    assert len(load(folder, channels=1).warnings) == 2
    assert len(load(folder, channels=3).warnings) == 2


def test_marks_of_generated_pictures(write: Write, tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    from acgan.data.decoding.decode import SEEN, decode_rows
    from acgan.data.sources.files import FileReader
    from acgan.marks import GENERATED_MARK

    mark = PngInfo()
    mark.add_text(GENERATED_MARK, "made by a generator")
    Image.new("L", (16, 16)).save(tmp_path / "a.png", pnginfo=mark)
    Image.new("L", (16, 16)).save(tmp_path / "b.png")
    reader = FileReader([tmp_path / "a.png", tmp_path / "b.png"])
    seen = np.zeros(2, dtype=SEEN)
    decode_rows(
        reader,
        np.arange(2),
        np.zeros((2, 1, 16, 16), np.uint8),
        seen,
        Target(16, 1, "crop", False),
        threads=1,
        progress=None,
    )
    assert seen["generated"].tolist() == [True, False]


# ---------------------------------------------------------------- data that people have


def test_no_warning_on_data_in_order(load: Load) -> None:
    """Those of MNIST and CIFAR-10 are in ``test_data_shared.py``."""
    assert load("digits").warnings == ()
