"""Label files in a folder or an archive: lists, and StyleGAN's ``dataset.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acgan.data.index import shortened
from acgan.data.layouts.branches import Branch, Labelled, branch_of
from acgan.data.layouts.folders import parts_by_folder
from acgan.data.layouts.lists import Listed, Pictures, Row, names_pictures, parts_of, understand
from acgan.data.layouts.names import part_of, part_within
from acgan.data.layouts.table import Table, read_table, table_ending
from acgan.data.sources.tree import Container, Parts, Tree
from acgan.errors import DataError
from acgan.types import LeftOut

STYLEGAN = "dataset.json"
_LARGEST = 512 << 20  # bytes of a label file
_SUBMISSION = "submission"  # Kaggle's example of an answer, with made-up labels


@dataclass(frozen=True)
class FoundLists:
    """The label files of a tree.

    Attributes:
        labelled: The reading that they give, or None.
        unlabelled: Files that name pictures and tell no label.
    """

    labelled: Labelled | None
    unlabelled: tuple[str, ...]


def read_lists(
    container: Container, tree: Tree, given: Mapping[str, str], *, skip: bool, sure: bool
) -> FoundLists:
    """Read the label files that lie beside the pictures, or in the folder of a part.

    Args:
        container: Where they lie.
        tree: Its files.
        given: Columns that the user named, by purpose.
        skip: Pass over rows whose picture is missing.
        sure: The user says that there are lists.

    Raises:
        DataError: A list is damaged, or contradicts itself or another.
    """
    files = dict(zip((tree.files[position] for position in tree.pictures), tree.pictures, strict=True))
    branch = branch_of(tree).unwrapped()
    found: list[tuple[Parts, Listed]] = []
    unlabelled: list[str] = []
    for file in _candidates(tree, branch):
        where = f"{container.where}/{'/'.join(file)}"
        table = _table(container, file, where, sure)
        if table is None:
            continue
        pictures, part = Pictures(files, file[:-1]), _own_part(file, branch)

        def find(named: str, pictures: Pictures = pictures, part: str = part) -> int | None:
            return pictures.find(named, part)

        if not names_pictures(table, find):
            continue
        listed = understand(table, where, find, given, skip=skip, sure=False)
        if listed is None:
            unlabelled.append(where)
        else:
            found.append((file, listed))
    if not found:
        return FoundLists(None, tuple(unlabelled))
    return FoundLists(_together(tree, branch, found), tuple(unlabelled))


def _candidates(tree: Tree, branch: Branch) -> list[Parts]:
    """Label files in the wrappers of the pictures, and one folder below where that is a part or has no pictures."""
    depth = len(branch.prefix)
    found = []
    for file in tree.files:
        folder = file[:-1]
        beside = folder == branch.prefix[: len(folder)]
        below = (
            len(folder) == depth + 1
            and folder[:depth] == branch.prefix
            and (part_of(folder[-1]) is not None or folder[-1] not in branch.tops)
        )
        if (
            (beside or below)
            and table_ending(file[-1])
            and file[-1] != STYLEGAN
            and _SUBMISSION not in file[-1]
        ):
            found.append(file)
    return found


def _table(container: Container, file: Parts, where: str, sure: bool) -> Table | None:
    """A label file's rows; a damaged one is passed over unless the user says that it is a list."""
    try:
        content = container.content(file)
        return read_table(content, where, table_ending(file[-1])) if len(content) <= _LARGEST else None
    except DataError:
        if sure:
            raise
        return None


def _own_part(file: Parts, branch: Branch) -> str:
    """The part that a list is of, by its folder or its own name; "" if neither tells one."""
    folder = file[len(branch.prefix) : -1]
    return (part_of(folder[0]) if folder else None) or part_within(file[-1].rpartition(".")[0]) or ""


