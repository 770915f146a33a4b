"""Zips of images with labels, in the form that StyleGAN reads."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from acgan.types import ImageStore

_DATE = (1980, 1, 1, 0, 0, 0)  # the same images give the same bytes
_TOLD = 100  # images between two calls of progress


def write_stylegan_zip(
    file: Path, parts: Mapping[str, ImageStore], progress: Callable[[int, int], None] | None = None
) -> None:
    """Write images as ``00000/img00000000.png``, …, and their labels as ``dataset.json``.

    This is the form of NVlabs' ``dataset_tool.py``: PNG without compression, in a zip without compression.
    ``labels`` in ``dataset.json`` has the pairs [name, label] of all images. StyleGAN reads no other key. Beside it are
    ``class_names``, and a list of names for each part but "train".

    Args:
        file: The file to write.
        parts: Images by part; "train" is one of them.
        progress: Called with (done, total) now and then.
    """
    total = sum(map(len, parts.values()))
    labels: list[tuple[str, int]] = []
    names: dict[str, list[str]] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for part, store in parts.items():
            names[part] = []
            for image, label in zip(store.images, store.labels.tolist(), strict=True):
                name = f"{len(labels) // 1000:05d}/img{len(labels):08d}.png"
                archive.writestr(_entry(name), _png(image))
                names[part].append(name)
                labels.append((name, label))
                if progress is not None and (len(labels) % _TOLD == 0 or len(labels) == total):
                    progress(len(labels), total)
        content = {
            "labels": labels,
            "class_names": list(parts["train"].class_names),
            **{part: members for part, members in names.items() if part != "train"},
        }
        archive.writestr(_entry("dataset.json"), json.dumps(content))


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system, entry.external_attr = 3, 0o644 << 16  # on every system
    return entry


def _png(image: np.ndarray) -> bytes:
    pixels = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, format="PNG", compress_level=0)
        return file.getvalue()
