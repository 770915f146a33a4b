"""The columns of a list of pictures: which one tells the label, the part and the group."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acgan.data.index import shortened
from acgan.data.layouts.names import part_of
from acgan.data.layouts.table import SEVERAL, Table
from acgan.data.sources.endings import is_image
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
# Columns that measure: they are no labels, and beside them x and y are no classes.
_MEASURES = frozenset(
    {
        *(
            "x",
            "y",
            "z",
            "w",
            "h",
            "width",
            "height",
            "xmin",
            "ymin",
            "xmax",
            "ymax",
            "left",
            "top",
            "right",
            "bottom",
        ),
        *(
            "x1",
            "y1",
            "x2",
            "y2",
            "size",
            "bytes",
            "score",
            "age",
            "latitude",
            "longitude",
            "lat",
            "lon",
            "date",
        ),
    }
)
_BOXES = ({"xmin", "ymin"}, {"x1", "y1"}, {"x", "y", "w", "h"}, {"x", "y", "width", "height"})
_FEW = 10  # rows from which on a class of its own for nearly every picture is a doubt
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
        labels, source, used = _single_labels(table, label, where), f"column {label!r}", {label}
    else:
        hot = _one_hot_columns(table, taken, where)
        if not hot:
            return None
        labels, used = _of_one_hot(table, hot, where), set(hot)
        source = f"{len(hot)} columns of 0 and 1, {hot[0]!r} to {hot[-1]!r}"
    warnings: list[str] = []
    split = (
        _checked(table, chosen["split"], where)
        if "split" in chosen
        else _split_column(table, where, warnings)
    )
    names = {_plain(name) for name in table.columns}
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
    return shortened([_quoted(name) for name in table.columns if name], _SHOWN) or "(none)"


def usual_columns(table: Table, purpose: str) -> list[str]:
    """Columns with a usual name for a purpose, the surest first."""
    return [name for usual in USUAL[purpose] for name in table.columns if _plain(name) == usual]


def group_column(table: Table) -> str | None:
    """The column of groups with a usual name, if there is one."""
    return next(iter(usual_columns(table, "group")), None)


def no_label(table: Table) -> str:
    """Reason why a table has no column of labels, a clause."""
    usual = usual_columns(table, "label")
    if not usual:
        return "no column has a usual name of a label"
    return (
        f"its column {usual[0]!r} is not like classes: nearly every picture has a value of its own, or the values are "
        "names of files or numbers that are not whole"
    )


def possible_labels(table: Table, taken: set[str | None]) -> list[str]:
    """Columns that could be labels by their values: few different ones, which are no measures and no names of files."""
    return [
        name
        for name in table.columns
        if name
        and name not in taken
        and _plain(name) not in _MEASURES
        and _is_like_labels(table.column(name))
    ]


def label_column(table: Table, taken: set[str | None], where: str) -> str | None:
    """The usual column of labels; of several that say the same, the one in words.

    Raises:
        DataError: Several columns with usual names say different things.
    """
    found = [
        name for name in usual_columns(table, "label") if name not in taken and _can_be_label(table, name)
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
    in_words = [name for name, column in zip(found, columns, strict=True) if not all(map(_is_number, column))]
    return (in_words or found)[0]


def several_labels(where: str, count: int, whole: int, example: str) -> DataError:
    """The error for pictures with more than one label."""
    return DataError(
        f"{where}: {count:,} of {whole:,} pictures have several labels ({example}), and acgan takes one class a "
        "picture. Keep the rows with one label, or make a column with one label for each."
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s.-]+", "_", name.strip().lower())


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def _split_column(table: Table, where: str, warnings: list[str]) -> str | None:
    """The usual column whose values are names of parts; one with other values alone is not used, with a warning."""
    for name in usual_columns(table, "split"):
        values = sorted(set(table.column(name)) - {""})
        if any(part_of(value) is not None for value in values):
            return _checked(table, name, where)
        if values:
            warnings.append(
                f"{where}: column {name!r} is not used, because its values are no names of parts "
                f"({shortened([_quoted(value) for value in values], 4)}). Rename them to train, val and test if they "
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
                f"{where} {table.unit} {line} has the {name} {_quoted(value)}; expected train, val or test, or a like "
                "word. Rename it, or leave it empty: then the row is not used."
            )
    return name


def _can_be_label(table: Table, name: str) -> bool:
    """True unless the values of a column with a label's name say that it is none."""
    values = [value for value in table.column(name) if value]
    if _plain(name) == "y" and any(_plain(other) == "x" for other in table.columns):
        return False
    if sum(map(_is_file, values)) * 2 > len(values) or any(map(_is_real, values)):
        return False
    distinct = len(set(values))
    return not (len(values) >= 3 and distinct == len(values)) and not (
        len(values) >= _FEW and 2 * distinct > len(values)
    )