def _together(tree: Tree, branch: Branch, found: Sequence[tuple[Parts, Listed]]) -> Labelled:
    """One reading of all lists, which must not contradict each other."""
    rows: dict[int, Row] = {}
    parts: dict[int, str] = {}
    origin: dict[int, str] = {}
    of_folders = parts_by_folder(tree)
    for file, listed in found:
        own = _own_part(file, branch)
        for row in listed.rows:
            part = row.part or own or of_folders.get(row.picture, "train")
            before = rows.setdefault(row.picture, row)
            if parts.setdefault(row.picture, part) != part or before.label != row.label:
                raise DataError(
                    f"{origin[row.picture]} and {listed.where} say different things of "
                    f"{'/'.join(tree.files[row.picture])}: {before.label} ({parts[row.picture]}), {row.label} "
                    f"({part}). Give the list to use itself, as --data LIST, or move the other away."
                )
            origin.setdefault(row.picture, listed.where)
    positions = sorted(rows)
    lists = [listed for _, listed in found]
    groups = [rows[position].group for position in positions]
    named = shortened([_short(listed.where, lists) for listed in lists], 3)
    unnamed = [position for position in tree.pictures if position not in rows]
    return Labelled(
        layout="list",
        positions=positions,
        names=[rows[position].label for position in positions],
        parts=[parts[position] for position in positions],
        why=f"{named} {'names' if len(lists) == 1 else 'name'} the pictures and their classes",
        label_source=f"{lists[0].columns.label_source} of {named}",
        part_source=_part_source(lists, set(parts.values())),
        notes=tuple(note for listed in lists for note in listed.notes),
        warnings=tuple(warning for listed in lists for warning in listed.warnings),
        left_out=(
            (
                LeftOut(
                    "pictures that no list names",
                    len(unnamed),
                    tuple("/".join(tree.files[position]) for position in unnamed[:3]),
                ),
            )
            if unnamed
            else ()
        ),
        groups=groups if any(groups) else None,
    )


def _short(where: str, lists: Sequence[Listed]) -> str:
    """A list's name; with its folder where several have the same."""
    name = where.rpartition("/")[2]
    same = sum(listed.where.rpartition("/")[2] == name for listed in lists)
    return name if same == 1 else "/".join(where.split("/")[-2:])


def _part_source(lists: Sequence[Listed], parts: set[str]) -> str:
    split = next((listed.columns.split for listed in lists if listed.columns.split), None)
    if split:
        return f"column {split!r}"
    return "names of lists or folders" if parts != {"train"} else ""


def read_stylegan(container: Container, tree: Tree) -> Labelled | None:
    """StyleGAN's ``dataset.json``: ``{"labels": [["00000/img00000000.png", 6], …]}``.

    ``acgan data pack`` adds the names of classes, ``class_names``, and the held-out files, ``test``.

    Raises:
        DataError: The file is damaged, or names a picture that is not there.
    """
    branch = branch_of(tree).unwrapped()
    prefixes = [branch.prefix[:depth] for depth in range(len(branch.prefix) + 1)]
    file = next((found for prefix in prefixes if (found := (*prefix, STYLEGAN)) in set(tree.files)), None)
    if file is None:
        return None
    where = f"{container.where}/{'/'.join(file)}"
    try:
        saved = json.loads(container.content(file))
        labels = saved["labels"]
        pairs = None if labels is None else [(str(name), _label(label)) for name, label in labels]
        names = [str(name) for name in saved.get("class_names", ())]
        test = set(map(str, saved.get("test", ())))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f'{where} is not what StyleGAN reads: expected {{"labels": [["FILE", CLASS], …]}}. Make it anew.'
        ) from error
    if pairs is None:
        return None
    positions = {tree.files[position]: position for position in tree.pictures}
    placed = [(positions.get((*file[:-1], *parts_of(name))), label, name) for name, label in pairs]
    missing = [name for position, _, name in placed if position is None]
    if missing:
        raise DataError(
            f"{where} names {len(missing):,} pictures that are not there, such as {missing[0]!r}. Make it anew."
        )
    if names and not all(0 <= label < len(names) for _, label in pairs):
        raise DataError(f"{where} has {len(names)} class_names and labels beyond them. Make it anew.")
    known = sorted((position, label, name) for position, label, name in placed if position is not None)
    return Labelled(
        layout="list",
        positions=[position for position, _, _ in known],
        names=[names[label] if names else str(label) for _, label, _ in known],
        parts=["test" if name in test else "train" for _, _, name in known],
        why=f"{STYLEGAN} names the pictures and their classes, as StyleGAN has it",
        label_source=f"{STYLEGAN}{'' if names else ', numbers of classes'}",
        part_source=STYLEGAN if test else "",
        order=tuple(names),
    )


def _label(value: Any) -> int:
    """A class number, also of a one-hot vector."""
    if isinstance(value, list):
        if sorted(value)[:-1] != [0] * (len(value) - 1) or max(value) != 1:
            raise ValueError("neither a number nor a one-hot vector")
        return value.index(1)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("no class number")
    return value
