"""The columns of a list of pictures: which one tells the label, the part and the group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acgan.data.index import shortened
from acgan.data.layouts.label_values import (
    can_be_label,
    column_key,
    is_number,
    labels_of_one_hot,
    one_hot_columns,
    quoted,
    single_labels,
)
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
        *(
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
    ),
}
_BOXES = ({"xmin", "ymin"}, {"x1", "y1"}, {"x", "y", "w", "h"}, {"x", "y", "width", "height"})
_SHOWN = 12


@dataclass(frozen=True)
class Columns:
    """Columns of a table by purpose.

    Attributes:
        path: Name of the picture's column.
        labels: Label of each row, "" for none.
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
    group = chosen.get("group") or group_column(table)
    splits = {chosen["split"]} if "split" in chosen else set(usual_columns(table, "split"))
    taken = {path, group, *splits}
    label = chosen.get("label") or label_column(table, taken, where)
    if label is not None:
        labels, source, used = single_labels(table, label, where), f"column {label!r}", {label}
    else:
        hot = one_hot_columns(table, taken, where)
        if not hot:
            return None
        labels, used = labels_of_one_hot(table, hot, where), set(hot)
        source = f"{len(hot)} columns of 0 and 1, {hot[0]!r} to {hot[-1]!r}"
    warnings: list[str] = []
    split = (
        _checked(table, chosen["split"], where)
        if "split" in chosen
        else _split_column(table, where, warnings)
    )
    names = {column_key(name) for name in table.columns}
    if any(box <= names for box in _BOXES):
        warnings.append(f"{where} has boxes: each picture counts whole, as one picture of its class.")
    ignored = tuple(name for name in table.columns if name and name not in {path, split, group} | used)
    return Columns(path, labels, source, split, group, ignored, tuple(warnings))


def given_column(table: Table, purpose: str, name: str, where: str) -> str:
    """A column that the user named.

    Raises:
        DataError: There is none of that name.
    """
    if name not in table.columns:
        raise DataError(
            f"data.columns.{purpose}: {where} has no column {name!r}; it has {told_columns(table)}."
            f"{did_you_mean(name, table.columns)}"
        )
    return name


def told_columns(table: Table) -> str:
    """The names of a table's columns, for messages."""
    return shortened([quoted(name) for name in table.columns if name], _SHOWN) or "(none)"


def usual_columns(table: Table, purpose: str) -> list[str]:
    """Columns with a usual name for a purpose, the surest first."""
    return [name for usual in USUAL[purpose] for name in table.columns if column_key(name) == usual]


def group_column(table: Table) -> str | None:
    """The column of groups with a usual name, if there is one."""
    return next(iter(usual_columns(table, "group")), None)


def named_labels(table: Table) -> list[str]:
    """Columns with a usual name of a label, whatever their values; ``y`` beside ``x`` measures."""
    measures = "x" in map(column_key, table.columns)
    return [name for name in usual_columns(table, "label") if not (measures and column_key(name) == "y")]


def no_label(table: Table) -> str:
    """Reason why a table has no column of labels, a clause."""
    usual = usual_columns(table, "label")
    if not usual:
        return "no column has a usual name of a label"
    return (
        f"its column {usual[0]!r} is not like classes: nearly every picture has a value of its own, or the values are "
        "names of files or numbers that are not whole"
    )


def label_column(table: Table, taken: set[str | None], where: str) -> str | None:
    """The usual column of labels; of several that say the same, the one in words.

    Raises:
        DataError: Several columns with usual names say different things.
    """
    found = [
        name for name in usual_columns(table, "label") if name not in taken and can_be_label(table, name)
    ]
    if len(found) < 2:
        return found[0] if found else None
    columns = [table.column(name) for name in found]
    pairs = [len(set(zip(columns[0], other, strict=True))) for other in columns[1:]]
    if len({len(set(column)) for column in columns} | set(pairs)) > 1:
        raise DataError(
            f"{where} has several columns that could be the label: {', '.join(map(repr, found))}. Choose one, as with "
            f"--set data.columns.label={found[0]}."
        )
    in_words = [name for name, column in zip(found, columns, strict=True) if not all(map(is_number, column))]
    return (in_words or found)[0]


def _split_column(table: Table, where: str, warnings: list[str]) -> str | None:
    """The usual column whose values are names of parts; one with other values alone is not used, with a warning."""
    for name in usual_columns(table, "split"):
        values = sorted(set(table.column(name)) - {""})
        if any(part_of(value) is not None for value in values):
            return _checked(table, name, where)
        if values:
            warnings.append(
                f"{where}: column {name!r} is not used, because its values are no names of parts "
                f"({shortened([quoted(value) for value in values], 4)}). Rename them to train, val and test if they "
                "are parts."
            )
    return None


def _checked(table: Table, name: str, where: str) -> str:
    """A column whose values are parts, or empty.

    Raises:
        DataError: One is not; the message names its line.
    """
    for line, value in zip(table.lines, table.column(name), strict=True):
        if value and part_of(value) is None:
            raise DataError(
                f"{where} {table.unit} {line} has the {name} {quoted(value)}; expected train, val or test, or a like "
                "word. Rename it, or leave it empty: then the row is not used."
            )
    return name