def _is_like_labels(column: Sequence[str]) -> bool:
    values = [value for value in column if value]
    distinct = len(set(values))
    return (
        distinct > 1
        and 2 * distinct <= len(values)
        and not any(_is_real(value) or _is_file(value) for value in values)
    )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _is_real(text: str) -> bool:
    """True for a number that is not whole."""
    try:
        return not float(text).is_integer()
    except (ValueError, OverflowError):
        return False


def _is_file(text: str) -> bool:
    return is_image(text.rpartition("/")[2])


def _single_labels(table: Table, label: str, where: str) -> list[str]:
    """The labels of a column, whole numbers without ``.0``.

    Raises:
        DataError: Some rows have several, such as ``cat|dog``.
    """
    labels = table.column(label)
    several = _with_several(labels)
    if several:
        raise several_labels(
            where, len(several), len(labels), f"such as {_quoted(several[0].replace(SEVERAL, '|'))}"
        )
    if all(re.fullmatch(r"(-?\d+)(\.0+)?", value) for value in labels if value):
        return [value.partition(".")[0] for value in labels]
    return labels


def _with_several(labels: Sequence[str]) -> list[str]:
    """The labels that are several in one."""
    found = [value for value in labels if SEVERAL in value or "|" in value]
    values = Counter(labels)
    for pattern, every in ((r"\s*;\s*", False), (r"\s*,\s*", False), (r"\s+", True)):
        split = {value: re.split(pattern, value) for value in values if re.search(pattern, value)}
        alone = values.keys() - split.keys()
        for value, parts in split.items():
            known = [part in alone for part in parts]
            if all(known) if every else any(known):
                found += [value] * values[value]
    return found


def _one_hot_columns(table: Table, taken: set[str | None], where: str) -> list[str]:
    """Columns of 0 and 1 of which nearly every row has one 1.

    Raises:
        DataError: A column among them has other numbers.
    """
    hot = [name for name in table.columns if name and name not in taken and _is_hot(table.column(name))]
    if len(hot) < 2 or [
        name for name in possible_labels(table, {*taken, *hot}) if not _is_numeric(table, name)
    ]:
        return []
    ones = Counter(
        sum(on)
        for on in zip(*([_hot(value) or 0 for value in table.column(name)] for name in hot), strict=True)
    )
    rows = len(table.rows)
    if 10 * (rows - ones[0]) < 9 * rows:
        return []
    first, last = table.columns.index(hot[0]), table.columns.index(hot[-1])
    between = [name for name in table.columns[first:last] if name and name not in hot and name not in taken]
    numeric = [name for name in between if _is_numeric(table, name)]
    if numeric:
        values = shortened(sorted(set(table.column(numeric[0])) - {"0", "1"}), 3)
        raise DataError(
            f"{where}: column {numeric[0]!r} stands among {len(hot)} columns of 0 and 1, and has other values "
            f"({values}). Make it 0 and 1, or move it to the end if it is no class."
        )
    return hot


def _is_numeric(table: Table, name: str) -> bool:
    return all(_is_number(value) or not value for value in table.column(name))


_HOT = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "": 0, "true": 1, "false": 0}


def _hot(value: str) -> int | None:
    return _HOT.get(value.lower())


def _is_hot(column: Sequence[str]) -> bool:
    return all(_hot(value) is not None for value in column) and any(column)


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
