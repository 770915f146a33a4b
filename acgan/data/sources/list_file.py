"""Sources that are one list of pictures: a .csv, .tsv, .jsonl, .json or .parquet file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from acgan.data.index import Index, Unlabelled, held_out_part
from acgan.data.layouts.columns import find_columns, given_column, no_label, told_columns
from acgan.data.layouts.folders import parts_by_folder
from acgan.data.layouts.lists import Listed, Pictures, naming_column, parts_of, read_rows
from acgan.data.layouts.table import Table, read_table, table_ending
from acgan.data.layouts.tree_lists import labelled_rows
from acgan.data.options import ReadOptions
from acgan.data.sources.files import FileReader, Folder, digest_lines, file_stamp
from acgan.data.sources.members import OversizedError
from acgan.data.sources.tree import Parts, Tree
from acgan.data.sources.tree_source import make_index
from acgan.errors import DataError
from acgan.reading import user_path


class _Files:
    """Files by their whole paths."""

    def __init__(self, where: str):
        self._where = where

    @property
    def where(self) -> str:
        return self._where

    def reader(self, files: Sequence[Parts]) -> FileReader:
        return FileReader([Path(*parts) for parts in files])


class _Finder:
    """Finds the files that a list names: by path, else anywhere below its folders."""

    def __init__(self, folders: Sequence[Path]):
        self._folders = folders
        self._numbers: dict[Path, int] = {}

    @property
    def files(self) -> list[Path]:
        """The files found so far; the position of each is its number."""
        return list(self._numbers)

    def find(self, named: str, foreign: Parts) -> int | None:
        """The number of the file that a row names, or None."""
        path = next((path for path in self._places(named) if os.path.isfile(path)), None)
        path = path or self._below(named, foreign)
        return None if path is None else self._numbers.setdefault(path, len(self._numbers))

    def _places(self, named: str) -> list[Path]:
        if not named.strip() or "\0" in named:
            return []
        relative = Path(*parts_of(named))
        whole = [Path(named)] if Path(named).is_absolute() else []
        return [*whole, *(folder / relative for folder in self._folders)]

    def _below(self, named: str, foreign: Parts) -> Path | None:
        for folder, paths, pictures in self._trees:
            number = pictures.find(named, foreign)
            if number is not None:
                return folder.joinpath(*paths[number])
        return None

    @cached_property
    def _trees(self) -> list[tuple[Path, list[Parts], Pictures]]:
        trees = []
        for folder in self._folders:
            tree = Folder(folder).tree()
            paths = [tree.files[position] for position in tree.pictures]
            trees.append((folder, paths, Pictures({parts: i for i, parts in enumerate(paths)}, ())))
        return trees


class ListSource:
    """A list of pictures, whose paths are relative to it or to ``data.root``."""

    def __init__(self, path: Path, options: ReadOptions):
        if options.layout not in ("auto", "list"):
            raise DataError(
                f"data.layout: found {options.layout!r}, which says nothing about {path}: it is a list. Leave it out."
            )
        self._path = path
        self._options = options
        folders = [path.parent, *([user_path(options.pictures)] if options.pictures else [])]
        self._finder = _Finder([folder for folder in folders if folder.is_dir()])

    def identity(self) -> str:
        _ = self._listed
        stamps = (f"{path} {file_stamp(path)}" for path in self._finder.files)
        return digest_lines(("list", str(self._path.resolve()), file_stamp(self._path), *stamps))

    def index(self) -> Index:
        listed, tree = self._listed, self._tree
        of_folders = parts_by_folder(tree)
        rows = {
            row.picture: replace(row, part=row.part or of_folders.get(row.picture, "train"))
            for row in listed.rows
        }
        found = labelled_rows(tree, rows, [listed], groups={}, warnings=listed.warnings, unnamed=())
        return make_index(_Files(str(self._path)), tree, found, self._options)

    @property
    def _tree(self) -> Tree:
        """The files that the list names, by their whole paths."""
        return Tree(tuple(path.parts for path in self._finder.files), frozenset())

    def unlabelled(self) -> Unlabelled:
        rows = self._listed.rows
        held = held_out_part([row.part for row in rows])
        parts = ["test" if row.part == held else row.part for row in rows] if held else [""] * len(rows)
        files = self._finder.files
        return Unlabelled(FileReader([files[row.picture] for row in rows]), np.array(parts))

    @cached_property
    def _listed(self) -> Listed:
        try:
            self._options.limits.check_size(self._path.stat().st_size)
            content = self._path.read_bytes()
        except OversizedError as error:
            raise DataError(f"{self._path} cannot be read: {error}.") from error
        except OSError as error:
            raise DataError(f"{self._path} cannot be read: {error.strerror or error}.") from error
        where = str(self._path)
        table = read_table(content, where, table_ending(self._path.name), self._options.limits)
        if table is None:
            raise DataError(
                f"{where} is no list of pictures; expected JSON such as "
                '[{"file_name": "a.png", "label": "cat"}, …].'
            )
        given = self._options.columns
        names = [given_column(table, "path", given["path"], where)] if "path" in given else table.columns
        path = naming_column(table, self._finder.find, names)[0]
        if path is None:
            raise _no_column("path", table, where)
        columns = find_columns(table, path, given, where)
        if columns is None:
            raise _no_column("label", table, where)
        options = self._options
        return read_rows(
            table, where, self._finder.find, columns, skip=options.skip, skip_with=options.skip_with
        )


def _no_column(purpose: str, table: Table, where: str) -> DataError:
    why = no_label(table) if purpose == "label" else "none has a usual name of the pictures' column"
    return DataError(
        f"{where} line 1 has the columns {told_columns(table)}: {why}. Name it: --set data.columns.{purpose}=NAME."
    )
