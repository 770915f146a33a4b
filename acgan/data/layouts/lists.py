"""Lists of pictures with their labels: which picture a row names, and what it says of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from acgan.data.index import shortened
from acgan.data.layouts.columns import Columns, usual_columns
from acgan.data.layouts.label_values import several_labels
from acgan.data.layouts.names import could_be_class, part_of
from acgan.data.layouts.table import Table
from acgan.data.sources.endings import is_image
from acgan.data.sources.tree import Parts
from acgan.errors import BrokenPicturesError, DataError

_PROBED = 50  # rows by which a column of file names is recognised
_SHOWN = 3

#: From what a row says, and the folders that all rows begin with, to the number of a picture, or None.
Find = Callable[[str, Parts], int | None]


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
        notes: Remarks for the user.
    """

    where: str
    rows: Sequence[Row]
    columns: Columns
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


class Pictures:
    """Finds the pictures that lists name.

    A row names a picture by its path from the list's folder, or by the end of its path. A folder that the row names
    must be the picture's own, unless all rows of the list begin with it: then the list comes from another place.

    Args:
        files: Paths of all pictures.
        base: The folder that paths are relative to.
    """

    def __init__(self, files: Mapping[Parts, int], base: Parts):
        self._files = files
        self._base = base
        self._by_end: dict[Parts, list[Parts]] = defaultdict(list)
        for parts in files:
            stem = PurePosixPath(parts[-1]).stem
            for name in {parts[-1], stem, parts[-1].casefold(), stem.casefold()}:
                self._by_end[name,].append(parts)
                if len(parts) > 1:
                    self._by_end[parts[-2], name].append(parts)

    def find(self, named: str, foreign: Parts = (), within: str = "") -> int | None:
        """The number of the picture that a row names, or None.

        Args:
            named: Path, perhaps without an ending, as the row has it.
            foreign: Folders that all rows of the list begin with.
            within: Part that the list is of; of several pictures alike it is the one in a folder of that part.
        """
        path = parts_of(named)
        if not path:
            return None
        exact = self._files.get((*self._base, *path))
        if exact is not None:
            return exact
        for start in range(min(len(foreign), len(path) - 1) + 1):
            found = self._ending_in(path[start:])
            if len(found) > 1 and within:
                found = [parts for parts in found if within in map(part_of, parts[:-1])] or found
            found = [parts for parts in found if not _contradicts(path[:start], path[start:], parts)]
            if found:
                return self._files[found[0]] if len(found) == 1 else None
        return None

    def knows(self, named: str) -> bool:
        """True if there is a picture of that name, in whatever folder."""
        return bool(self._ending_in(parts_of(named)[-1:])) if parts_of(named) else False

    def _ending_in(self, tail: Parts) -> list[Parts]:
        depth = len(tail)
        for name in (tail[-1], tail[-1].casefold()):
            alike = self._by_end.get((*tail[-2:-1], name), [])
            found = [parts for parts in alike if parts[-depth:-1] == tail[:-1]]
            if found:
                return found
        return []


def _contradicts(dropped: Parts, tail: Parts, parts: Parts) -> bool:
    """True if the folders of a row that were dropped speak against a picture's own folders.

    That is so where they are of another part of the set, and where a bare name is left and the picture lies in a
    folder that could be a class.
    """
    named = {part for part in map(part_of, dropped) if part}
    if named and {part for part in map(part_of, parts[:-1]) if part} - named:
        return True
    own = parts[-2:-1]
    return bool(dropped) and len(tail) == 1 and bool(own) and own != dropped[-1:] and could_be_class(own[0])


def parts_of(named: str) -> Parts:
    """The parts of a path as lists write it, with slashes or backslashes."""
    return tuple(part for part in named.replace("\\", "/").split("/") if part not in ("", "."))


def foreign_folders(values: Sequence[str]) -> Parts:
    """The folders that all paths of a column begin with."""
    folders = {parts_of(value)[:-1] for value in values if value}
    if not folders:
        return ()
    first = min(folders, key=len)
    for depth, name in enumerate(first):
        if any(folder[depth] != name for folder in folders):
            return first[:depth]
    return first


