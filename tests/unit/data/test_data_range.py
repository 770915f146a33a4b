"""Images with more than 8 bits a channel: black and white, and what is said about them."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_helpers import noise, picture
from PIL import Image

from acgan.config import RunConfig, load
from acgan.config.recipes import find_recipe
from acgan.data import read_images
from acgan.data.decoding.decode import Target, decode
from acgan.errors import ConfigError, DataError
from acgan.types import Dataset

Load = Callable[..., Dataset]
Write = Callable[..., Path]


@pytest.fixture
def read(load: Load) -> Load:
    return lambda folder, **changes: load(folder, layout="classes", **changes)


def deep(low: float, high: float, dtype: Any = np.uint16, size: int = 16) -> Image.Image:
    """A ramp of values from left to right."""
    return Image.fromarray(np.broadcast_to(np.linspace(low, high, size).astype(dtype), (size, size)).copy())


def about(data: Dataset, word: str) -> list[str]:
    return [warning for warning in data.warnings if word in warning]


def signed_tiff(low: int, high: int) -> bytes:
    """A signed 16-bit TIFF, which Pillow reads and does not write: an unsigned one with its sample format set."""
    values = np.broadcast_to(np.linspace(low, high, 16).astype(np.int16), (16, 16)).copy()
    buffer = BytesIO()
    Image.fromarray(values.view(np.uint16)).save(buffer, "TIFF", tiffinfo={339: 2})
    return buffer.getvalue()


# ---------------------------------------------------------------- values to bytes


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_the_full_range_as_a_pair_is_the_full_range(dtype: Any) -> None:
    image = Image.fromarray(np.arange(65536, dtype=dtype).reshape(256, 256))
    full, pair = (
        decode(image.copy(), Target(256, 1, "crop", False, range_)) for range_ in (None, (0, 65535))
    )
    assert (full == pair).all()
    assert (full[0].ravel() == np.rint(np.arange(65536) / 257)).all()


@pytest.mark.parametrize(
    ("black_white", "dtype", "values", "expected"),
    [
        ((0, 4095), np.uint16, [0, 1, 2048, 4095, 5000], [0, 0, 128, 255, 255]),
        ((-1024, 3071), np.int32, [-2000, -1024, 0, 3071, 4000], [0, 0, 64, 255, 255]),
        ((0, 1), np.float32, [-0.5, 0, 0.5, 1, 2], [0, 0, 128, 255, 255]),
        ((0.25, 0.75), np.float32, [0.25, 0.5, 0.75, 1, 0], [0, 128, 255, 255, 0]),
    ],
)
def test_black_and_white(
    black_white: tuple[float, float], dtype: Any, values: list[float], expected: list[int]
) -> None:
    image = Image.fromarray(np.array([values] * 5, dtype=dtype))
    assert decode(image, Target(5, 1, "crop", False, black_white))[0, 0].tolist() == expected


def test_images_of_8_bits_keep_their_values() -> None:
    pixels = noise((16, 16))
    assert (decode(Image.fromarray(pixels), Target(16, 1, "crop", False, (0, 9)))[0] == pixels).all()


# ---------------------------------------------------------------- the whole data set


def test_auto_takes_the_ends_of_the_whole_data_set(write: Write, read: Load) -> None:
    folder = write({"k/a.png": deep(1000, 2000), "k/b.png": deep(1500, 3000), "k/c.png": picture(7)})
    data = read(folder, range="auto")
    assert data.train.images[0, 0, 0, [0, -1]].tolist() == [0, 128]  # 1000 of 2000: 127.5
    assert data.train.images[1, 0, 0, [0, -1]].tolist() == [64, 255]
    assert data.train.images[2].max() == 7
    assert any("black is 1,000 and white is 3,000" in note and "2 images" in note for note in data.notes)
    assert data.report is not None
    assert data.report.black_white == (1000, 3000)
    assert read(folder, range="auto").report == data.report  # from the cache
    assert not about(data, "8 bits")


def test_auto_of_floating_point_images(write: Write, read: Load) -> None:
    folder = write({"k/a.tif": deep(-1, 0, np.float32), "k/b.tif": deep(0, 1, np.float32)})
    data = read(folder, range="auto")
    assert data.train.images[:, 0, 0, [0, -1]].tolist() == [[0, 128], [128, 255]]


def test_auto_of_one_value(write: Write, read: Load) -> None:
    assert read(write({"k/a.png": deep(500, 500)}), range="auto").train.images.max() == 0


def test_auto_passes_over_broken_images(write: Write, read: Load) -> None:
    folder = write({"k/a.png": deep(0, 100), "k/b.png": b"broken"})
    assert read(folder, range="auto", on_error="skip").train.images.max() == 255
    with pytest.raises(DataError, match="cannot be decoded"):
        read(folder, range="auto")


def test_progress_of_two_passes(write: Write, load: Load) -> None:
    seen: list[tuple[int, int]] = []
    folder = write({f"k/{i}.png": deep(i, 500) for i in range(70)})
    load(folder, progress=lambda done, total: seen.append((done, total)), layout="classes", range="auto")
    assert seen == [(64, 140), (70, 140), (134, 140), (140, 140)]


def test_floating_point_images_have_no_full_range(write: Write, read: Load) -> None:
    folder = write({"k/a.tif": deep(0, 1, np.float32)})
    with pytest.raises(DataError, match=r"floating-point.*--set data\.range=auto"):
        read(folder)
    with pytest.raises(DataError, match=r"infinite or not a number"):
        read(write({"k/a.tif": deep(0, np.nan, np.float32)}, "nan"), range="auto")


# ---------------------------------------------------------------- warnings


@pytest.mark.parametrize("range_", ["full", (0.0, 65535.0)])
def test_12_bits_in_16(write: Write, read: Load, range_: Any) -> None:
    (warning,) = read(write({"k/a.png": deep(0, 4095), "k/b.png": deep(9, 4000)}), range=range_).warnings
    assert "The 2 images with more than 8 bits a channel use values from 0 to 4,095 only, 6.2% of" in warning
    assert "--set data.range=auto" in warning
    assert '--set "data.range=[0,4095]"' in warning


@pytest.mark.parametrize("range_", ["auto", (0.0, 4095.0)])
def test_a_range_that_mends_it(write: Write, read: Load, range_: Any) -> None:
    data = read(write({"k/a.png": deep(0, 4095), "k/b.png": deep(9, 4000)}), range=range_)
    assert data.warnings == ()
    assert data.train.images.max() == 255


def test_signed_values(write: Write, read: Load) -> None:
    folder = write({"k/a.tif": signed_tiff(-1024, 3071), "k/b.tif": signed_tiff(0, 100)})
    data = read(folder)
    (cut,) = about(data, "cuts off")
    assert (
        "1 of 2 images (50%) with more than 8 bits a channel has values that data.range=full cuts off" in cut
    )
    assert "below 0" in cut
    assert "above" not in cut
    assert "from -1,024 to 3,071" in cut
    assert "a.tif" in cut
    assert '--set "data.range=[-1024,3071]"' in cut
    assert about(data, "use values")
    mended = read(folder, range=(-1024.0, 3071.0))
    assert not about(mended, "cuts off")
    assert mended.train.images[0, 0, 0, [0, -1]].tolist() == [0, 255]


def test_values_above_16_bits(write: Write, read: Load) -> None:
    (cut,) = about(read(write({"k/a.tif": deep(0, 80_000, np.int32)})), "cuts off")
    assert "The only image with more than 8 bits a channel has values" in cut
    assert "above 65,535" in cut


def test_a_chosen_range_that_cuts_off(write: Write, read: Load) -> None:
    folder = write({"k/a.png": deep(0, 1500), "k/b.png": deep(0, 700)})
    (cut,) = read(folder, range=(100.0, 1000.0)).warnings
    assert "All 2 images" in cut
    assert "data.range=[100,1000]" in cut
    assert "of the pixels were below 100 and 16% of the pixels were above 1,000" in cut
    few = deep(0, 1000)
    few.putpixel((0, 0), 1001)
    data = read(write({"k/a.png": few}, "few"), range=(0.0, 1000.0))  # a remark, as one pixel of 256 is cut
    assert data.warnings == ()
    assert any("0.39% of the pixels were above 1,000" in note for note in data.notes)


def test_a_few_images_do_not_set_the_range(write: Write, read: Load) -> None:
    folder = write({"k/a.png": deep(0, 65535), **{f"k/{i}.png": deep(0, 2000 + i) for i in range(40)}})
    (warning,) = read(folder, range="auto").warnings
    assert "Most of the 41 images" in warning
    assert "from 0 to 2,038 only" in warning
    assert '--set "data.range=[0,2038]"' in warning
    assert "range=auto" not in warning


def test_a_range_that_nothing_uses(write: Write, read: Load) -> None:
    folder = write({"k/a.png": Image.fromarray(noise((16, 16)))})
    assert read(folder).warnings == ()
    (warning,) = read(folder, range=(0.0, 4095.0)).warnings
    assert "data.range=[0,4095] changes nothing: no image has more than 8 bits" in warning
    auto = read(folder, range="auto")
    assert auto.warnings == ()
    assert any("changes nothing" in note for note in auto.notes)


def test_16_bits_that_use_their_range(write: Write, read: Load) -> None:
    assert read(write({"k/a.png": deep(0, 40_000), "k/b.png": deep(900, 65_000)})).warnings == ()


def test_colour_of_16_bits_is_read_with_8(write: Write, read: Load) -> None:
    bright = png(16, 2, np.full((16, 16, 3), 0x8070) + np.arange(16)[:, None])
    dark = png(16, 2, np.full((16, 16, 3), 0x0F70) + 256 * np.arange(2).repeat(8)[:, None])
    assert read(write({"k/a.png": bright}, "bright")).warnings[1:] == ()  # it is of one colour
    (warning,) = about(read(write({"k/a.png": bright}, "bright"), range="auto"), "16 bits a channel")
    assert "data.range does not apply" in warning
    (warning,) = read(write({"k/a.png": dark, "k/b.png": Image.fromarray(noise((16, 16)))}, "dark")).warnings
    assert "1 of 2 images (50%) is in colour with 16 bits a channel" in warning
    assert "reach 16 of 255" in warning


# ---------------------------------------------------------------- transparency


def png(bits: int, colour: int, samples: np.ndarray, transparent: tuple[int, ...] = ()) -> bytes:
    """A PNG by hand: samples (H, W) or (H, W, C) of 1 to 16 bits, and the value of the transparent ones."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    height, width = samples.shape[:2]
    if bits < 8:
        shifts = np.arange(bits - 1, -1, -1)
        in_bits = (samples[..., None] >> shifts & 1).reshape(height, -1).astype(np.uint8)
        rows = [row.tobytes() for row in np.packbits(in_bits, axis=1)]
    else:
        rows = [row.tobytes() for row in samples.astype(">u2" if bits == 16 else "u1")]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    key = chunk(b"tRNS", b"".join(struct.pack(">H", value) for value in transparent)) if transparent else b""
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + key + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("key", [0, 1])
def test_transparent_gray_is_laid_on_white(bits: int, key: int) -> None:
    """The transparent one of the values 0, 1, … becomes white, and no other."""
    highest = 2**bits - 1
    samples = np.tile(np.linspace(0, highest, 2 if bits == 1 else 4).astype(int), (16, 16))[:, :16]
    values = np.unique(samples)
    expected = np.rint(samples / highest * 255)
    plain = decode(Image.open(BytesIO(png(bits, 0, samples))), Target(16, 1, "crop", False))
    assert (plain[0] == expected).all()
    expected[samples == values[key]] = 255
    image = Image.open(BytesIO(png(bits, 0, samples, (int(values[key]),))))
    assert (decode(image, Target(16, 1, "crop", False))[0] == expected).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_transparent_colour_is_laid_on_white(bits: int) -> None:
    scale = 257 if bits == 16 else 1
    samples = np.zeros((16, 16, 3), int)
    samples[:, :8] = np.array([200, 10, 20]) * scale
    image = Image.open(BytesIO(png(bits, 2, samples, tuple(samples[0, 0].tolist()))))
    out = decode(image, Target(16, 3, "crop", False))
    assert (out[:, :, :8] == 255).all()
    assert (out[:, :, 8:] == 0).all()


