"""The columns of a list of pictures: which one names the picture, its label, its part and its group."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acgan.data.index import shortened
from acgan.data.layouts.names import part_of
from acgan.data.layouts.table import Table
from acgan.errors import DataError, did_you_mean

#: Usual names of the columns by purpose, the surest first. Case, blanks, dots and dashes do not count.
USUAL: dict[str, tuple[str, ...]] = {
    "path": (
        *("path", "file_name", "filename", "file", "filepath", "file_path", "image_path", "img_path"),
        *(
            "image_file",
            "image_name",
            "imagename",
            "image",
            "image_id",
            "img",
            "img_id",
            "id_code",
            "id",
            "name",
        ),
    ),
    "label": (
        *(
            "label",
            "class",
            "category",
            "target",
            "diagnosis",
            "dx",
            "y",
            "labels",
            "class_name",
            "classname",
        ),
        *(
            "label_name",
            "category_name",
            "class_id",
            "classid",
            "label_id",
            "category_id",
            "species",
            "breed",
        ),
    ),
    "split": ("split", "set", "subset", "partition", "fold"),
    "group": (
        "group",
        "group_id",
        "patient",
        "patient_id",
        "subject",
        "subject_id",
        "video",
        "video_id",
        "lesion_id",
    ),
}
_SEVERAL = re.compile(r"\s*[|;]\s*")


@dataclass(frozen=True)
class Columns:
    """Columns of a table by purpose.

    Attributes:
        path: Name of the picture's column.
        labels: Label of each row.
        label_source: The label's column, for people.
        split: Name of the column of parts, or None.
        group: Name of the column of groups, or None.
        ignored: Names of the others.
        warnings: Doubts about columns that are not used.
    """

    path: str
    labels: Sequence[str]
    label_source: str
    split: str | None
    group: str | None
    ignored: tuple[str, ...]
    warnings: tuple[str, ...]


def path_columns(table: Table, given: Mapping[str, str], where: str) -> list[str]:
    """Columns that may name the pictures, the surest first; the one of ``data.columns.path`` alone if given."""
    return (
        [given_column(table, "path", given["path"], where)]
        if "path" in given
        else usual_columns(table, "path")
    )


def find_columns(table: Table, path: str, given: Mapping[str, str], where: str) -> Columns | None:
    """Find label, part and group of a list whose pictures are named by the column ``path``.

    Returns:
        The columns; None if no column is a label.

    Raises:
        DataError: Several columns could be the label, or pictures have several labels.
    """
    chosen = {
        purpose: given_column(table, purpose, name, where)
        for purpose, name in given.items()
        if purpose != "path"
    }
    warnings: list[str] = []
    split = chosen.get("split") or _split_column(table, where, warnings)
    if "split" in chosen:
        _check_parts(table, chosen["split"], where)
    group = chosen.get("group") or next(iter(usual_columns(table, "group")), None)
    taken = {path, split, group}
    label = chosen.get("label") or label_column(table, taken, where)
    if label is not None:
        labels, source, used = _single_labels(table, label, where), f"column {label!r}", {label}
    else:
        hot = _one_hot_columns(table, taken)
        if not hot:
            return None
        labels, used = _of_one_hot(table, hot, where), set(hot)
        source = f"{len(hot)} columns of 0 and 1, {hot[0]!r} to {hot[-1]!r}"
    ignored = tuple(name for name in table.columns if name not in taken | used)
    return Columns(path, labels, source, split, group, ignored, tuple(warnings))


def given_column(table: Table, purpose: str, name: str, where: str) -> str:
    """A column that the user named.

    Raises:
        DataError: There is none of that name.
    """
    if name not in table.columns:
        raise DataError(
            f"data.columns.{purpose}: {where} has no column {name!r}; it has {', '.join(map(repr, table.columns))}."
            f"{did_you_mean(name, table.columns)}"
        )
    return name


def usual_columns(table: Table, purpose: str) -> list[str]:
    """Columns with a usual name for a purpose, the surest first."""
    plain = {re.sub(r"[\s.-]+", "_", name.lower()): name for name in reversed(table.columns)}
    return [plain[usual] for usual in USUAL[purpose] if usual in plain]


def _split_column(table: Table, where: str, warnings: list[str]) -> str | None:
    """The usual column whose values are names of parts; one with other values alone is not used, with a warning."""
    for name in usual_columns(table, "split"):
        values = sorted(set(table.column(name)) - {""})
        if any(part_of(value) is not None for value in values):
            _check_parts(table, name, where)
            return name
        if values:
            warnings.append(
                f"{where}: column {name!r} is not used, because its values are no names of parts "
                f"({shortened(values, 4)}). Rename them to train, val and test if they are parts."
            )
    return None


def _check_parts(table: Table, name: str, where: str) -> None:
    """Check that the values of a column are parts, or empty.

    Raises:
        DataError: One is not; the message names its line.
    """
    for line, value in zip(table.lines, table.column(name), strict=True):
        if value and part_of(value) is None:
            raise DataError(
                f"{where} {table.unit} {line} has the {name} {value!r}; expected train, val or test, or a like word."
            )


def label_column(table: Table, taken: set[str | None], where: str) -> str | None:
    """The usual column of labels; of several that say the same, the one in words."""
    found = [name for name in usual_columns(table, "label") if name not in taken]
    if len(found) < 2:
        return found[0] if found else None
    columns = [table.column(name) for name in found]
    pairs = [len(set(zip(columns[0], other, strict=True))) for other in columns[1:]]
    if len({len(set(column)) for column in columns} | set(pairs)) > 1:
        raise DataError(
            f"{where} has several columns that could be the label: {', '.join(map(repr, found))}. Choose one, as with "
            f"--set data.columns.label={found[0]}."
        )
    in_words = [name for name, column in zip(found, columns, strict=True) if not all(map(_is_number, column))]
    return (in_words or found)[0]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _single_labels(table: Table, label: str, where: str) -> list[str]:
    """The labels of a column.

    Raises:
        DataError: Some rows have several, such as ``cat|dog``.
    """
    labels = table.column(label)
    single = {value for value in labels if not _SEVERAL.search(value)}
    several = [value for value in labels if _SEVERAL.search(value) and set(_SEVERAL.split(value)) & single]
    if several:
        raise several_labels(where, len(several), len(labels), f"such as {several[0]!r}")
    return labels


def several_labels(where: str, count: int, whole: int, example: str) -> DataError:
    """The error for pictures with more than one label."""
    return DataError(
        f"{where}: {count:,} of {whole:,} pictures have several labels ({example}), and acgan takes one class a "
        "picture. Keep the rows with one label, or make a column with one label for each."
    )


def _one_hot_columns(table: Table, taken: set[str | None]) -> list[str]:
    """Columns of 0 and 1 alone, if there are at least two."""
    columns = [
        name
        for name in table.columns
        if name not in taken and {_hot(value) for value in table.column(name)} <= {0, 1}
    ]
    ones = any(_hot(value) for name in columns for value in table.column(name))
    return columns if len(columns) > 1 and ones else []


def _hot(value: str) -> int | None:
    return {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "": 0}.get(value)


def _of_one_hot(table: Table, hot: Sequence[str], where: str) -> list[str]:
    """The label of each row, "" where no column says 1."""
    places = [table.columns.index(name) for name in hot]
    labels, several = [], []
    for row in table.rows:
        on = [name for name, place in zip(hot, places, strict=True) if _hot(row[place])]
        several += [on] if len(on) > 1 else []
        labels.append(on[0] if len(on) == 1 else "")
    if several:
        raise several_labels(where, len(several), len(labels), f"such as {' and '.join(several[0])}")
    return labels
