"""Image stores, their fingerprints, and the cache of decoded sources."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from acgan.data import pack
from acgan.data.blocks import Blocks, FirstTouch, MappedImages
from acgan.data.pack import Packed
from acgan.errors import Interrupted, first_line
from acgan.reading import parse_json
from acgan.types import (
    ClassPictures,
    DataReport,
    Dataset,
    ImageStore,
    LeftOut,
    LikePair,
    Reading,
    SkippedImage,
)

#: To be raised whenever the same source would be decoded differently, or a warning that is kept names a key that is no
#: more. Other wording is no reason: large sources take hours to decode.
CACHE_FORMAT = 5
_UNFINISHED, _KEPT_SEC = ".unfinished", 7 * 24 * 3600
_IMAGES = "images.npy"
#: What damaged files make NumPy, JSON and readers of their values raise; a missing key is of another version.
_BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError)


def fingerprint(images: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> str:
    """A hex digest of images, labels and class names, and of nothing else.

    Args:
        images: (N, C, H, W) uint8.
        labels: (N,) int64.
        class_names: K names.
    """
    digest = blake2b(digest_size=16)
    digest.update(json.dumps([list(images.shape), list(class_names)]).encode())
    digest.update(np.ascontiguousarray(labels, dtype="<i8").tobytes())
    for part in pack.steps(images):
        digest.update(images[part].tobytes())
    return digest.hexdigest()


def make_dataset(name: str, packed: Packed) -> Dataset:
    """The two stores of a packed source, which share its memory."""

    def store(part: slice) -> ImageStore:
        images, labels = packed.images[part], packed.labels[part]
        return ImageStore(images, labels, packed.class_names, fingerprint(images, labels, packed.class_names))

    train, test = store(slice(None, packed.num_train)), store(slice(packed.num_train, None))
    return Dataset(
        name,
        train,
        test,
        packed.skipped,
        packed.notes,
        packed.warnings,
        num_generated=packed.num_generated,
        groups=packed.groups,
        report=packed.report,
    )


class Cache:
    """Decoded sources on disk, a folder each: ``images.npy``, ``labels.npy``, ``meta.json``, perhaps ``groups.npy``."""

    def __init__(self, folder: Path):
        self._folder = folder

    def read(self, key: str, name: str) -> Dataset | None:
        """Read a data set that was written before; None if there is none or it is damaged.

        Images of 2 GiB and more are mapped, and blocks of them are checked when they are first touched; others are
        checked here.
        """
        try:
            meta, images, labels, groups, blocks = _open(self._folder / key)
            mapped = images.nbytes >= pack.LARGE_BYTES
            if not mapped:
                images = np.array(images)
                if blocks.damaged(images):
                    return None
        except _BROKEN:
            return None
        touch = FirstTouch(self._folder / key / _IMAGES, images, blocks)
        stores = []
        parts = (slice(None, meta["num_train"]), slice(meta["num_train"], None))
        for part, digest in zip(parts, meta["fingerprints"], strict=True):
            pixels = MappedImages.part(images, part, touch) if mapped else images[part]
            stores.append(ImageStore(pixels, labels[part], tuple(meta["class_names"]), digest))
        skipped = tuple(SkippedImage(path, reason) for path, reason in meta["skipped"])
        return Dataset(
            name,
            stores[0],
            stores[1],
            skipped,
            tuple(meta["notes"]),
            tuple(meta["warnings"]),
            num_generated=meta["num_generated"],
            groups=groups,
            report=report_of(meta["report"]),
        )

    def entries(self) -> list[Path]:
        """Folders of the entries."""
        return sorted(file.parent for file in self._folder.glob("*/meta.json"))

    @contextmanager
    def workspace(self, key: str) -> Iterator[Path]:
        """A scratch folder beside the entries, deleted afterwards.

        A process that is stopped or killed leaves it for the next one with this key; all are deleted that nobody
        touched for a week.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob(f"*{_UNFINISHED}"):
            if left.name != f"{key}{_UNFINISHED}" and time.time() - _touched(left) > _KEPT_SEC:
                shutil.rmtree(left, ignore_errors=True)
        scratch = self._folder / f"{key}{_UNFINISHED}"
        scratch.mkdir(exist_ok=True)
        try:
            yield scratch
        except (KeyboardInterrupt, Interrupted):
            raise
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        shutil.rmtree(scratch, ignore_errors=True)

    def write(self, key: str, dataset: Dataset, packed: Packed, scratch: Path) -> None:
        """Write an entry in ``scratch``, and replace the old entry by it in one step.

        Raises:
            OSError: The disk is full or the folder cannot be written.
        """
        entry = scratch / "entry"
        shutil.rmtree(entry, ignore_errors=True)
        entry.mkdir()
        if isinstance(packed.images, np.memmap):
            packed.images.flush()
            os.replace(str(packed.images.filename), entry / _IMAGES)
        else:
            np.save(entry / _IMAGES, packed.images)
        np.save(entry / "labels.npy", packed.labels)
        if packed.groups is not None:
            np.save(entry / "groups.npy", packed.groups)
        meta = {
            "shape": list(packed.images.shape),
            "blocks": asdict(Blocks.of(packed.images)),
            "labels": _digest(packed.labels),
            "class_names": list(packed.class_names),
            "num_train": packed.num_train,
            "num_generated": packed.num_generated,
            "fingerprints": [dataset.train.fingerprint, dataset.test.fingerprint],
            "skipped": [[image.path, image.reason] for image in packed.skipped],
            "notes": list(packed.notes),
            "warnings": list(packed.warnings),
            "groups": None if packed.groups is None else _digest(packed.groups),
            "report": None if packed.report is None else asdict(packed.report),
        }
        (entry / "meta.json").write_text(
            json.dumps({"digest": _digest(meta), "meta": meta}), encoding="utf-8"
        )
        for path in (*entry.iterdir(), entry):
            _sync(path)
        shutil.rmtree(self._folder / key, ignore_errors=True)
        entry.rename(self._folder / key)
        _sync(self._folder)


