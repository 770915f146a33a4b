"""Lists of pictures with their labels: which picture a row names, and what it says of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from acgan.data.index import shortened
from acgan.data.layouts.columns import Columns, find_columns, path_columns, several_labels
from acgan.data.layouts.names import part_of
from acgan.data.layouts.table import Table
from acgan.data.sources.tree import Parts
from acgan.errors import DataError

_PROBED = 50  # rows by which a column of file names is recognised
_SHOWN = 3

#: From what a row says to the number of a picture, or None.
Find = Callable[[str], int | None]


@dataclass(frozen=True)
class Row:
    """A row of a list: the number of the picture, its label, part ("" where the list tells none) and group."""

    picture: int
    label: str
    part: str
    group: str


@dataclass(frozen=True)
class Listed:
    """A list that was understood.

    Attributes:
        where: The list's path.
        rows: Its rows, one a picture.
        columns: Its columns.
        warnings: Rows that are not used, and columns that may be parts.
    """

    where: str
    rows: Sequence[Row]
    columns: Columns
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


class Pictures:
    """Finds the pictures that lists name: by path, else by the end of the path, else without the ending.

    Args:
        files: Paths of all pictures.
        base: The folder that paths are relative to.
    """

    def __init__(self, files: Mapping[Parts, int], base: Parts):
        self._files = files
        self._base = base
        self._by_name: dict[str, list[Parts]] = defaultdict(list)
        for parts in files:
            self._by_name[parts[-1]].append(parts)
            self._by_name[PurePosixPath(parts[-1]).stem].append(parts)

    def find(self, named: str, within: str = "") -> int | None:
        """The number of the picture that a row names; of several alike, the one in a folder of the part ``within``."""
        path = parts_of(named)
        if not path:
            return None
        exact = self._files.get((*self._base, *path))
        if exact is not None:
            return exact
        candidates = self._by_name.get(path[-1], [])
        # From the whole path to the name alone: a list may come from another machine.
        for depth in range(len(path), 0, -1):
            tail = path[-depth:-1]
            found = [parts for parts in candidates if not tail or parts[-depth:-1] == tail]
            if len(found) > 1 and within:
                found = [parts for parts in found if within in map(part_of, parts[:-1])] or found
            if len(found) == 1:
                return self._files[found[0]]
            if found:
                return None
        return None


def parts_of(named: str) -> Parts:
    """The parts of a path as lists write it, with slashes or backslashes."""
    return tuple(part for part in named.replace("\\", "/").split("/") if part not in ("", "."))


def understand(
    table: Table, where: str, find: Find, given: Mapping[str, str], *, skip: bool, sure: bool
) -> Listed | None:
    """Find out what a list says of which picture.

    Args:
        table: The list.
        where: Its path, for messages.
        find: Finds a picture.
        given: Columns that the user named, by purpose.
        skip: Pass over rows whose picture is missing, with a warning, rather than stop.
        sure: The file is known to be a list, so that a missing column is an error.

    Returns:
        The rows; None if the file is no list of pictures with labels.

    Raises:
        DataError: A row or column cannot be used.
    """
    paths = path_columns(table, given, where)
    path = max(paths, key=lambda name: _share_found(table, name, find), default=None)
    if path is None or not (sure or _share_found(table, path, find) >= 0.5):
        if sure:
            raise _no_column("path", table, where)
        return None
    columns = find_columns(table, path, given, where)
    if columns is None:
        if sure:
            raise _no_column("label", table, where)
        return None
    return _rows(table, where, find, columns, skip)


def names_pictures(table: Table, find: Find) -> bool:
    """True if a column of a table holds names of pictures."""
    return any(_share_found(table, name, find) >= 0.5 for name in table.columns)


def _share_found(table: Table, name: str, find: Find) -> float:
    values = table.column(name)
    step = max(1, len(values) // _PROBED)
    probed = values[::step]
    return sum(find(value) is not None for value in probed) / max(1, len(probed))


def _no_column(purpose: str, table: Table, where: str) -> DataError:
    meaning = {"path": "names the pictures", "label": "tells the class"}[purpose]
    found = ", ".join(map(repr, table.columns)) if any(table.columns) else "(none)"
    return DataError(
        f"{where} line 1 has the columns {found}, of which none {meaning} by a usual name. Name it: "
        f"--set data.columns.{purpose}=NAME."
    )


def _rows(table: Table, where: str, find: Find, columns: Columns, skip: bool) -> Listed:
    if not table.rows:
        raise DataError(f"{where} lists no images: it has a header and no rows.")
    rows: dict[int, Row] = {}
    missing: list[str] = []
    unlabelled: list[int] = []
    repeated, contradictory = 0, []
    values = {
        name: table.column(name) if name else [""] * len(table.rows)
        for name in (columns.path, columns.split, columns.group)
    }
    for number, label in enumerate(columns.labels):
        named, line = values[columns.path][number], table.lines[number]
        picture = find(named)
        if picture is None:
            missing.append(f"{table.unit} {line}: {named!r}")
            continue
        if not label:
            unlabelled.append(line)
            continue
        said = values[columns.split][number]
        part = part_of(said) if said else ("" if columns.split is None else None)
        if not part and columns.split is not None:  # a part without labels, or no part at all
            unlabelled.append(line)
            continue
        row = Row(picture, label, part or "", values[columns.group][number])
        before = rows.setdefault(picture, row)
        repeated += before is not row
        if before.label != label:
            contradictory.append(f"{named!r} as {before.label} and {label}")
    if contradictory:
        raise several_labels(where, len(contradictory), len(rows), f"such as {contradictory[0]}")
    warnings = list(columns.warnings)
    if missing:
        warnings.append(_missing(missing, len(table.rows), where, skip))
    if unlabelled:
        lines = shortened([str(line) for line in unlabelled], _SHOWN)
        count = f"{len(unlabelled):,} {'row has' if len(unlabelled) == 1 else 'rows have'}"
        warnings.append(f"{where}: {count} no label or no part, and is left out ({table.unit} {lines})")
    if not rows:
        raise DataError(f"{where} lists no images with a label. Fill in the column of labels.")
    notes = [f"{where}: {repeated:,} rows repeat a picture"] if repeated else []
    if columns.ignored:
        notes.append(f"{where}: columns not used: {shortened(columns.ignored)}")
    return Listed(where, list(rows.values()), columns, tuple(warnings), tuple(notes))


def _missing(missing: Sequence[str], whole: int, where: str, skip: bool) -> str:
    told = (
        f"{where}: {len(missing):,} of {whole:,} rows name no picture that is there, or one that several folders have "
        f"({shortened(missing, _SHOWN)})"
    )
    if skip:
        return f"{told}; they are left out"
    raise DataError(
        f"{told}. Paths are looked for beside the list, in data.root, and in the folders below. Put the pictures "
        "there, or pass over such rows with --set data.on_error=skip."
    )
