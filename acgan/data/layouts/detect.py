"""The choice of a layout: the one reading of a tree that nothing speaks against, or an error that names them all."""

from __future__ import annotations

from collections.abc import Sequence

from acgan.data.index import shortened
from acgan.data.layouts.branches import Labelled
from acgan.data.layouts.folders import FOLDER_LAYOUTS
from acgan.data.layouts.names import is_code
from acgan.data.layouts.signs import is_nested
from acgan.data.layouts.tree_lists import read_lists, read_stylegan
from acgan.data.options import ReadOptions
from acgan.data.sources.endings import unread_pictures
from acgan.data.sources.tree import Container, Tree
from acgan.errors import DataError

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
                f"`acgan data show {container.where}`, or leave data.layout to auto."
            )
        return found
    stylegan = read_stylegan(container, tree)
    lists = read_lists(container, tree, options.columns, skip=options.skip, sure=bool(options.columns))
    listed = stylegan or lists.labelled
    if options.columns and lists.labelled is None:
        raise _no_list("data.columns", container.where)
    tried = (*_TRIED, *(("leaves",) if is_nested(tree) else ()))
    readings = [found for key in tried if (found := FOLDER_LAYOUTS[key](tree)) is not None]
    sure = [reading for reading in readings if not reading.doubts and reading.layout in _TRIED]
    if listed is not None and not sure:
        return listed
    if listed is not None:
        agreed = _agreed(sure[0], listed)
        if agreed is not None:
            return agreed
        raise _ambiguous(container.where, [sure[0], listed])
    if sure:
        return sure[0]
    raise _ambiguous(container.where, readings, lists.unlabelled, len(tree.pictures))


def _given_list(container: Container, tree: Tree, options: ReadOptions) -> Labelled:
    stylegan = read_stylegan(container, tree)
    found = stylegan or read_lists(container, tree, options.columns, skip=options.skip, sure=True).labelled
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
    if not one_to_one or (listed.part_source and any(own != part for own, part in told)):
        return None
    if all(is_code(name) for _, name in pairs) or all(folder == name for folder, name in pairs):
        return folders
    whole = len(listed.positions) == len(folders.positions)
    return listed if whole and all(is_code(folder) for folder, _ in pairs) else None


def _no_pictures(where: str, tree: Tree) -> DataError:
    left = "; ".join(f"{one.reason}: {one.count:,}" for one in tree.left_out)
    unread = unread_pictures(parts[-1] for parts in tree.files)
    told = [f" {unread}." if unread else "", f" Left out: {left}." if left else ""]
    return DataError(
        f"{where} holds no images; expected one folder per class ({where}/<class>/*.png), or train/ and test/ with "
        f"such folders in each. Images end in .png, .jpg and the like.{''.join(told)}"
    )


def _ambiguous(
    where: str, readings: Sequence[Labelled], unlabelled: Sequence[str] = (), pictures: int = 0
) -> DataError:
    """The error for labels that nothing tells, or that can be read in several ways."""
    named = ""
    if unlabelled:
        named = (
            f"\n{shortened(list(unlabelled), 3)} names pictures, but no column has a usual name of a label: "
            "--set data.columns.label=NAME."
        )
    if not readings:
        return DataError(
            f"{where} holds {pictures:,} {'image' if pictures == 1 else 'images'} but no folder of a class and no list "
            f"of labels; expected one folder per class ({where}/<class>/*.png). Move each image into a folder named "
            f"after its class, or add a .csv with the columns path and label.{named}"
        )
    lines = []
    for reading in readings:
        doubts = f"\n    but {'; '.join(reading.doubts)}" if reading.doubts else ""
        lines.append(f"  data.layout={reading.layout}: {reading.describe()}{doubts}")
    return DataError(
        f"{where}: it is not sure what the classes are, and a wrong guess would train on wrong labels. The readings:\n"
        + "\n".join(lines)
        + "\nChoose with --set data.layout=..., or name the folder that has the class folders with --data."
        + named
    )