def naming_column(table: Table, find: Find, names: Sequence[str]) -> tuple[str | None, float]:
    """The column that names pictures, and the share of a few of its rows whose picture is found.

    Whole names of files are surer than names without an ending, and these count in columns with a usual name alone.

    Args:
        table: The list.
        find: Finds a picture.
        names: Columns to look at; all of them, or the one that the user named.
    """
    usual = usual_columns(table, "path")
    found: list[tuple[tuple[bool, float, int], str]] = []
    for name in names:
        column = table.column(name)
        values, foreign = column[:: max(1, len(column) // _PROBED)], foreign_folders(column)
        share = sum(find(value, foreign) is not None for value in values) / max(1, len(values))
        whole = sum(is_image(value) for value in values) * 2 > len(values)
        if whole or name in usual or len(names) == 1:
            found.append(((whole and share > 0, share, -_place(name, usual)), name))
    if not found:
        return None, 0.0
    (_, share, _), name = max(found)
    return name, share


def _place(name: str, usual: Sequence[str]) -> int:
    return usual.index(name) if name in usual else len(usual)


def read_rows(
    table: Table, where: str, find: Find, columns: Columns, *, skip: bool, skip_with: str
) -> Listed:
    """Find the picture, label, part and group of each row.

    Args:
        table: The list.
        where: Its path, for messages.
        find: Finds a picture.
        columns: Its columns.
        skip: Pass over rows whose picture is missing, with a warning, rather than stop.
        skip_with: The user's option that does so, for the error; "" for none.

    Raises:
        DataError: A picture is missing, or has several labels, or none has one.
    """
    if not table.rows:
        raise DataError(f"{where} lists no images: it has a header and no rows.")
    rows: dict[int, Row] = {}
    missing: list[str] = []
    unlabelled: list[int] = []
    contradictory: list[str] = []
    repeated = 0
    names = table.column(columns.path)
    splits, groups = (
        table.column(name) if name else [""] * len(names) for name in (columns.split, columns.group)
    )
    foreign = foreign_folders(names)
    for number, label in enumerate(columns.labels):
        named, line = names[number], table.lines[number]
        picture = find(named, foreign)
        part = part_of(splits[number]) if splits[number] else None
        if picture is None:
            missing.append(f"{table.unit} {line}: {named[:80]!r}")
        elif not label or (columns.split is not None and not part):  # no label, or a part without labels
            unlabelled.append(line)
        else:
            row = Row(picture, label, part or "", groups[number])
            before = rows.setdefault(picture, row)
            repeated += before is not row
            if before.label != label:
                contradictory.append(f"{named[:80]!r} as {before.label} and {label}")
    if contradictory:
        raise several_labels(where, len(contradictory), len(rows), f"such as {contradictory[0]}")
    warnings = list(columns.warnings)
    if missing:
        warnings.append(_missing(missing, len(table.rows), where, skip, skip_with))
    if unlabelled:
        warnings.append(_unlabelled(unlabelled, where, table.unit))
    if not rows:
        raise DataError(f"{where} lists no images with a label. Fill in the column of labels.")
    notes = []
    if repeated:
        notes.append(f"{where}: {repeated:,} {'row repeats' if repeated == 1 else 'rows repeat'} a picture")
    if columns.ignored:
        notes.append(f"{where}: columns not used: {shortened(columns.ignored)}")
    return Listed(where, list(rows.values()), columns, tuple(warnings), tuple(notes))


def _unlabelled(lines: Sequence[int], where: str, unit: str) -> str:
    if len(lines) == 1:
        return f"{where}: 1 row has no label or no part, and is left out ({unit} {lines[0]})"
    told = shortened([str(line) for line in lines], _SHOWN)
    return f"{where}: {len(lines):,} rows have no label or no part, and are left out ({unit}s {told})"


def _missing(missing: Sequence[str], whole: int, where: str, skip: bool, skip_with: str) -> str:
    names = "names" if whole == 1 else "name"
    told = (
        f"{where}: {len(missing):,} of {whole:,} rows {names} no picture that is there, or a name that several folders "
        f"have ({shortened(missing, _SHOWN)})"
    )
    if skip:
        return f"{told}; they are left out"
    pass_over = f", or pass over such rows with {skip_with}" if skip_with else ""
    raise BrokenPicturesError(
        f"{told}. Paths are looked for beside the list, in data.root, and in the folders below. Put the pictures "
        f"there{pass_over}."
    )
