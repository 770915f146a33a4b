"""Pictures of pairs: where the images stand, how large, in which order, and the distances below them."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from acgan.plots.pairs import Pairs, pairs_picture
from acgan.plots.style import to_png


def _noise(number: int, shape: tuple[int, int, int] = (3, 16, 16), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=(number, *shape), dtype=np.uint8)


def _four(number: int, held_out: int, shape: tuple[int, int, int] = (3, 16, 16)) -> list[np.ndarray]:
    return [_noise(count, shape, seed) for seed, count in enumerate((number, number, held_out, held_out))]


def _figure(images: list[np.ndarray], distances: np.ndarray, held_out_distances: np.ndarray) -> Figure:
    return pairs_picture(
        [
            Pairs("samples: the nearest", "sample", images[0], images[1], distances),
            Pairs("held-out images: the nearest", "held out", images[2], images[3], held_out_distances),
        ]
    )


def _texts(figure: Figure) -> dict[str, tuple[float, float]]:
    return {text.get_text(): text.get_position() for text in figure.axes[0].texts}


@pytest.mark.parametrize(
    ("shape", "factor"),
    [
        ((1, 8, 8), 12),
        ((3, 28, 28), 3),
        ((3, 48, 32), 2),
        ((1, 50, 50), 1),
        ((3, 64, 64), 1),
        ((3, 128, 99), 1),
    ],
)
def test_every_pixel_becomes_a_square(shape: tuple[int, int, int], factor: int) -> None:
    images = _four(12, 5, shape)
    figure = _figure(images, np.arange(12), np.arange(5))
    with Image.open(io.BytesIO(to_png(figure))) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    height, width = (factor * side for side in shape[1:])
    places = [image.get_extent() for image in figure.axes[0].images]
    in_order = [
        image
        for own, other in (images[:2], images[2:])
        for pair in zip(own, other, strict=True)
        for image in pair
    ]
    first = np.kron(in_order[0], np.ones((factor, factor))).transpose(1, 2, 0)
    corner = next(
        (top, left)
        for top in range(20, 80)
        for left in range(60, 200)
        if (pixels[top : top + height, left : left + width] == first).all()
    )
    for image, (left, right, bottom, top) in zip(in_order, places, strict=True):
        assert (right - left, bottom - top) == (width, height)
        expected = np.broadcast_to(
            np.kron(image, np.ones((factor, factor))).transpose(1, 2, 0), (height, width, 3)
        )
        y, x = int(corner[0] + top - places[0][3]), int(corner[1] + left)
        np.testing.assert_array_equal(pixels[y : y + height, x : x + width], expected)


def test_the_twelve_nearest_stand_above_their_training_images_from_the_left() -> None:
    images, distances = _four(20, 3), np.random.default_rng(0).permutation(20) + 1.0
    figure = _figure(images, distances, np.array([0.3, 0.125, 0.25]))
    drawn = figure.axes[0].images
    order = distances.argsort()[:12]
    expected = [image for index in order for image in (images[0][index], images[1][index])]
    expected += [image for index in (1, 2, 0) for image in (images[2][index], images[3][index])]
    for artist, image in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(artist.get_array(), image.transpose(1, 2, 0))
    boxes = [artist.get_extent() for artist in drawn]
    assert all(own[:2] == other[:2] for own, other in zip(boxes[::2], boxes[1::2], strict=True))
    assert all(own[2] < other[3] for own, other in zip(boxes[::2], boxes[1::2], strict=True))
    assert [box[0] for box in boxes[:24:2]] == [108 * column for column in range(12)]
    texts = _texts(figure)
    for text, pair in (("1.00", 0), ("12.0", 11), ("0.125", 12), ("0.300", 14)):  # three digits of each
        left, right, bottom, _ = boxes[2 * pair + 1]
        x, y = texts[text]
        assert left < x < right
        assert bottom < y < bottom + 30


def test_bands_and_rows_are_named_and_stand_within_the_picture() -> None:
    figure = _figure(_four(1, 1), np.ones(1), np.ones(1))
    assert {"samples: the nearest", "held-out images: the nearest"} | {
        "sample",
        "held out",
        "training",
        "distance",
    } <= _texts(figure).keys()
    with Image.open(io.BytesIO(to_png(figure))) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels[18:-18, 18:-18].sum() - pixels.sum() == 255 * (pixels[18:-18, 18:-18].size - pixels.size)


def test_extreme_distances_can_be_written() -> None:
    figure = _figure(_four(4, 1), np.array([0.0, 1e-9, 1.234e-5, 1e12]), np.ones(1))
    assert {"0.00", "1.00e-09", "1.23e-05", "1.00e+12"} <= _texts(figure).keys()


def test_what_does_not_fit_is_refused() -> None:
    samples, nearest, held_out, held_out_nearest = _four(3, 2)
    good = {
        "title": "samples",
        "name": "sample",
        "images": samples,
        "nearest": nearest,
        "distances": np.ones(3),
    }
    other = Pairs("held-out images", "held out", held_out, held_out_nearest, np.ones(2))
    pairs_picture([Pairs(**good), other])
    empty = {"images": samples[:0], "nearest": nearest[:0], "distances": np.ones(0)}
    wrong = [
        ({"nearest": nearest[:2]}, "samples: expected images"),
        ({"distances": np.ones(2)}, "samples: expected images"),
        (empty, "samples: expected images"),
        ({"images": samples[:, :2], "nearest": nearest[:, :2]}, "samples: expected images"),
        ({"images": samples[0], "nearest": nearest[0]}, "samples: expected images"),
        ({"images": samples[:, :1], "nearest": nearest[:, :1]}, "expected images of one size"),
    ]
    for change, message in wrong:
        with pytest.raises(ValueError, match=message):
            pairs_picture([Pairs(**{**good, **change}), other])
