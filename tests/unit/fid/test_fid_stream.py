"""Images decoded ahead of an extractor."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from fid_helpers import Means, means_of, noise_pictures, write_pictures
from PIL import Image
from torch import Tensor

from acgan import parallel
from acgan.data.sources.arrays import ArrayReader
from acgan.data.sources.files import FileReader
from acgan.errors import DataError
from acgan.extracting import Extracted
from acgan.fid import stream
from acgan.fid.stream import feature_statistics, stored_batches
from acgan.types import SkippedImage

AT_ONCE = 64


def rgb(image: Image.Image) -> np.ndarray:
    return np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)


def of_folder(folder: Path) -> tuple[FileReader, np.ndarray]:
    files = sorted(folder.iterdir())
    return FileReader(files), np.arange(len(files))


def test_every_image_comes_once_in_batches_of_one_size(tmp_path: Path) -> None:
    pictures = noise_pictures(301, sides=(8, 8, 8, 5, 12))
    reader, rows = of_folder(write_pictures(tmp_path, pictures, "{:03}.png"))
    batches = list(stored_batches(reader, rows, rgb, AT_ONCE))
    assert all(1 <= len(batch) <= AT_ONCE for batch in batches)
    assert sum(len(batch) == AT_ONCE for batch in batches) == 2, "of 181 of a size"
    found = sorted(image.tobytes() for batch in batches for image in batch)
    assert found == sorted(picture.transpose(2, 0, 1).tobytes() for picture in pictures)
    again = list(stored_batches(reader, rows, rgb, AT_ONCE))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True)), (
        "the order is always the same"
    )


def test_images_of_many_sizes_do_not_pile_up() -> None:
    arrays = [np.zeros((1, 8, 8 + i), np.uint8) for i in range(100)]
    reader = ArrayReader(arrays, [str(i) for i in range(100)])
    held, out = 0, 0

    def prepare(image: Image.Image) -> np.ndarray:
        nonlocal held
        held += 1
        return rgb(image)

    largest = 0
    for batch in stored_batches(reader, np.arange(100), prepare, 4):
        out += len(batch)
        largest = max(largest, held - out)
    assert out == 100
    # Those that wait for a full batch, and those that are decoded ahead.
    assert largest <= 4 * 4 + (parallel.cores() + 2) * 16


def test_decoding_runs_ahead_and_no_further() -> None:
    count = 2000
    reader = ArrayReader([np.zeros((count, 4, 4), np.uint8)], ["zeros"])
    lock, done = threading.Lock(), 0
    ahead = threading.Event()

    def prepare(image: Image.Image) -> np.ndarray:
        nonlocal done
        with lock:
            done += 1
            if done > AT_ONCE:
                ahead.set()
        return rgb(image)

    with parallel.using_cores(2):
        batches = stored_batches(reader, np.arange(count), prepare, AT_ONCE)
        next(batches)
        assert ahead.wait(10), "images behind the first batch are decoded while the network computes"
        assert done <= AT_ONCE + 3 * 16, "and not all of them"
        batches.close()
    assert done < count, "whoever stops early stops the decoding"


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_decoding_and_the_network_share_the_cores(cores: int) -> None:
    lock, busy, most, beside = threading.Lock(), {"decoding": 0, "network": 0}, 0, False

    @contextlib.contextmanager
    def working(kind: str) -> Iterator[None]:
        nonlocal most, beside
        with lock:
            busy[kind] += 1
            most, beside = max(most, sum(busy.values())), beside or all(busy.values())
        time.sleep(0.001)
        yield
        with lock:
            busy[kind] -= 1

    class Slow(Means):
        def __call__(self, images: Tensor | np.ndarray) -> Extracted:
            with working("network"):
                time.sleep(0.01)
                return super().__call__(images)

    def prepare(image: Image.Image) -> np.ndarray:
        with working("decoding"):
            return rgb(image)

    reader = ArrayReader([np.zeros((160, 4, 4), np.uint8)], ["zeros"])
    with parallel.using_cores(cores):
        batches = stored_batches(reader, np.arange(160), prepare, 8)
        statistics = feature_statistics(batches, Slow(), lambda done: None)
    assert statistics.count == 160
    assert most == cores
    assert beside == (cores > 1), "images are decoded while the network computes"


def test_large_images_come_in_small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_BATCH_BYTES", 3 * 100 * 100 * 5)
    monkeypatch.setattr(stream, "_TASK_BYTES", 3 * 100 * 100 * 2)
    reader = ArrayReader([np.zeros((23, 100, 100), np.uint8)], ["zeros"])
    assert stream._images_a_task(reader, np.arange(23)) == 2
    sizes = [len(batch) for batch in stored_batches(reader, np.arange(23), rgb, AT_ONCE)]
    assert sizes == [5, 5, 5, 5, 3]


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, noise_pictures(40), "{:03}.png")
    whole = (tmp_path / "020.png").read_bytes()
    (tmp_path / "020.png").write_bytes(whole[: len(whole) // 2])
    reader, rows = of_folder(tmp_path)
    with pytest.raises(
        DataError, match=r"020\.png cannot be decoded: .*Replace or remove it, or .*--on-error skip\.$"
    ):
        list(stored_batches(reader, rows, rgb, AT_ONCE))


def test_all_broken_images_are_named_and_nothing_is_computed_of_the_rest(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path, noise_pictures(60), "{:02}.png")
    for number in (3, 20, 41):
        (folder / f"{number:02}.png").write_bytes(b"no image")
    reader, rows = of_folder(folder)
    batches = []
    with pytest.raises(
        DataError, match=r"^3 of 60 images cannot be decoded:\n.*03.png: .*\n.*20.png.*\n.*41.png"
    ):
        batches += stored_batches(reader, rows, rgb, AT_ONCE)
    assert not batches


@pytest.mark.parametrize("count", [7, 150])
def test_statistics_are_those_of_all_features(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_MERGED", 100)
    pictures = noise_pictures(count, sides=(8, 5))
    reader, rows = of_folder(write_pictures(tmp_path, pictures))
    told: list[int] = []
    statistics = feature_statistics(stored_batches(reader, rows, rgb, AT_ONCE), Means(), told.append)
    expected = means_of(pictures)
    assert statistics.count == told[-1] == count
    assert told == sorted(told)
    torch.testing.assert_close(statistics.mean, torch.from_numpy(expected.mean(0)))
    torch.testing.assert_close(statistics.covariance, torch.from_numpy(np.cov(expected, rowvar=False)))


def test_broken_images_are_passed_over_in_order(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path, noise_pictures(60), "{:02}.png")
    for number in (3, 20, 41):
        (folder / f"{number:02}.png").write_bytes(b"no image")
    reader, rows = of_folder(folder)
    skipped: list[SkippedImage] = []
    batches = list(stored_batches(reader, rows, rgb, AT_ONCE, skipped.append))
    assert sum(map(len, batches)) == 57
    assert [Path(image.path).name for image in skipped] == ["03.png", "20.png", "41.png"]
    assert "not an image" in skipped[0].reason
