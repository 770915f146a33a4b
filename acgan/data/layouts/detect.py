"""The choice of a layout: the one reading of a tree that nothing speaks against, or an error that names them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from acgan.data.layouts.branches import Labelled
from acgan.data.layouts.folders import FOLDER_LAYOUTS
from acgan.data.layouts.names import is_code
from acgan.data.layouts.signs import is_nested
from acgan.data.layouts.stylegan import read_stylegan
from acgan.data.layouts.tree_lists import read_lists
from acgan.data.options import ReadOptions
from acgan.data.sources.endings import unread_pictures
from acgan.data.sources.tree import Container, Tree
from acgan.errors import DataError
from acgan.showing import command

#: Folder layouts that are tried without being asked for, the more special first.
_TRIED = ("splits", "classes")


def detect(container: Container, tree: Tree, options: ReadOptions) -> Labelled:
    """Find the labelled pictures of a tree.

    Raises:
        DataError: There are no pictures or labels, or more than one way to read them.
    """
    if not tree.pictures:
        raise _no_pictures(container.where, tree)
    if options.layout == "list":
        return _given_list(container, tree, options)
    if options.layout != "auto":
        found = FOLDER_LAYOUTS[options.layout](tree)
        if found is None:
            raise DataError(
                f"data.layout={options.layout}: {container.where} has no such folders with pictures. Look at it with "
                f"`{command('data', 'show', container.where)}`, or leave data.layout to auto."
            )
        return found
    tried = (*_TRIED, *(("leaves",) if is_nested(tree) else ()))
    readings = [found for key in tried if (found := FOLDER_LAYOUTS[key](tree)) is not None]
    sure = [reading for reading in readings if not reading.doubts and reading.layout in _TRIED]
    try:
        lists = read_lists(container, tree, options, sure=bool(options.columns))
        listed = read_stylegan(container, tree) or lists.labelled
    except DataError as error:
        if not sure or options.columns:
            raise
        raise type(error)(
            f"{error} To take the labels from the folders: --set data.layout={sure[0].layout}."
        ) from error
    if options.columns and lists.labelled is None:
        raise _no_list("data.columns", container.where)
    if listed is not None and (not sure or "label" in options.columns):
        return listed
    if not sure:
        told = [*(one.reason for one in lists.unlabelled), *lists.broken]
        raise _ambiguous(container.where, readings, told, len(tree.pictures))
    folders = sure[0]
    if listed is not None:
        agreed = _agreed(folders, listed)
        if agreed is None:
            raise _ambiguous(container.where, [folders, listed])
        return agreed
    for one in lists.unlabelled:
        if one.columns and not one.few and not any(_tells(folders, column) for column in one.columns):
            raise _ambiguous(container.where, [folders], [one.reason], beside=one.where)
    told = [f"{reason} The labels are those of the folders." for reason in lists.broken]
    told += [
        f"{one.where} has rows for few of the pictures, and is not used. The labels are those of the folders."
        for one in lists.unlabelled
        if one.columns and one.few
    ]
    notes = [
        f"{one.where} has no column of labels, and is not used" for one in lists.unlabelled if not one.columns
    ]
    return replace(folders, warnings=(*folders.warnings, *told), notes=(*folders.notes, *notes))


def _tells(folders: Labelled, column: Mapping[int, str]) -> bool:
    """True if a list's column says of each picture what its folder says."""
    by_folder = dict(zip(folders.positions, folders.names, strict=True))
    pairs = {(by_folder[position], value) for position, value in column.items() if position in by_folder}
    return len(pairs) == len({folder for folder, _ in pairs}) == len({value for _, value in pairs}) > 0


def _given_list(container: Container, tree: Tree, options: ReadOptions) -> Labelled:
    stylegan = read_stylegan(container, tree)
    found = stylegan or read_lists(container, tree, options, sure=True).labelled
    if found is None:
        raise _no_list("data.layout=list", container.where)
    return found


