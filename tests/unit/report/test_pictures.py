"""Strips of images: every pixel is there, and a page keeps its size."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from acgan.report.pictures import StripCounts, drawn_page, strip


def _pixels(uri: str) -> np.ndarray:
    kind, _, content = uri.partition(";base64,")
    assert kind == "data:image/png"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_keep_their_pixels_and_seams_let_the_page_through(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, channels, 8, 8), dtype=np.uint8)
    found = strip(images, "three")
    pixels = _pixels(found.uri)
    assert pixels.shape == (8, 26, channels + 1)
    for number in range(3):
        part = pixels[:, 9 * number : 9 * number + 8]
        assert (part[..., :channels] == images[number].transpose(1, 2, 0)).all()
        assert (part[..., channels] == 255).all()
    assert (pixels[:, [8, 17], channels] == 0).all()
    assert (found.width, found.height, found.count, found.reduced) == (26 * 8, 64, 3, 1)


def test_large_images_are_averaged_down_by_a_whole_factor() -> None:
    image = np.zeros((1, 3, 256, 256), np.uint8)
    image[..., 1::2] = 200
    found = strip(image, "one")
    assert found.reduced == 3
    assert _pixels(found.uri).shape == (86, 86, 4)


@pytest.mark.parametrize("side", [32, 96, 512])
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_all_images_of_a_page_fit(side: int, classes: int) -> None:
    room = StripCounts.fitting(classes, (3, side, side))
    assert room.first >= 2
    noise = np.random.default_rng(0).integers(0, 256, (room.first + room.more, 3, side, side), dtype=np.uint8)
    of_class = len(strip(noise, "").uri)
    assert 2 * room.classes * of_class < 4_200_000


def test_a_large_sheet_becomes_a_jpeg() -> None:
    def png(side: int) -> bytes:
        noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).save(file, "PNG")
        return file.getvalue()

    assert drawn_page(png(32)).startswith("data:image/png;base64,")
    assert drawn_page(png(600)).startswith("data:image/jpeg;base64,")
    assert len(drawn_page(png(600))) < len(png(600))
