"""Pictures of pairs: where the images stand, how large, in which order, and the distances below them."""

import numpy as np
import pytest
from PIL import Image

from acgan.plots import pairs_picture

Box = tuple[int, int, int, int]


def _flat(colours: np.ndarray, side: int = 16) -> np.ndarray:
    """(N, C) -> (N, C, H, W), an image of each colour."""
    return np.broadcast_to(colours[:, :, None, None], (*colours.shape, side, side)).astype(np.uint8)


def _colours(number: int, kind: int) -> np.ndarray:
    """(N, 3): none the same, none that of ink or paper."""
    return np.stack([np.full(number, 200 + kind), 10 * np.arange(number), np.full(number, 9)], axis=1)


def _four(number: int, held_out: int, side: int = 16) -> list[np.ndarray]:
    numbers = (number, number, held_out, held_out)
    return [_flat(_colours(count, kind), side) for kind, count in enumerate(numbers)]


def _drawn(images: list[np.ndarray], distances: np.ndarray, held_out_distances: np.ndarray) -> Image.Image:
    return pairs_picture(images[0], images[1], distances, images[2], images[3], held_out_distances)


def _box(picture: Image.Image, image: np.ndarray) -> Box | None:
    """Left, top, right and bottom (beyond) of a flat image; None where it is not drawn."""
    assert picture.mode == "RGB"
    rows, columns = np.nonzero((np.asarray(picture) == image[:, 0, 0]).all(axis=-1))
    if not len(rows):
        return None
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    assert len(rows) == (box[2] - box[0]) * (box[3] - box[1])  # nothing stands in it
    return box


@pytest.mark.parametrize(
    ("side", "size"),
    [(8, 96), (16, 96), (28, 84), (32, 96), (48, 96), (50, 50), (64, 64), (96, 96), (128, 128)],
)
def test_images_are_enlarged_by_a_whole_factor(side: int, size: int) -> None:
    images = _four(2, 2, side)
    picture = _drawn(images, np.ones(2), np.ones(2))
    for image in np.concatenate(images):
        left, top, right, bottom = _box(picture, image)
        assert (right - left, bottom - top) == (size, size)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_becomes_a_square(channels: int) -> None:
    random = np.random.default_rng(0)
    images = [random.integers(256, size=(1, channels, 16, 16), dtype=np.uint8) for _ in range(4)]
    pixels = np.asarray(_drawn(images, np.ones(1), np.ones(1)))
    places = _four(1, 1)
    place = _drawn(places, np.ones(1), np.ones(1))
    for image, marker in zip(images, places, strict=True):
        left, top, right, bottom = _box(place, marker[0])
        expected = np.broadcast_to(np.kron(image[0], np.ones((6, 6))).transpose(1, 2, 0), (96, 96, 3))
        np.testing.assert_array_equal(pixels[top:bottom, left:right], expected)


def test_the_nearest_stand_above_their_training_images_from_the_left() -> None:
    images = _four(4, 3)
    picture = _drawn(images, np.array([3.0, 1.0, 4.0, 2.0]), np.array([0.3, 0.1, 0.2]))
    orders = ([1, 3, 0, 2], [1, 2, 0])
    bottoms = []
    for (own, nearest), order in zip((images[:2], images[2:]), orders, strict=True):
        upper = [_box(picture, own[index]) for index in order]
        lower = [_box(picture, nearest[index]) for index in order]
        lefts = [box[0] for box in upper]
        assert lefts == [box[0] for box in lower]
        assert len(set(np.diff(lefts))) == 1
        assert lefts[0] + 96 < lefts[1]
        assert len({box[1] for box in upper}) == len({box[1] for box in lower}) == 1
        assert 0 < lower[0][1] - upper[0][3] < lefts[1] - lefts[0] - 96  # a pair stands together
        bottoms += [upper[0][1], lower[0][3]]
    assert bottoms == sorted(bottoms)  # samples first


def test_pairs_may_be_given_in_any_order() -> None:
    images, distances = _four(4, 4), np.array([3.0, 1.0, 4.0, 2.0])
    order = distances.argsort()
    ordered = _drawn([own[order] for own in images], distances[order], distances[order])
    assert _changed(_drawn(images, distances, distances), ordered) is None


