"""Data sets known by name: scikit-learn's digits, and torchvision's MNIST, Fashion-MNIST and CIFAR."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acgan.data.index import Index, Unlabelled, without_labels
from acgan.data.sources.arrays import ArrayReader
from acgan.data.sources.files import digest_lines, file_stamp
from acgan.errors import DataError
from acgan.file_kinds import odd_kind
from acgan.reading import user_path
from acgan.types import Reading


class DigitsSource:
    """scikit-learn's 1,797 digits, 8 x 8. The held-out share is the same whatever the seed."""

    def identity(self) -> None:
        """None: they decode in a moment and need no cache."""

    def index(self) -> Index:
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        return Index(
            reader=ArrayReader([images], ["digits"]),
            rows=np.arange(len(images), dtype=np.int64),
            labels=digits.target.astype(np.int64),
            class_names=tuple("0123456789"),
            held_out=None,
            fixed_split=True,
            well_known=True,
            reading=Reading("built-in", "digits come with scikit-learn", "the set's own", ""),
        )

    def unlabelled(self) -> Unlabelled:
        return without_labels(self.index())


@dataclass(frozen=True)
class _Torchvision:
    """torchvision's name for a set, its folder below the root, and the files to place by hand."""

    kind: str
    folder: str
    download: str


_IDX = ", ".join(
    f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)

_SETS = {
    "mnist": _Torchvision("MNIST", "MNIST/raw", f"{_IDX} into {{root}}/MNIST/raw"),
    "fashion_mnist": _Torchvision(
        "FashionMNIST", "FashionMNIST/raw", f"{_IDX} into {{root}}/FashionMNIST/raw"
    ),
    "cifar10": _Torchvision("CIFAR10", "cifar-10-batches-py", "cifar-10-python.tar.gz into {root}"),
    "cifar100": _Torchvision("CIFAR100", "cifar-100-python", "cifar-100-python.tar.gz into {root}"),
}

BUILTIN_NAMES = ("digits", *_SETS)


class TorchvisionSource:
    """One of torchvision's sets, read from disk, or downloaded if it is not there."""

    def __init__(self, name: str, root: Path):
        self._name = name
        self._set = _SETS[name]
        self._root = root

    def identity(self) -> str:
        folder = self._root / self._set.folder
        if not folder.is_dir():
            self._load(train=True)  # downloads it
        odd = {path: kind for path in folder.iterdir() if (kind := odd_kind(path))}
        for path, kind in odd.items():
            raise DataError(f"{path}: is {kind}; expected a file of {self._name}. Remove it.")
        files = sorted(path for path in folder.iterdir() if path.is_file())
        stamps = (f"{path.name} {file_stamp(path)}" for path in files)
        return digest_lines((self._name, str(self._root.resolve()), *stamps))

    def index(self) -> Index:
        parts = [self._load(train=True), self._load(train=False)]
        labels = np.concatenate([np.asarray(part.targets, dtype=np.int64) for part in parts])
        # torchvision's MNIST classes read "0 - zero", Fashion-MNIST's first "T-shirt/top".
        class_names = tuple("0123456789") if self._name == "mnist" else tuple(parts[0].classes)
        return Index(
            reader=ArrayReader(
                [np.asarray(part.data) for part in parts], [f"{self._name} {s}" for s in ("train", "test")]
            ),
            rows=np.arange(len(labels), dtype=np.int64),
            labels=labels,
            class_names=class_names,
            held_out=np.arange(len(labels)) >= len(parts[0].targets),
            well_known=True,
            reading=Reading(
                "built-in", f"{self._name} as torchvision reads it", "the set's own", "the set's own"
            ),
        )

    def unlabelled(self) -> Unlabelled:
        return without_labels(self.index())

    def _load(self, train: bool) -> Any:
        import torchvision

        kind = getattr(torchvision.datasets, self._set.kind)
        put = f"Put {self._set.download.format(root=self._root)}, or name the folder that has it: {self._name}:FOLDER."
        try:
            return kind(str(self._root), train=train, download=False)
        except RuntimeError:  # torchvision's for a set that is not there, or not whole
            pass
        except Exception as error:  # torchvision trusts the content of files that it finds
            folder = self._root / self._set.folder
            raise DataError(
                f"{folder}: files that are damaged, or not those of {self._name} ({_reason(error)}). {put}"
            ) from error
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # torchvision prints what it tries
                return kind(str(self._root), train=train, download=True)
        except Exception as error:
            raise DataError(
                f"{self._name} is not in {self._root} and could not be downloaded ({_reason(error)}). {put}"
            ) from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(":. ") or type(error).__name__


def holds_set(name: str, root: Path) -> bool:
    """True if a folder holds a built-in set, so that nothing is downloaded."""
    return (root / _SETS[name].folder).is_dir()


def find_builtin(source: str, root: Path) -> DigitsSource | TorchvisionSource | None:
    """Find the set that ``NAME`` or ``NAME:ROOT`` stands for; ``root`` is the default; None if there is no such set."""
    name, _, own_root = source.partition(":")
    if name == "digits":
        if own_root:
            raise DataError(f"{source!r}: digits come with scikit-learn and lie in no folder. Write digits.")
        return DigitsSource()
    if name in _SETS:
        return TorchvisionSource(name, user_path(own_root) if own_root else root)
    return None