def test_transparent_values_do_not_count(write: Write, read: Load) -> None:
    samples = np.tile(np.linspace(100, 1000, 16).astype(int), (16, 1))
    samples[0] = 65535
    folder = write({"k/a.png": png(16, 0, samples, (65535,))})
    data = read(folder, range="auto")
    assert data.report is not None
    assert data.report.black_white == (100, 1000)
    assert data.train.images[0, 0, 0].tolist() == [255] * 16
    assert data.train.images[0, 0, 1, [0, -1]].tolist() == [0, 255]
    assert "from 100 to 1,000 only" in read(folder).warnings[0]
    hidden = np.full((16, 16), 7)
    assert (
        read(write({"k/a.png": png(16, 0, hidden, (7,))}, "hidden"), range="auto").train.images.min() == 255
    )


# ---------------------------------------------------------------- other ways in


def test_single_files_take_the_range_too(tmp_path: Path) -> None:
    deep(0, 4095).save(tmp_path / "a.png")
    dark, right = (
        read_images([tmp_path / "a.png"], resolution=16, channels=1, fit="crop", black_white=range_)
        for range_ in (None, (0, 4095))
    )
    assert (dark.max(), right.max()) == (16, 255)


@pytest.mark.parametrize(
    ("text", "found"),
    [("full", "full"), ("auto", "auto"), ("[0,4095]", (0, 4095)), ("[-1024,3071.5]", (-1024, 3071.5))],
)
def test_configured_ranges(text: str, found: Any) -> None:
    assert load(RunConfig, find_recipe("digits", "gan"), [f"data.range={text}"]).data.range == found


@pytest.mark.parametrize(
    "text", ["[4095,0]", "[5,5]", "[1]", "[0,1,2]", "[a,b]", "[true,2]", "8", "all", "null"]
)
def test_ranges_that_are_none(text: str) -> None:
    expected = r"data\.range: found .*; expected (one of full, auto\. Two numbers|black below white)"
    with pytest.raises(ConfigError, match=expected) as error:
        load(RunConfig, find_recipe("digits", "gan"), [f"data.range={text}"])
    assert str(error.value).count("data.range: ") == 1
