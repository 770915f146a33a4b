from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acgan.data import DataOptions
from acgan.data.load import find_source
from acgan.data.pack import pack, prepare
from acgan.data.store import make_dataset
from acgan.types import Dataset, ImageStore


def options(cache: Path, **changes: Any) -> DataOptions:
    plain: dict[str, Any] = {
        "root": None,
        "classes": None,
        "resolution": 16,
        "channels": None,
        "fit": "crop",
        "on_error": "stop",
        "test_share": 0.0,
        "seed": 0,
        "cache": cache,
    }
    return DataOptions(**{**plain, **changes})


def decode(path: Path, read: DataOptions) -> Dataset:
    """Decode a source, without the cache."""
    index = prepare(find_source(str(path), read.reading).index(), read)
    return make_dataset("data", pack(index, read, None, None))


def picture(value: int, size: tuple[int, int] = (16, 16)) -> Image.Image:
    """A plain gray image."""
    return Image.new("L", size, value)


def zip_folder(folder: Path, prefix: str = "") -> Path:
    """The folder's zip, beside it."""
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, prefix + path.relative_to(folder).as_posix())
    return target


def values(store: ImageStore) -> list[tuple[str, int]]:
    """(class name, gray value of the first pixel) of each image, sorted."""
    return sorted(
        (store.class_names[label], int(image[0, 0, 0]))
        for image, label in zip(store.images, store.labels, strict=True)
    )


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
