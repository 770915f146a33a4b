"""Label files in a folder or an archive: lists, and StyleGAN's ``dataset.json``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from acgan.data.index import shortened
from acgan.data.layouts.branches import Branch, Labelled, branch_of
from acgan.data.layouts.columns import (
    find_columns,
    given_column,
    group_column,
    named_labels,
    no_label,
    told_columns,
)
from acgan.data.layouts.folders import parts_by_folder
from acgan.data.layouts.label_values import possible_labels
from acgan.data.layouts.lists import Find, Listed, Pictures, Row, naming_column, read_rows
from acgan.data.layouts.names import part_of, part_within
from acgan.data.layouts.stylegan import STYLEGAN
from acgan.data.layouts.table import Table, read_table, table_ending
from acgan.data.options import ReadOptions
from acgan.data.sources.tree import EXAMPLES, Container, Parts, Tree
from acgan.errors import DataError
from acgan.types import LeftOut

_MANY = 50  # label files from which on they are taken for files beside single pictures
_SUBMISSION = "submission"  # Kaggle's example of an answer, with made-up labels


@dataclass(frozen=True)
class FoundLists:
    """The label files of a tree.

    Attributes:
        labelled: The reading that they give, or None.
        unlabelled: Files that name pictures, without a column that has a usual name of a label.
        broken: Reasons why other files cannot be read or used.
    """

    labelled: Labelled | None
    unlabelled: tuple[WithoutLabels, ...]
    broken: tuple[str, ...]


@dataclass(frozen=True)
class WithoutLabels:
    """A file that names pictures, without a column that has a usual name of a label.

    Attributes:
        where: Its path.
        reason: A sentence for people.
        columns: Values by picture of each column that could be a label; no pictures where it is not known which.
        few: True if it has rows for less than half of the pictures.
    """

    where: str
    reason: str
    columns: tuple[Mapping[int, str], ...]
    few: bool


@dataclass(frozen=True)
class _Candidate:
    """A label file that names pictures of a tree: its path, table, and the column that names them."""

    file: Parts
    where: str
    table: Table
    path: str
    pictures: Pictures
    part: str

    def find(self, named: str, foreign: Parts) -> int | None:
        return self.pictures.find(named, foreign, self.part)


def read_lists(container: Container, tree: Tree, options: ReadOptions, *, sure: bool) -> FoundLists:
    """Read the label files that lie beside the pictures, or in the folder of a part.

    Args:
        container: Where they lie.
        tree: Its files.
        options: Columns that the user named, and what to do with rows whose picture is missing.
        sure: The user says that there are lists, so that one that cannot be used is an error.

    Raises:
        DataError: A list contradicts itself or another, or names pictures that are missing; with ``sure``, it is
            damaged.
    """
    branch, given = branch_of(tree).unwrapped(), options.columns
    candidates, unlabelled, broken = _candidates(container, tree, branch, given, sure)
    found: list[tuple[_Candidate, Listed]] = []
    groups: dict[int, str] = {}
    for one in candidates:
        known = find_columns(one.table, one.path, given, one.where)
        if known is not None:
            rows = read_rows(
                one.table, one.where, one.find, known, skip=options.skip, skip_with=options.skip_with
            )
            found.append((one, rows))
            continue
        groups |= _values(one, group_column(one.table) or "")
        values = tuple(_values(one, name) for name in _possible(one.table, one.path))
        unlabelled.append(
            WithoutLabels(one.where, _reason(one.table, one.where), values, _few(one.table, tree))
        )
    labelled = _together(tree, branch, found, groups) if found else None
    return FoundLists(labelled, tuple(unlabelled), tuple(broken))


def _possible(table: Table, path: str) -> list[str]:
    """Columns that could be labels, by their names or their values."""
    return sorted({*possible_labels(table, {path, group_column(table)}), *named_labels(table)})


def _reason(table: Table, where: str) -> str:
    return (
        f"{where} names pictures, but {no_label(table)}; it has {told_columns(table)}. Name the column of labels with "
        "--set data.columns.label=NAME"
    )


def _few(table: Table, tree: Tree) -> bool:
    return 2 * len(table.rows) < len(tree.pictures)


def _values(one: _Candidate, name: str) -> dict[int, str]:
    """The values of a column by picture."""
    if not name:
        return {}
    pairs = zip(one.table.column(one.path), one.table.column(name), strict=True)
    return {found: value for named, value in pairs if value and (found := one.find(named, ())) is not None}


def _candidates(
    container: Container, tree: Tree, branch: Branch, given: Mapping[str, str], sure: bool
) -> tuple[list[_Candidate], list[WithoutLabels], list[str]]:
    """Label files that name pictures of the tree, those that name several alike, and reasons against others."""
    files = dict(zip((tree.files[position] for position in tree.pictures), tree.pictures, strict=True))
    found: list[_Candidate] = []
    several: list[WithoutLabels] = []
    broken: list[str] = []
    for file in _label_files(tree, branch):
        where = f"{container.where}/{'/'.join(file)}"
        try:
            table = read_table(container.content(file), where, table_ending(file[-1]), container.limits)
        except DataError as error:
            if sure:
                raise
            broken += [str(error)] if table_ending(file[-1]) != ".json" else []
            continue
        if table is None or any(name not in table.columns for name in given.values()):
            continue
        pictures, part = Pictures(files, file[:-1]), _own_part(file, branch)
        names = [given_column(table, "path", given["path"], where)] if "path" in given else table.columns

        def find(named: str, foreign: Parts, pictures: Pictures = pictures, part: str = part) -> int | None:
            return pictures.find(named, foreign, part)

        path, share = naming_column(table, find, names)
        if path is not None and share >= 0.5 and _names_most(table, path, find, files):
            found.append(_Candidate(file, where, table, path, pictures, part))
        elif path is not None and _share(table, path, pictures.knows) >= 0.5 > share:
            possible = _possible(table, path)
            unclear = (
                f"{where}: its column {path!r} does not say which pictures it means: several folders have pictures of "
                "these names, or the folders that it writes are other ones. Write the folder of each picture before "
                f"its name, or give {where} itself, and the folder of its pictures with --set data.root=FOLDER"
            )
            reason = unclear if possible else _reason(table, where)
            several.append(WithoutLabels(where, reason, ({},) if possible else (), _few(table, tree)))
        elif path is not None and share > 0:
            broken.append(
                f"{where} names few pictures that are there, by its column {path!r}: {share:.0%} of its rows."
            )
    return found, several, broken


def _share(table: Table, name: str, known: Callable[[str], bool]) -> float:
    values = table.column(name)
    return sum(map(known, values)) / max(1, len(values))


def _names_most(table: Table, path: str, find: Find, files: Mapping[Parts, int]) -> bool:
    """True unless names without an ending meet only a part of a folder, as numbers of classes do."""
    values = table.column(path)
    if any("." in value for value in values):
        return True
    named = {find(value, ()) for value in values} - {None}
    folders = {parts[:-1] for parts, number in files.items() if number in named}
    return 2 * len(named) >= sum(parts[:-1] in folders for parts in files)


def _label_files(tree: Tree, branch: Branch) -> list[Parts]:
    """Files that could be lists: all of them, or where there are many those beside the pictures' folders."""
    every = [
        file
        for file in tree.files
        if table_ending(file[-1]) and file[-1] != STYLEGAN and _SUBMISSION not in file[-1].lower()
    ]
    if len(every) <= _MANY:
        return every
    depth = len(branch.prefix)
    return [
        file
        for file in every
        if file[:-1] == branch.prefix[: len(file) - 1]
        or (len(file) == depth + 2 and file[:depth] == branch.prefix and part_of(file[depth]) is not None)
    ]


