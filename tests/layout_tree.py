"""Small trees of pictures, lists and other files, with their right reading."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Case:
    """A tree and its reading.

    Attributes:
        files: Paths; an image for each that ends in an image's ending, else a text.
        classes: Class name -> (training images, held-out images) of the right reading.
        error: Pattern of the error, for trees that are doubtful or hold nothing.
        warns: Pattern of a warning.
        notes: Pattern of a note.
        data: What is given as --data, below the folder; "" is the folder itself.
        options: Keys of the data section that are set.
        zipped: Try it as a zip too.
    """

    name: str
    files: Mapping[str, Any]
    classes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    error: str = ""
    warns: str = ""
    notes: str = ""
    data: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    zipped: bool = True


def pictures(folder: str, count: int = 2, ending: str = ".png") -> dict[str, None]:
    """Paths of images in a folder."""
    prefix = f"{folder}/" if folder else ""
    stem = folder.rpartition("/")[2] or "p"
    return {f"{prefix}{stem}_{number}{ending}": None for number in range(count)}


def tree(*folders: str, count: int = 2, **files: Any) -> dict[str, Any]:
    """Images in each of some folders."""
    return {path: value for folder in folders for path, value in pictures(folder, count).items()} | files


def csv(header: str, rows: Iterable[str]) -> str:
    """A CSV file."""
    return "\n".join([header, *rows, ""])


def jsonl(records: Iterable[Mapping[str, Any]]) -> str:
    """A file of JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def make(case: Case, folder: Path) -> Path:
    """Write a case's tree; no picture is like another one, or of one colour."""
    for number, (name, content) in enumerate(case.files.items()):
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            pixels = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        else:
            path.write_text(content, encoding="utf-8")
    return folder


CAT_DOG = {"cat": (2, 0), "dog": (2, 0)}
PARTS = {"cat": (2, 2), "dog": (2, 2)}
FLAT = pictures("images", 4)
NAMES = [path.rpartition("/")[2] for path in FLAT]
RUN = {
    "config.yaml": "seed: 0\n",
    "stats.jsonl": "",
    "generator.safetensors": "x",
    "samples/000001.png": None,
}
