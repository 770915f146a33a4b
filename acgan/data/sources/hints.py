"""Remedies for files and folders that hold pictures in a form that is not read here."""

from __future__ import annotations

import re

from acgan.data.sources.endings import ending_of, unread_pictures
from acgan.data.sources.tree import Tree

UNPACK = "unpack it, and give the folder"
_ARRAYS = "save its images and labels as .npz, with the arrays images and labels"
_PYTHON = "load it in Python, and save its images and labels as .npz, with the arrays images and labels"
_REMEDIES = {
    UNPACK: ".tgz .tbz2 .txz .gz .bz2 .xz .zst .rar .7z",
    _ARRAYS: ".mat .h5 .hdf5 .hdf",
    _PYTHON: ".pkl .pickle .pt .pth .joblib .lmdb .mdb",
    "save it as CSV in UTF-8, with the columns path and label": ".xlsx .xls .xlsm .ods .txt .dat",
    "write its pictures into a folder per class, or as parquet": ".tfrecord .tfrecords .rec .beton .arrow .feather",
    "give the folder that it describes, or save its labels as CSV with the columns path and label": (
        ".xml .yaml .yml"
    ),
}
#: Files that cannot be given as a source, by ending, each with the remedy as an order.
FILE_REMEDIES = {ending: remedy for remedy, endings in _REMEDIES.items() for ending in endings.split()}
_IN_FOLDERS = (UNPACK, _ARRAYS, _PYTHON)

#: Contents of a folder without pictures, by a file's name, with the remedy; the first that is found counts.
_CONTENTS = (
    (r"dataset_dict\.json|state\.json", "a set that the library datasets saved: give it as hf:{where}"),
    (
        r"(train|t10k)-(images|labels)[-.]idx\d-ubyte(\.gz)?",
        "a set in the files of MNIST: put them into ROOT/MNIST/raw, and give mnist:ROOT (or into"
        " ROOT/FashionMNIST/raw, and give fashion_mnist:ROOT)",
    ),
    (
        r"data_batch_\d|batches\.meta",
        "CIFAR-10 in Python's files: give cifar10:ROOT, where ROOT/cifar-10-batches-py holds them",
    ),
    (r".+\.npz", "arrays in .npz: give one of the files, as {where}/{name}"),
    (r".+\.(zip|tar)", f"an archive, {{name}}: {UNPACK}"),
)


def file_remedy(name: str) -> str:
    """Advice for a file that is no source, as an order; empty if there is none."""
    return FILE_REMEDIES.get(ending_of(name), "")


def other_contents(tree: Tree, where: str) -> str:
    """Describe what a folder or zip without pictures holds, with the remedy; empty if that is not known.

    Args:
        tree: Its files.
        where: Its path.
    """
    if unread_pictures(parts[-1] for parts in tree.files):
        return ""
    paths = ["/".join(parts) for parts in sorted(tree.files, key=lambda parts: (len(parts), parts))]
    for pattern, told in _CONTENTS:
        found = next((path for path in paths if re.fullmatch(pattern, path.split("/")[-1].lower())), None)
        if found is not None:
            return told.format(where=where, name=found)
    for path in paths:
        if file_remedy(path) in _IN_FOLDERS:
            return f"{path}: {file_remedy(path)}"
    return ""