def _own_part(file: Parts, branch: Branch) -> str:
    """The part that a list is of, by its folder or its own name; "" if neither tells one."""
    folder = file[len(branch.prefix) : -1]
    return (part_of(folder[0]) if folder else None) or part_within(file[-1].rpartition(".")[0]) or ""


def _together(
    tree: Tree, branch: Branch, found: Sequence[tuple[_Candidate, Listed]], groups: Mapping[int, str]
) -> Labelled:
    """One reading of all lists, which must not contradict each other."""
    dropped: list[str] = []
    if len({bool(one.part) for one, _ in found}) > 1 and not any(listed.columns.split for _, listed in found):
        dropped = [listed.where for one, listed in found if not one.part]
        found = [(one, listed) for one, listed in found if one.part]
    rows: dict[int, Row] = {}
    origin: dict[int, str] = {}
    of_folders = parts_by_folder(tree)
    beyond, has_train = 0, "train" in of_folders.values()
    for one, listed in found:
        for row in listed.rows:
            beyond += has_train and not (row.part or one.part) and row.picture not in of_folders
            row = replace(row, part=row.part or one.part or of_folders.get(row.picture, "train"))
            before = rows.setdefault(row.picture, row)
            if (before.label, before.part) != (row.label, row.part):
                raise DataError(
                    f"{origin[row.picture]} and {listed.where} say different things of "
                    f"{'/'.join(tree.files[row.picture])}: {before.label} ({before.part}), {row.label} ({row.part}). "
                    "Give the list to use itself, or move the other away."
                )
            origin.setdefault(row.picture, listed.where)
    lists = [listed for _, listed in found]
    warnings = [warning for listed in lists for warning in listed.warnings]
    if dropped:
        warnings.append(
            f"not used, because other lists are of parts and it is of none: {shortened(dropped, 3)}"
        )
    if beyond:
        told = (
            "picture lies beside the parts, and is"
            if beyond == 1
            else "pictures lie beside the parts, and are"
        )
        warnings.append(f"{beyond:,} {told} trained on, because a list names them")
    unnamed = [position for position in tree.pictures if position not in rows]
    if len(unnamed) > len(rows):
        warnings.append(
            f"{len(unnamed):,} pictures that no list names are left out, and {len(rows):,} are used"
        )
    return labelled_rows(tree, rows, lists, groups=groups, warnings=warnings, unnamed=unnamed)