def _no_list(key: str, where: str) -> DataError:
    return DataError(
        f"{key}: {where} has no list that names its pictures and their labels (.csv, .tsv, .jsonl, .json or .parquet). "
        "Name its columns with data.columns.path and data.columns.label, or leave the key out."
    )


def _agreed(folders: Labelled, listed: Labelled) -> Labelled | None:
    """The better named of two readings that tell the same classes; None if they contradict each other."""
    by_folder = dict(zip(folders.positions, zip(folders.names, folders.parts, strict=True), strict=True))
    pairs, told = set(), set()
    for position, name, part in zip(listed.positions, listed.names, listed.parts, strict=True):
        if position not in by_folder:
            return None
        folder, own_part = by_folder[position]
        pairs.add((folder, name))
        told.add((own_part, part))
    one_to_one = len(pairs) == len({folder for folder, _ in pairs}) == len({name for _, name in pairs})
    same = all(folder == name for folder, name in pairs)
    if not one_to_one or (not same and {folder for folder, _ in pairs} & {name for _, name in pairs}):
        return None
    whole = len(listed.positions) == len(folders.positions)
    if listed.part_source and any(own != part for own, part in told):
        return (
            replace(listed, names=_folder_names(folders, listed))
            if whole and folders.layout == "classes"
            else None
        )
    if same or all(is_code(name) for _, name in pairs):
        return replace(folders, groups=_groups(folders, listed), notes=(*folders.notes, *listed.notes))
    return listed if whole and all(is_code(folder) for folder, _ in pairs) else None


def _folder_names(folders: Labelled, listed: Labelled) -> list[str]:
    """The folders' names for the pictures of a list."""
    by_folder = dict(zip(folders.positions, folders.names, strict=True))
    return [by_folder[position] for position in listed.positions]


def _groups(folders: Labelled, listed: Labelled) -> list[str] | None:
    """A list's groups for the pictures of folders."""
    if listed.groups is None:
        return None
    by_list = dict(zip(listed.positions, listed.groups, strict=True))
    return [by_list.get(position, "") for position in folders.positions]


def _no_pictures(where: str, tree: Tree) -> DataError:
    left = "; ".join(f"{one.reason}: {one.count:,}" for one in tree.left_out)
    unread = unread_pictures(parts[-1] for parts in tree.files)
    told = [f" {unread}." if unread else "", f" Left out: {left}." if left else ""]
    return DataError(
        f"{where} holds no images; expected one folder per class ({where}/<class>/*.png), or train/ and test/ with "
        f"such folders in each. Images end in .png, .jpg and the like.{''.join(told)}"
    )


def _ambiguous(
    where: str, readings: Sequence[Labelled], lists: Sequence[str] = (), pictures: int = 0, beside: str = ""
) -> DataError:
    """The error for labels that nothing tells, or that can be read in several ways.

    Args:
        where: The source.
        readings: The ways.
        lists: Reasons why lists do not tell.
        pictures: Number of pictures.
        beside: A list that speaks against the one reading; "" for none.
    """
    told = "".join(f"\n{reason.rstrip('.')}." for reason in lists[:3])
    if not readings:
        return DataError(
            f"{where} holds {pictures:,} {'image' if pictures == 1 else 'images'} but no folder of a class and no list "
            f"of labels; expected one folder per class ({where}/<class>/*.png). Move each image into a folder named "
            f"after its class, or add a .csv with the columns path and label.{told}"
        )
    lines = []
    for reading in readings:
        doubts = f"\n    but {'; '.join(reading.doubts)}" if reading.doubts else ""
        lines.append(f"  data.layout={reading.layout}: {reading.describe()}{doubts}")
    one = len(readings) == 1
    choose = f"{'If it is right, choose it' if one else 'Choose'} with --set data.layout="
    choose += readings[0].layout if one else "..."
    other = f"move {beside} away" if beside else "give the folder that has the class folders"
    return DataError(
        f"{where}: it is not sure what the classes are, and a wrong guess would train on wrong labels. "
        f"{'The only reading' if one else 'The readings'}:\n"
        + "\n".join(lines)
        + f"\n{choose}, or {other}."
        + told
    )
