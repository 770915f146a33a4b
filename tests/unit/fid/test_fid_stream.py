"""Images decoded ahead of an extractor."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from fid_helpers import Means, means_of, noise_pictures, write_pictures
from PIL import Image

from acgan.data.sources.arrays import ArrayReader
from acgan.data.sources.files import FileReader
from acgan.errors import DataError
from acgan.fid import stream
from acgan.fid.stream import feature_statistics, stored_batches
from acgan.types import SkippedImage


def rgb(image: Image.Image) -> np.ndarray:
    return np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)


def of_folder(folder: Path) -> tuple[FileReader, np.ndarray]:
    files = sorted(folder.iterdir())
    return FileReader(files), np.arange(len(files))


def test_every_image_comes_once_in_batches_of_one_size(tmp_path: Path) -> None:
    pictures = noise_pictures(301, sides=(8, 8, 8, 5, 12))
    reader, rows = of_folder(write_pictures(tmp_path, pictures, "{:03}.png"))
    batches = list(stored_batches(reader, rows, rgb))
    assert all(1 <= len(batch) <= stream.BATCH for batch in batches)
    assert sum(len(batch) == stream.BATCH for batch in batches) == 2, "of 181 of a size"
    found = sorted(image.tobytes() for batch in batches for image in batch)
    assert found == sorted(picture.transpose(2, 0, 1).tobytes() for picture in pictures)
    again = list(stored_batches(reader, rows, rgb))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True)), (
        "the order is always the same"
    )


def test_images_of_many_sizes_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BATCH", 4)
    arrays = [np.zeros((1, 8, 8 + i), np.uint8) for i in range(100)]
    reader = ArrayReader(arrays, [str(i) for i in range(100)])
    held, out = 0, 0

    def prepare(image: Image.Image) -> np.ndarray:
        nonlocal held
        held += 1
        return rgb(image)

    largest = 0
    for batch in stored_batches(reader, np.arange(100), prepare):
        out += len(batch)
        largest = max(largest, held - out)
    assert out == 100
    # Those that wait for a full batch, and those that are decoded ahead.
    threads = min(stream.os.cpu_count() or 1, 16)
    assert largest <= 4 * 4 + (2 * threads + 1) * 16


def test_decoding_runs_ahead_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream.os, "cpu_count", lambda: 2)
    count = 2000
    reader = ArrayReader([np.zeros((count, 4, 4), np.uint8)], ["zeros"])
    lock, done = threading.Lock(), 0
    ahead = threading.Event()

    def prepare(image: Image.Image) -> np.ndarray:
        nonlocal done
        with lock:
            done += 1
            if done > stream.BATCH:
                ahead.set()
        return rgb(image)

    batches = stored_batches(reader, np.arange(count), prepare)
    next(batches)
    assert ahead.wait(10), "images behind the first batch are decoded while the network computes"
    assert done <= stream.BATCH + 5 * 16, "and not all of them"
    batches.close()
    assert done < count, "whoever stops early stops the decoding"


def test_large_images_come_in_small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_BATCH_BYTES", 3 * 100 * 100 * 5)
    monkeypatch.setattr(stream, "_TASK_BYTES", 3 * 100 * 100 * 2)
    reader = ArrayReader([np.zeros((23, 100, 100), np.uint8)], ["zeros"])
    assert stream._images_a_task(reader, np.arange(23)) == 2
    sizes = [len(batch) for batch in stored_batches(reader, np.arange(23), rgb)]
    assert sizes == [5, 5, 5, 5, 3]


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, noise_pictures(40), "{:03}.png")
    whole = (tmp_path / "020.png").read_bytes()
    (tmp_path / "020.png").write_bytes(whole[: len(whole) // 2])
    reader, rows = of_folder(tmp_path)
    with pytest.raises(
        DataError, match=r"020\.png cannot be decoded: .*Replace or remove it, or .*--on-error skip\.$"
    ):
        list(stored_batches(reader, rows, rgb))


@pytest.mark.parametrize("count", [7, 150])
def test_statistics_are_those_of_all_features(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_MERGED", 100)
    pictures = noise_pictures(count, sides=(8, 5))
    reader, rows = of_folder(write_pictures(tmp_path, pictures))
    told: list[int] = []
    statistics = feature_statistics(stored_batches(reader, rows, rgb), Means(), told.append)
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
    batches = list(stored_batches(reader, rows, rgb, skipped.append))
    assert sum(map(len, batches)) == 57
    assert [Path(image.path).name for image in skipped] == ["03.png", "20.png", "41.png"]
    assert "not an image" in skipped[0].reason