def labelled_rows(
    tree: Tree,
    rows: Mapping[int, Row],
    lists: Sequence[Listed],
    *,
    groups: Mapping[int, str],
    warnings: Sequence[str],
    unnamed: Sequence[int],
) -> Labelled:
    """The reading that lists give.

    Args:
        tree: The files.
        rows: What is said of each picture.
        lists: The lists.
        groups: Groups of pictures of which no row tells one.
        warnings: Doubts.
        unnamed: Positions of the pictures that no list names.
    """
    positions = sorted(rows)
    parts = [rows[position].part or "train" for position in positions]
    told = [rows[position].group or groups.get(position, "") for position in positions]
    named = shortened([_short(listed.where, lists) for listed in lists], 3)
    split = next((listed.columns.split for listed in lists if listed.columns.split), None)
    by_name = "names of lists or folders" if set(parts) != {"train"} else ""
    names = tuple("/".join(tree.files[position]) for position in unnamed[:EXAMPLES])
    return Labelled(
        layout="list",
        positions=positions,
        names=[rows[position].label for position in positions],
        parts=parts,
        why=f"{named} {'names' if len(lists) == 1 else 'name'} the pictures and their classes",
        label_source=f"{lists[0].columns.label_source} of {named}",
        part_source=f"column {split!r}" if split else by_name,
        notes=tuple(note for listed in lists for note in listed.notes),
        warnings=tuple(warnings),
        left_out=(LeftOut("pictures that no list names", len(unnamed), names),) if unnamed else (),
        groups=told if any(told) else None,
    )


def _short(where: str, lists: Sequence[Listed]) -> str:
    """A list's name; with its folder where several have the same."""
    name = where.rpartition("/")[2]
    same = sum(listed.where.rpartition("/")[2] == name for listed in lists)
    return name if same == 1 else "/".join(where.split("/")[-2:])
