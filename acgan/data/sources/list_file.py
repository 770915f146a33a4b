"""Sources that are one list of pictures: a .csv, .tsv, .jsonl, .json or .parquet file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from acgan.data.index import Index, Unlabelled, held_out_part
from acgan.data.layouts.branches import Labelled
from acgan.data.layouts.lists import Listed, Pictures, parts_of, understand
from acgan.data.layouts.table import read_table, table_ending
from acgan.data.options import ReadOptions
from acgan.data.sources.files import FileReader, Folder, digest_lines, file_stamp
from acgan.data.sources.tree import Parts, Tree
from acgan.data.sources.tree_source import make_index
from acgan.errors import DataError


class _Files:
    """Files by their whole paths, as the container of a tree without a top."""

    def __init__(self, where: str):
        self.where = where

    def tree(self) -> Tree:
        raise NotImplementedError

    def identity(self) -> str:
        raise NotImplementedError

    def content(self, file: Parts) -> bytes:
        return Path(*file).read_bytes()

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

    def find(self, named: str) -> int | None:
        """The number of the file that a row names, or None."""
        path = next((path for path in self._places(named) if os.path.isfile(path)), None) or self._below(
            named
        )
        return None if path is None else self._numbers.setdefault(path, len(self._numbers))

    def _places(self, named: str) -> list[Path]:
        if not named.strip() or "\0" in named:
            return []
        relative = Path(*parts_of(named))
        whole = [Path(named)] if Path(named).is_absolute() else []
        return [*whole, *(folder / relative for folder in self._folders)]

    def _below(self, named: str) -> Path | None:
        for folder, paths, pictures in self._trees:
            number = pictures.find(named)
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
        folders = [path.parent, *([options.pictures.expanduser()] if options.pictures else [])]
        self._finder = _Finder([folder for folder in folders if folder.is_dir()])

    def identity(self) -> str:
        _ = self._listed
        stamps = (f"{path} {file_stamp(path)}" for path in self._finder.files)
        return digest_lines(("list", str(self._path.resolve()), file_stamp(self._path), *stamps))

    def index(self) -> Index:
        listed, rows = self._listed, self._listed.rows
        groups = [row.group for row in rows]
        split = listed.columns.split
        found = Labelled(
            layout="list",
            positions=[row.picture for row in rows],
            names=[row.label for row in rows],
            parts=[row.part or "train" for row in rows],
            why=f"{self._path.name} names the pictures and their classes",
            label_source=f"{listed.columns.label_source} of {self._path.name}",
            part_source=f"column {split!r}" if split else "",
            notes=listed.notes,
            warnings=listed.warnings,
            groups=groups if any(groups) else None,
        )
        tree = Tree(tuple(path.parts for path in self._finder.files), frozenset())
        return make_index(_Files(str(self._path)), tree, found, self._options)

    def unlabelled(self) -> Unlabelled:
        rows = self._listed.rows
        held = held_out_part([row.part for row in rows])
        parts = ["test" if row.part == held else row.part for row in rows] if held else [""] * len(rows)
        files = self._finder.files
        return Unlabelled(FileReader([files[row.picture] for row in rows]), np.array(parts))

    @cached_property
    def _listed(self) -> Listed:
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise DataError(f"{self._path} cannot be read: {error.strerror or error}.") from error
        where = str(self._path)
        table = read_table(content, where, table_ending(self._path.name))
        if table is None:
            raise DataError(
                f"{where} is no list of pictures; expected JSON such as "
                '[{"file_name": "a.png", "label": "cat"}, …].'
            )
        listed = understand(
            table, where, self._finder.find, self._options.columns, skip=self._options.skip, sure=True
        )
        assert listed is not None  # a sure list is understood, or an error
        return listed
