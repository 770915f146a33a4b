"""Every kind of image becomes the right uint8 square."""

import functools
import io
import warnings
import zipfile

import numpy as np
import pytest
from data_helpers import noise, picture, values, zip_folder
from PIL import Image

from acgan.data import pack
from acgan.data.decoding.decode import Target, decode, measure_images
from acgan.data.decoding.pixels import fit_image, flatten
from acgan.errors import DataError


@pytest.fixture
def load(load):
    """One class, alone in its folder, is read as such."""
    return functools.partial(load, layout="classes")


def reopened(image, kind="PNG", **options):
    """The image as a file of some kind gives it back."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    buffer.seek(0)
    return Image.open(buffer)


def palette(transparency=None):
    image = Image.new("P", (16, 16), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    return reopened(image, "PNG", **({} if transparency is None else {"transparency": transparency}))


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("L", (16, 16), 77), (77, 77, 77)),
        (Image.new("RGB", (16, 16), (10, 20, 30)), (10, 20, 30)),
        (Image.new("RGBA", (16, 16), (10, 20, 30, 255)), (10, 20, 30)),
        (Image.new("RGBA", (16, 16), (10, 20, 30, 0)), (255, 255, 255)),
        (Image.new("RGBA", (16, 16), (0, 100, 200, 51)), (204, 224, 244)),
        (Image.new("LA", (16, 16), (50, 0)), (255, 255, 255)),
        (Image.new("LA", (16, 16), (50, 255)), (50, 50, 50)),
        (palette(), (200, 100, 50)),
        (palette(transparency=1), (255, 255, 255)),
        (Image.new("CMYK", (16, 16), (255, 0, 0, 0)), (0, 255, 255)),
        (Image.new("1", (16, 16), 1), (255, 255, 255)),
        (Image.new("1", (16, 16), 0), (0, 0, 0)),
        (reopened(Image.fromarray(np.full((16, 16), 65535, np.uint16))), (255, 255, 255)),
        (reopened(Image.fromarray(np.full((16, 16), 32896, np.uint16))), (128, 128, 128)),
        (reopened(Image.fromarray(np.full((16, 16), 25829, np.uint16))), (101, 101, 101)),  # rounded: 100.502
        (Image.fromarray(np.full((16, 16), 25700, np.int32)), (100, 100, 100)),
        (reopened(Image.new("L", (16, 16), 9), transparency=9), (255, 255, 255)),
    ],
)
def test_modes(image, colour):
    out = np.broadcast_to(decode(image.copy(), Target(16, 3, "crop", False)), (3, 16, 16))
    assert out.dtype == np.uint8
    assert out.reshape(3, -1).T.tolist() == [list(colour)] * 256
    gray = decode(image.copy(), Target(16, 1, "crop", False))
    assert gray.shape == (1, 16, 16)
    luma = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    assert abs(int(gray[0, 0, 0]) - luma) <= 1


@pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff", "ppm", "pgm"])
def test_endings(write, load, ending):
    folder = write({f"k/a.{ending}": 100})
    assert abs(int(load(folder).train.images[0, 0, 8, 8]) - 100) <= 1


def test_first_frame_of_an_animation(tmp_path, load):
    (tmp_path / "set" / "k").mkdir(parents=True)
    picture(10).save(tmp_path / "set/k/a.gif", save_all=True, append_images=[picture(200)])
    assert load(tmp_path / "set").train.images.max() == 10


def test_exif_orientation_is_applied():
    image = Image.new("L", (20, 20), 0)
    image.paste(255, (0, 0, 20, 10))  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: white on the right
    out = decode(reopened(image, "JPEG", exif=exif), Target(16, 1, "crop", False))
    assert out[0, :, 12:].min() > 240
    assert out[0, :, :4].max() < 15


def test_damaged_exif_does_not_break_an_image():
    image = reopened(Image.new("L", (16, 16), 5), "PNG", exif=b"garbage garbage")
    assert decode(image, Target(16, 1, "crop", False)).max() == 5


def test_large_jpeg_is_decoded_at_a_fraction_and_looks_the_same():
    ramp = np.linspace(0, 255, 1024).astype(np.uint8)
    image = Image.fromarray(np.broadcast_to(ramp, (1024, 1024)).copy())
    reduced, _ = flatten(reopened(image, "JPEG", quality=95), 16)
    assert reduced.size == (32 * 4, 32 * 4)  # 1/8, the smallest that libjpeg has
    small = decode(reopened(image, "JPEG", quality=95), Target(16, 1, "crop", False))
    exact = decode(image, Target(16, 1, "crop", False))
    assert np.abs(small.astype(int) - exact).max() <= 2


def test_crop_keeps_the_centre():
    pixels = np.zeros((32, 96), np.uint8)
    pixels[:, 32:64] = 200
    assert fit_image(Image.fromarray(pixels), 32, "crop").min() == 200
    scaled = fit_image(Image.fromarray(pixels), 16, "crop")
    assert scaled.shape == (16, 16)
    assert scaled[:, 2:-2].min() >= 195


def test_crop_antialiases():
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    assert np.abs(fit_image(Image.fromarray(checks), 16, "crop").astype(int) - 127).max() < 20


def test_pad_shrinks_only_what_is_too_large():
    pixels = np.full((8, 12), 50, np.uint8)
    pixels[2:6, 2:10] = 250
    padded = fit_image(Image.fromarray(pixels), 16, "pad")
    assert (padded[4:12, 2:14] == pixels).all()
    padded[4:12, 2:14] = 50
    assert (padded == 50).all()
    odd = fit_image(
        Image.fromarray(np.full((13, 11), 50, np.uint8) + np.eye(13, 11, dtype=np.uint8)), 16, "pad"
    )
    assert np.argwhere(odd != 50)[0].tolist() == [
        1,
        2,
    ]  # the smaller half of the border is above and on the left
    wide = fit_image(Image.new("RGB", (64, 32), (1, 2, 3)), 16, "pad")
    assert wide.shape == (16, 16, 3)
    assert (wide == [1, 2, 3]).all()


def test_pad_colour_is_the_median_of_the_border():
    pixels = np.full((10, 10), 30, np.uint8)
    pixels[0, :6] = 255  # fewer than half of the 36 border pixels
    pixels[2:8, 2:8] = 99
    assert fit_image(Image.fromarray(pixels), 16, "pad")[0, 0] == 30


@pytest.mark.parametrize("size", [(1, 1), (300, 1), (1, 300), (17, 16)])
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_odd_sizes(size, fit):
    assert (fit_image(Image.new("L", size, 40), 16, fit) == 40).all()


class Sizes:
    """A reader of images of given sizes; None is a broken one."""

    def __init__(self, sizes):
        self.sizes = sizes

    def read(self, row):
        if self.sizes[row] is None:
            raise OSError("broken")
        return Image.new("L", self.sizes[row])

    def name(self, row):
        return str(row)


@pytest.mark.parametrize(
    ("side", "resolution"),
    [(8, 16), (1, 16), (28, 32), (32, 32), (37, 32), (64, 64), (72, 64), (100, 128), (300, 256), (500, 256)],
)
def test_resolution_from_the_median_short_side(side, resolution):
    sizes = [(side, side + 9), (4000, side), (3, 3), (900, 900), (side, side), None]
    assert measure_images(Sizes(sizes), np.arange(6), None)[0] == resolution


def test_sets_of_28_are_padded_by_both_fits(write, load):
    pixels = noise((28, 28))
    pixels[[0, -1]] = 0
    pixels[:, [0, -1]] = 0
    folder = write({"k/a.png": Image.fromarray(pixels)})
    for fit in ("crop", "pad"):
        for resolution in (32, None):
            data = load(folder, resolution=resolution, fit=fit)
            assert (data.train.images[0, 0, 2:30, 2:30] == pixels).all()
            assert data.train.images[0].sum() == pixels.sum()
            assert any("28 x 28 are padded" in note for note in data.notes)
    assert load(folder, resolution=64).train.resolution == 64


def test_mixed_sets_are_not_padded():
    for sizes in ([(28, 28), (30, 28)], [(28, 28), (28, 27)]):
        assert measure_images(Sizes(sizes), np.arange(2), 32) == (32, False, ())
        assert not measure_images(Sizes(sizes), np.arange(2), None)[1]
    assert measure_images(Sizes([(28, 28), None]), np.arange(2), 32)[1]


def test_channels_are_inferred(write, load):
    gray = {"k/a.png": 10, "k/b.png": Image.new("RGB", (16, 16), (20, 20, 20))}
    data = load(write(gray, "gray"))
    assert data.train.channels == 1
    assert values(data.train) == [("k", 10), ("k", 20)]
    colour = load(write({**gray, "k/c.png": Image.new("RGB", (16, 16), (20, 20, 21))}, "colour"))
    assert colour.train.channels == 3
    assert colour.train.images[2, :, 0, 0].tolist() == [20, 20, 21]
    assert load(write(gray, "gray"), channels=3).train.images[0].max() == 10
    assert load(write({"k/c.png": Image.new("RGB", (16, 16), "red")}, "red"), channels=1).train.channels == 1


def truncated(path):
    path.write_bytes(path.read_bytes()[:-200])


@pytest.fixture
def damaged(write):
    folder = write(
        {"cats/good.png": 1, "dogs/good.png": 2, "cats/not.png": b"no image", "cats/zero.png": b""}
    )
    Image.fromarray(noise((40, 40))).save(folder / "dogs" / "cut.jpg")
    truncated(folder / "dogs" / "cut.jpg")
    return folder


def test_broken_images_stop(damaged, load):
    with pytest.raises(DataError) as told:
        load(damaged)
    first, *named, last = str(told.value).splitlines()
    assert first == "3 of 5 images cannot be decoded:"
    reasons = (
        "cats/not.png: it is empty or not",
        "cats/zero.png: it is empty",
        "dogs/cut.jpg: image file is truncated",
    )
    assert len(named) == len(reasons)
    assert all(reason in line for reason, line in zip(reasons, named, strict=True))
    assert last == "Replace or remove them, or pass over such images with --set data.on_error=skip."
    (damaged / "cats/not.png").unlink()
    (damaged / "cats/zero.png").unlink()
    with pytest.raises(DataError, match=r"dogs.cut\.jpg cannot be decoded: .*truncated"):
        load(damaged)


def test_of_many_broken_images_the_first_are_named_and_all_counted(write, load, monkeypatch):
    monkeypatch.setattr(pack, "DECODED_BYTES", 5 * 3 * 16 * 16)  # in several parts
    pictures = {f"a/{number:03}.png": b"x" for number in range(90)} | {
        f"b/{number}.png": 9 for number in range(90)
    }
    with pytest.raises(DataError) as told:
        load(write({**pictures, "b/x.dcm.png": b"x"}))
    lines = str(told.value).splitlines()
    assert lines[0] == "91 of 181 images cannot be decoded:"
    assert [line.split(":")[0][-7:] for line in lines[1:21]] == [f"{number:03}.png" for number in range(20)]
    assert lines[21] == "  and 71 more"


def test_broken_images_are_skipped_and_listed(damaged, load):
    for _ in range(2):  # decoded, then from the cache
        data = load(damaged, on_error="skip")
        assert values(data.train) == [("cats", 1), ("dogs", 2)]
        assert [image.path for image in data.skipped] == [
            str(damaged / name) for name in ("cats/not.png", "cats/zero.png", "dogs/cut.jpg")
        ]
        assert "truncated" in data.skipped[2].reason
        assert any("3 images could not be decoded" in note for note in data.notes)


def test_class_that_is_broken_altogether(write, load):
    with pytest.raises(DataError, match=r"No image of dogs could be decoded \(1 image was passed over\)"):
        load(write({"cats/a.png": 1, "dogs/a.png": b"x"}), on_error="skip")


def test_broken_image_in_a_zip(tmp_path, load):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("cats/a.png", b"x")
    with pytest.raises(DataError, match=r"z\.zip!/cats/a\.png cannot be decoded"):
        load(tmp_path / "z.zip")


def test_decompression_bomb(write, load, monkeypatch):
    folder = write({"k/a.png": 1, "k/b.png": picture(1, (30, 30))})
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600)  # 900 pixels: Pillow itself would only warn
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"b\.png cannot be decoded: .*decompression bomb"):
            load(folder)
        assert len(load(folder, on_error="skip").skipped) == 1


def test_floating_point_image(write, load):
    folder = write({"k/a.tif": Image.fromarray(np.zeros((16, 16), np.float32))})
    with pytest.raises(DataError, match="floating-point"):
        load(folder)


def test_progress_reaches_the_total(write, load):
    seen = []
    load(
        write({f"k/{i}.png": i for i in range(150)}), progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (150, 150)
    assert seen == sorted(set(seen))
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("changes", "option"), [({}, "--set data.on_error=skip"), ({"skip_with": "--x"}, "--x")]
)
def test_the_error_names_the_option_of_the_command(write, load, changes, option):
    with pytest.raises(DataError, match=rf"Replace or remove it, or pass over such images with {option}\.$"):
        load(write({"cat/a.png": b"x", "dog/a.png": 1}), **changes)


def test_pointers_of_git_lfs(write, load):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    folder = write({"cat/a.png": pointer, "dog/a.png": 1})
    for source in (folder, zip_folder(folder)):
        with pytest.raises(DataError, match=r"a pointer of Git LFS.*run `git lfs pull`"):
            load(source)


def test_an_encrypted_zip(write, load):
    file = zip_folder(write({"cat/a.png": 1, "dog/a.png": 1}))
    content = bytearray(file.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # bit 0 of the flags of each member
        at = content.find(mark)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(mark, at + 1)
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png: it is encrypted, .* password\. Unpack") as error:
        load(file)
    assert "ZipInfo" not in str(error.value)


def test_one_image_that_was_passed_over(write, load):
    data = load(write({"cat/a.png": 1, "cat/b.png": b"x", "dog/a.png": 1}), on_error="skip")
    assert "1 image could not be decoded and was passed over" in data.notes
