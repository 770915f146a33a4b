"""Files that hold portions of one set: their parts by their names, and the check that they are one set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from acgan.data.index import shortened
from acgan.data.layouts.names import are_chunks, beside_part, part_of
from acgan.errors import DataError

_WORD = 3  # letters of a name that tells a set; fewer only count, as in train_a and train_b


def parts_of_files(paths: Iterable[Path], top: Path) -> dict[str, list[Path]]:
    """Files by the part that their names tell, or else the folders that they lie in below ``top``.

    Names such as ``train-00000-of-00002`` and ``set_val_0001`` count, and ``test/0000``. Files whose part is unknown
    are one part without a name where all are such, else a part of the name before their number.

    Raises:
        DataError: The files look like several sets: a number as a label would stand for several classes.
    """
    paths = list(paths)
    found: dict[Path, str | None] = {}
    for path in sorted(paths):
        inside = path.parent.relative_to(top).parts if path.parent.is_relative_to(top) else ()
        told = (part_of(name) for name in (path.stem, *reversed(inside)))
        found[path] = next((part for part in told if part), None)
    files: dict[str, list[Path]] = {}
    for path, part in found.items():
        other = re.sub(r"[-_.]*\d.*$", "", path.stem) or path.stem if any(found.values()) else ""
        files.setdefault(other if part is None else part, []).append(path)
    _check_one_set(paths, top)
    for name, joined in files.items():
        _check_one_name(name, joined)
    return files


def _check_one_set(paths: Sequence[Path], top: Path) -> None:
    """Check that files lie in one folder, folders of parts and numbered folders aside."""
    folders: dict[str, list[Path]] = {}
    for path in paths:
        inside = path.parent.relative_to(top).parts if path.parent.is_relative_to(top) else ()
        folders.setdefault("/".join(name for name in inside if part_of(name) is None), []).append(path)
    if len(folders) < 2 or are_chunks(folders):
        return
    first = next((name for name in sorted(folders) if name), "")
    hub = (
        f", or a configuration of its README.md with hf:{top}:CONFIG"
        if paths[0].suffix.lower() == ".parquet"
        else ""
    )
    raise DataError(
        f"{top}: its {paths[0].suffix} files lie in several folders ({shortened(_in_quotes(folders))}), so they may be"
        f" several sets, and one label would stand for several classes. Name one folder, as {top / first}{hub}; or move"
        " the files of one set into one folder."
    )


def _check_one_name(part: str, paths: Sequence[Path]) -> None:
    """Check that the files of a part differ in numbers only, so that ``cats.tar`` is not joined to ``cars.tar``."""
    names: dict[str, str] = {}
    for path in paths:
        words = beside_part(re.sub(r"[-_.]*\d.*$", "", path.stem))
        if len(words) >= _WORD:
            names.setdefault(words, path.name)
    if len(names) > 1:
        raise DataError(
            f"{paths[0].parent}: the files {shortened(sorted(names.values()))} have different names, so they may be"
            f" several sets{f' with a part {part}' if part else ''}, and one label would stand for several classes."
            f" Name one file, or give those of one set one name with numbers, as {part or 'train'}-00000"
            f"{paths[0].suffix}."
        )


def _in_quotes(folders: Iterable[str]) -> list[str]:
    return [repr(name or ".") for name in sorted(folders)]
