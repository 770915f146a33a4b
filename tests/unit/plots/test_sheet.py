"""Contact sheets: where pictures stand, how large, with which frame, and which names."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from acgan.plots.sheet import sheet_picture
from acgan.plots.style import to_png

_LEFT, _HEAD, _ROW = 128 + 24, 28, 128 + 20


def _noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def _figure(
    *images: np.ndarray,
    size: tuple[int, int] = (64, 32),
    frame: tuple[float, float, float] = (16, 0, 32),
    names: list[str] | None = None,
    remark: str = "",
) -> Figure:
    count = len(images)
    originals = [_noise((size[1], size[0], 3), seed=seed) for seed in range(count)]
    names = names or [f"class {row}" for row in range(count)]
    return sheet_picture(names, originals, [size] * count, [frame] * count, list(images), remark)


def _canvas(figure: Figure) -> np.ndarray:
    return np.asarray(figure.axes[0].images[0].get_array())


@pytest.mark.parametrize(
    ("side", "shown"), [(8, 128), (28, 112), (48, 96), (128, 128), (192, 96), (256, 128)]
)
def test_images_are_enlarged_and_reduced_by_whole_factors(side: int, shown: int) -> None:
    images = _noise((3, 1, side, side))
    canvas = _canvas(_figure(images, images[:1]))
    top = _HEAD + (128 - shown) // 2
    for number in range(3):
        left = _LEFT + number * (shown + 6)
        tile = canvas[top : top + shown, left : left + shown].astype(int)
        if side <= 128:
            factor = shown // side
            assert (tile == np.kron(images[number, 0], np.ones((factor, factor)))[..., None]).all()
        else:
            mean = images[number, 0].reshape(shown, side // shown, shown, side // shown).mean((1, 3))
            assert np.abs(tile - mean[..., None]).max() <= 1
    second = canvas[_HEAD + _ROW :, _LEFT + shown + 6 :]
    assert (second == 255).all(), "the second class has one image"


def test_an_original_keeps_its_shape_and_has_its_frame() -> None:
    figure = _figure(_noise((1, 3, 32, 32)))
    original = _noise((32, 64, 3))
    tile = _canvas(figure)[_HEAD : _HEAD + 128, :128]
    assert (tile[32:96] == original.repeat(2, axis=0).repeat(2, axis=1)).all()
    assert (tile[:32] == 255).all()
    squares = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert [square.get_bbox().bounds for square in squares] == [(32, _HEAD + 32, 64, 64)] * 2


def test_a_frame_may_be_larger_than_the_picture() -> None:
    figure = _figure(_noise((1, 3, 32, 32)), size=(64, 32), frame=(0, -16, 64))
    square = figure.axes[0].patches[0]
    assert isinstance(square, Rectangle)
    assert square.get_bbox().bounds == (0, _HEAD, 128, 128)


def test_a_large_original_is_given_small() -> None:
    images = [_noise((1, 1, 16, 16))]
    figure = sheet_picture(
        ["a"], [np.zeros((128, 256, 3), np.uint8)], [(4000, 2000)], [(1000, 0, 2000)], images
    )
    square = figure.axes[0].patches[0]
    assert isinstance(square, Rectangle)
    assert square.get_bbox().bounds == pytest.approx((32, _HEAD + 32, 64, 64))
    assert "4000 x 2000" in [text.get_text() for text in figure.axes[0].texts]


def test_names_take_several_lines_and_are_cut() -> None:
    names = ["cat", "one two three four five six seven", "y" * 1000]
    figure = _figure(*[_noise((1, 1, 16, 16))] * 3, names=names, remark="the first 3 of 9 classes")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "cat" in texts
    assert "one two three four five six\nseven" in texts
    cut = next(text for text in texts if text.startswith("yy"))
    assert cut.count("\n") == 3
    assert cut.endswith("…")
    assert "the first 3 of 9 classes" in texts


def test_pairs_stand_below_each_other_at_the_end() -> None:
    held_out, train = _noise((3, 1, 64, 64), seed=1), _noise((3, 1, 64, 64), seed=2)
    images = [_noise((1, 1, 64, 64))]
    original = np.zeros((64, 64, 3), np.uint8)
    figure = sheet_picture(["a"], [original], [(64, 64)], [(0, 0, 64)], images, alike=(held_out, train))
    canvas = _canvas(figure)
    top = 2 * _HEAD + _ROW
    for place, part in ((top, held_out), (top + 128 + 6, train)):
        for column in range(3):
            left = _LEFT + column * (128 + 6)
            tile = canvas[place : place + 128, left : left + 128, 0]
            assert (tile == np.kron(part[column, 0], np.ones((2, 2)))).all()
    assert {"held out", "training"} <= {text.get_text() for text in figure.axes[0].texts}


def test_the_file_is_a_png_with_the_same_bytes() -> None:
    first, second = (to_png(_figure(_noise((2, 3, 16, 16)), names=["$a [b]"])) for _ in range(2))
    assert first == second
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.width > _LEFT + 2 * 128
        assert picture.height > _HEAD + _ROW


def test_without_classes_there_is_no_sheet() -> None:
    with pytest.raises(ValueError, match="one or more names"):
        sheet_picture([], [], [], [], [])
