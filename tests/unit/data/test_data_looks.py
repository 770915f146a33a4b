"""A few pictures of each class: the right ones, decoded as the networks see them, and the frame that is used."""

import numpy as np
import pytest
from data_helpers import noise, options
from PIL import Image

from acgan.data import load_dataset, look_at_classes


def _looks(source, tmp_path, *, max_classes=10, per_class=3, **changes):
    chosen = options(tmp_path / "cache", **changes)
    data = load_dataset(str(source), chosen)
    looks = look_at_classes(
        str(source),
        chosen,
        data.train,
        black_white=data.report.black_white,
        max_classes=max_classes,
        per_class=per_class,
    )
    return data.train, looks


def test_pictures_of_12_bits_have_the_range_of_the_data(write, tmp_path):
    values = np.random.default_rng(0).integers(0, 4096, (4, 16, 16), dtype=np.uint16)
    folder = write({f"{'ab'[i % 2]}/{i}.png": Image.fromarray(one) for i, one in enumerate(values)})
    store, found = _looks(folder, tmp_path, range="auto")
    assert (found[0].images == store.images[store.labels == 0]).all()
    assert found[0].original.max() > 200


def test_images_are_those_of_the_store(write, tmp_path):
    files = {
        f"{name}/{number}.png": Image.fromarray(noise((20 + number, 17, 3), seed=number + 10 * label))
        for label, name in enumerate(("cats", "dogs"))
        for number in range(7)
    }
    store, looks = _looks(write(files), tmp_path)
    assert [look.name for look in looks] == ["cats", "dogs"]
    for label, look in enumerate(looks):
        own = store.images[store.labels == label]
        found = [next(i for i, image in enumerate(own) if (image == one).all()) for one in look.images]
        assert found[0] == 0
        assert len(set(found)) == 3
        assert (look.original == noise((20, 17, 3), seed=10 * label)).all()
        assert look.size == (17, 20)


@pytest.mark.parametrize(
    ("size", "changes", "frame"),
    [
        ((40, 20), {}, (10, 0, 20)),
        ((20, 40), {}, (0, 10, 20)),
        ((40, 20), {"fit": "pad"}, (0, -10, 40)),
        ((8, 4), {"fit": "pad"}, (-4, -6, 16)),
        ((28, 28), {"resolution": 32}, (-2, -2, 32)),
        ((28, 28), {"resolution": 16}, (0, 0, 28)),
    ],
)
def test_the_frame_is_what_is_used(write, tmp_path, size, changes, frame):
    pixels = noise((size[1], size[0]))
    files = {f"{name}/0.png": Image.fromarray(pixels) for name in "ab"}
    _, [look, _] = _looks(write(files), tmp_path, **changes)
    assert (look.size, look.frame) == (size, frame)
    left, top, side = frame
    if side == look.images.shape[-1]:  # nothing is resampled: the image is a cut of the padded picture
        inner = look.images[0, 0, int(-top) : int(-top) + size[1], int(-left) : int(-left) + size[0]]
        assert (inner == pixels).all()


def test_broken_images_are_passed_over(write, tmp_path):
    files = {f"a/{number}.png": number for number in range(1, 6)} | {"a/0.png": b"broken", "b/0.png": 9}
    _, [look, _] = _looks(write(files), tmp_path, per_class=3, on_error="skip")
    assert len(look.images) == 3
    assert look.images[0, 0, 0, 0] == 1


def test_a_picture_that_lies_is_shown_upright(write, tmp_path):
    pixels = noise((20, 40))
    folder = write({"a/0.png": Image.fromarray(pixels), "b/0.png": 3})
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.fromarray(pixels).save(folder / "a" / "0.png", exif=exif)
    _, [look, _] = _looks(folder, tmp_path)
    assert look.size == (20, 40)
    assert (look.original == np.rot90(pixels, -1)[..., None]).all()


def test_large_pictures_come_small_and_many_classes_are_cut(write, tmp_path):
    files = {f"{name}/0.png": Image.new("RGB", (1000, 500), "red") for name in "abc"}
    _, looks = _looks(write(files), tmp_path, max_classes=2)
    assert [look.name for look in looks] == ["a", "b"]
    assert looks[0].original.shape == (128, 256, 3)
    assert looks[0].size == (1000, 500)
