"""Values of columns: what could be labels, what is several labels, and columns of 0 and 1."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from acgan.data.index import shortened
from acgan.data.layouts.table import SEVERAL, Table
from acgan.data.sources.endings import is_image
from acgan.errors import DataError

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
_FEW = 10  # rows from which on a class of its own for nearly every picture is a doubt
_HOT = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "": 0, "true": 1, "false": 0}


def possible_labels(table: Table, taken: set[str | None]) -> list[str]:
    """Columns that could be labels by their values: few different ones, which are no measures and no names of files."""
    return [
        name
        for name in table.columns
        if name
        and name not in taken
        and column_key(name) not in _MEASURES
        and _is_like_labels(table.column(name))
    ]


def can_be_label(table: Table, name: str) -> bool:
    """True unless the values of a column with a label's name say that it is none."""
    values = [value for value in table.column(name) if value]
    if column_key(name) == "y" and any(column_key(other) == "x" for other in table.columns):
        return False
    if sum(map(_is_file, values)) * 2 > len(values) or any(map(_is_real, values)):
        return False
    distinct = len(set(values))
    return not (len(values) >= 3 and distinct == len(values)) and not (
        len(values) >= _FEW and 2 * distinct > len(values)
    )


def single_labels(table: Table, label: str, where: str) -> list[str]:
    """The labels of a column, whole numbers without ``.0``.

    Raises:
        DataError: Some rows have several, such as ``cat|dog``.
    """
    labels = table.column(label)
    several = _with_several(labels)
    if several:
        raise several_labels(
            where, len(several), len(labels), f"such as {quoted(several[0].replace(SEVERAL, '|'))}"
        )
    if all(re.fullmatch(r"(-?\d+)(\.0+)?", value) for value in labels if value):
        return [value.partition(".")[0] for value in labels]
    return labels


def several_labels(where: str, count: int, whole: int, example: str) -> DataError:
    """The error for pictures with more than one label."""
    return DataError(
        f"{where}: {count:,} of {whole:,} pictures have several labels ({example}), and acgan takes one class a "
        "picture. Keep the rows with one label, or make a column with one label for each."
    )


def one_hot_columns(table: Table, taken: set[str | None], where: str) -> list[str]:
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


def labels_of_one_hot(table: Table, hot: Sequence[str], where: str) -> list[str]:
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


def column_key(name: str) -> str:
    """A column's name without case, with ``_`` for blanks, dots and dashes."""
    return re.sub(r"[\s.-]+", "_", name.strip().lower())


def quoted(text: str) -> str:
    """A text in quotes, shortened, for messages."""
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


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


def _is_like_labels(column: Sequence[str]) -> bool:
    values = [value for value in column if value]
    distinct = len(set(values))
    return (
        distinct > 1
        and 2 * distinct <= len(values)
        and not any(_is_real(value) or _is_file(value) for value in values)
    )


def _is_numeric(table: Table, name: str) -> bool:
    return all(is_number(value) or not value for value in table.column(name))


def is_number(text: str) -> bool:
    """True for a number in digits."""
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _is_real(text: str) -> bool:
    """True for a number that is not whole."""
    try:
        return not float(text).is_integer()
    except (ValueError, OverflowError):
        return False


def _is_file(text: str) -> bool:
    return is_image(text.rpartition("/")[2])


def _is_hot(column: Sequence[str]) -> bool:
    return all(_hot(value) is not None for value in column) and any(column)


def _hot(value: str) -> int | None:
    return _HOT.get(value.lower())
