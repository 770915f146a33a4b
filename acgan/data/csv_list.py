"""Sources that are CSV lists of image files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from acgan.data.files import FileReader, class_name, digest_lines, file_stamp
from acgan.data.index import SPLIT_NAMES, Index, Unlabelled, choose_held_out, index_by_name
from acgan.data.options import ReadOptions
from acgan.errors import DataError, did_you_mean


class CsvSource:
    """A CSV file with the columns ``path`` (relative to the file), ``label`` and perhaps ``split``."""

    def __init__(self, path: Path, options: ReadOptions):
        self._path = path
        self._options = options

    def identity(self) -> str:
        paths = self._rows[0]
        stamps = (f"{path} {file_stamp(path)}" for path in paths)
        return digest_lines(("csv", str(self._path.resolve()), file_stamp(self._path), *stamps))

    def index(self) -> Index:
        paths, labels, splits = self._rows
        notes: list[str] = []
        held_out = None
        if splits:
            held, note = choose_held_out(set(splits))
            notes += [note] if note else []
            used = [row for row, split in enumerate(splits) if split in ("train", held)]
            paths, labels = [paths[row] for row in used], [labels[row] for row in used]
            if held:
                held_out = np.array([splits[row] == held for row in used], dtype=bool)
        return index_by_name(FileReader(paths), labels, held_out, notes)

    def unlabelled(self) -> Unlabelled:
        paths, _, splits = self._rows
        part_of = {"train": "train", choose_held_out(set(splits))[0]: "test"} if splits else {}
        parts = [part_of.get(split, "") for split in splits or [""] * len(paths)]
        return Unlabelled(FileReader(paths), np.array(parts))

    @cached_property
    def _rows(self) -> tuple[list[Path], list[str], list[str]]:
        """Path, label and (where there is such a column) split of each row."""
        try:
            with self._path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file, strict=True)
                columns = self._check_columns(reader.fieldnames)
                rows = [self._check_row(row, reader.line_num, columns) for row in reader]
        except (OSError, UnicodeError, csv.Error) as error:
            raise DataError(f"{self._path} cannot be read as CSV in UTF-8: {error}.") from error
        if not rows:
            raise DataError(f"{self._path} lists no images: it has a header and no rows.")
        return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows if row[2]]

    def _check_columns(self, columns: Sequence[str] | None) -> set[str]:
        found = list(columns or ())
        unknown = [column for column in found if column not in ("path", "label", "split")]
        missing = [column for column in ("path", "label") if column not in found]
        if unknown or missing or len(set(found)) < len(found):
            raise DataError(
                f"{self._path} line 1 has the columns {', '.join(map(repr, found)) or '(none)'}; expected path,"
                f" label and, if wanted, split, each once.{did_you_mean(unknown[0], missing) if unknown else ''}"
            )
        return set(found)

    def _check_row(
        self, row: dict[str | None, str | None], line: int, columns: set[str]
    ) -> tuple[Path, str, str]:
        def fail(problem: str) -> DataError:
            return DataError(f"{self._path} line {line} {problem}")

        if None in row or None in row.values():
            raise fail(f"does not have {len(columns)} fields as the header has. Mend that row.")
        values = {column: (row[column] or "").strip() for column in columns}
        if not values["label"]:
            raise fail("has an empty label. Give it one, or remove the row.")
        if not values["path"] or not (path := self._path.parent / values["path"]).is_file():
            raise fail(f"names {values['path']!r}, which is no file under {self._path.parent}.")
        split = values.get("split", "")
        if "split" in columns and split not in SPLIT_NAMES:
            raise fail(f"has the split {split!r}; expected train, test or val.")
        return path, class_name(values["label"]), split