def test_there_are_no_more_than_twelve_and_they_are_the_nearest() -> None:
    images = _four(20, 12)
    distances = np.random.default_rng(0).permutation(20) + 1.0
    picture = _drawn(images, distances, np.ones(12))
    for own in images[:2]:
        assert [_box(picture, image) is not None for image in own] == (distances <= 12).tolist()
    assert all(_box(picture, image) is not None for own in images[2:] for image in own)
    assert _drawn(images, distances[::-1], np.ones(12)).size == picture.size


def _changed(one: Image.Image, other: Image.Image) -> Box | None:
    assert one.size == other.size
    rows, columns = np.nonzero((np.asarray(one) != np.asarray(other)).any(axis=-1))
    if not len(rows):
        return None
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize("band", [0, 1])
def test_distances_are_written_below_their_pair(band: int) -> None:
    images, distances = _four(3, 3), [np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2, 0.3])]
    before = _drawn(images, *distances)
    left, _, right, bottom = _box(before, images[2 * band + 1][1])
    distances[band][1] = 0.25
    changed = _changed(before, _drawn(images, *distances))
    assert changed is not None
    assert left < changed[0] < changed[2] < right
    assert bottom < changed[1] < changed[3] < bottom + 30


def test_distances_have_three_digits() -> None:
    images = _four(1, 1)

    def picture(distance: float) -> Image.Image:
        return _drawn(images, np.array([distance]), np.ones(1))

    assert _changed(picture(0.123), picture(0.12345)) is None
    assert _changed(picture(123.0), picture(123.4)) is None
    assert _changed(picture(0.12), picture(0.123)) is not None
    for distance in (0.0, 1e-9, 1.234e-5, 1e12):
        assert _changed(picture(1.0), picture(distance)) is not None


def test_bands_are_titled() -> None:
    images = _four(1, 1)
    picture = np.asarray(_drawn(images, np.ones(1), np.ones(1)))
    boxes = [_box(Image.fromarray(picture), image[0]) for image in images]
    ink = (picture == (31, 41, 55)).all(axis=-1)
    assert ink[: boxes[0][1] - 1].any()
    assert ink[boxes[1][3] + 30 : boxes[2][1] - 1].any()
    assert not ink[:, -20:].any()  # the longer title ends within the margin


def test_the_paper_is_white_to_the_edge() -> None:
    pixels = np.asarray(_drawn(_four(12, 12), np.ones(12), np.ones(12)))
    inner = pixels[18:-18, 18:-18]
    assert (pixels.sum(dtype=np.int64) - inner.sum(dtype=np.int64)) == 255 * (pixels.size - inner.size)
    assert pixels.shape[1] < 1600


def test_the_images_are_left_as_they_were() -> None:
    images, distances = _four(3, 2), np.array([3.0, 1.0, 2.0])
    _drawn(images, distances, np.ones(2))
    assert distances.tolist() == [3.0, 1.0, 2.0]
    for before, after in zip(_four(3, 2), images, strict=True):
        np.testing.assert_array_equal(after, before)


def test_what_does_not_fit_is_refused() -> None:
    samples, nearest, held_out, held_out_nearest = _four(3, 2)
    good = {"samples": samples, "nearest": nearest, "distances": np.ones(3), "held_out": held_out}
    good |= {"held_out_nearest": held_out_nearest, "held_out_distances": np.ones(2)}
    pairs_picture(**good)
    wrong = [
        ({"nearest": nearest[:2]}, "samples: expected images"),
        ({"distances": np.ones(2)}, "samples: expected images"),
        (
            {"samples": samples[:0], "nearest": nearest[:0], "distances": np.ones(0)},
            "samples: expected images",
        ),
        ({"samples": samples[:, :2], "nearest": nearest[:, :2]}, "samples: expected images"),
        ({"samples": samples[0], "nearest": nearest[0]}, "samples: expected images"),
        ({"held_out_nearest": held_out_nearest[:1]}, "held-out images: expected images"),
        (
            {"held_out": held_out[:, :1], "held_out_nearest": held_out_nearest[:, :1]},
            "expected images of one size",
        ),
    ]
    for change, message in wrong:
        with pytest.raises(ValueError, match=message):
            pairs_picture(**{**good, **change})