def damage_of(entry: Path) -> str | None:
    """The damage to an entry of the cache, in words; None if there is none. All its pixels are read.

    Entries of other versions, which no training of this one reads, count as whole.
    """
    try:
        _, images, _, _, blocks = _open(entry)
        damaged = blocks.damaged(images)
        return blocks.told(damaged, len(images)) if damaged else None
    except KeyError:
        return None
    except _BROKEN as error:
        return f"it cannot be read whole ({first_line(error)})"


def _open(entry: Path) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray | None, Blocks]:
    """Description, mapped images, labels, groups and blocks of an entry; all but the pixels is checked.

    Raises:
        ValueError: If something is damaged.
        KeyError: If another version wrote it.
    """
    meta = _read_meta(entry / "meta.json")
    labels = np.load(entry / "labels.npy", allow_pickle=False)
    # Copy-on-write: PyTorch complains of arrays that cannot be written to.
    images = np.load(entry / _IMAGES, mmap_mode="c", allow_pickle=False)
    if list(images.shape) != meta["shape"] or images.dtype != np.uint8:
        raise ValueError("images.npy is damaged")
    if _digest(labels) != meta["labels"]:
        raise ValueError("labels.npy is damaged")
    blocks = Blocks(**meta["blocks"])
    if meta["groups"] is None:
        return meta, images, labels, None, blocks
    groups = np.load(entry / "groups.npy", allow_pickle=False)
    if _digest(groups) != meta["groups"]:
        raise ValueError("groups.npy is damaged")
    return meta, images, labels, groups, blocks


def report_of(saved: Mapping[str, Any] | None) -> DataReport | None:
    """The report that ``dataclasses.asdict`` made plain values of, such as those of JSON."""
    if saved is None:
        return None
    left_out = tuple(
        LeftOut(left["reason"], left["count"], tuple(left["examples"]))
        for left in saved["reading"]["left_out"]
    )
    pictures = tuple(
        ClassPictures(tuple(one["widths"]), tuple(one["heights"]), one["modes"]) for one in saved["pictures"]
    )
    pairs = tuple(LikePair(**pair) for pair in saved["pairs"])
    reading = Reading(**{**saved["reading"], "left_out": left_out})
    black_white = saved["black_white"] and tuple(saved["black_white"])
    found = {"reading": reading, "pictures": pictures, "black_white": black_white, "pairs": pairs}
    return DataReport(**{**saved, **found})


def _read_meta(path: Path) -> dict[str, Any]:
    content = parse_json(path.read_text(encoding="utf-8"))
    meta = content.get("meta")
    if not isinstance(meta, dict) or content.get("digest") != _digest(meta):
        raise ValueError(f"{path.name} is damaged")
    return meta


def _digest(value: dict[str, Any] | np.ndarray) -> str:
    content = value.tobytes() if isinstance(value, np.ndarray) else json.dumps(value, sort_keys=True).encode()
    return blake2b(content, digest_size=16).hexdigest()


def _touched(folder: Path) -> float:
    """The last change of a folder or a file in it, in seconds since the epoch."""
    return max((file.stat().st_mtime for file in (folder, *folder.iterdir())), default=0.0)


def _sync(path: Path) -> None:
    """Force a file, or a folder's list of files, to disk."""
    try:
        # Windows forces only what may be written to, and opens no folders; elsewhere folders are only read.
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
