"""Columns of tables of the library ``datasets``: what a feature is, and the values of one."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from acgan.data.layouts.columns import usual_columns
from acgan.data.layouts.table import Table
from acgan.errors import DataError
from acgan.extras import install_command

#: Fields of a picture in a parquet file.
STORED = frozenset({"bytes", "path"})
_BYTES = ("binary", "large_binary")
_SINGLE = ("int", "uint", "float", "string", "large_string", "bool")


def library(name: str, what: str) -> Any:
    """A module of the extra ``hf``; ``datasets`` takes a second to import, so nothing else imports it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DataError(
            f"{what} needs the package {name.partition('.')[0]}, which is not installed: {install_command('hf')}"
        ) from error


def read_column(table: Any, name: str) -> Any:
    """All values of a column."""
    return table.with_format(None).select_columns([name])[:][name]


def group_names(part: str, table: Any, column: str) -> list[str]:
    """Group of each row; rows without one, and those of parts without the column, are groups of their own."""
    values = read_column(table, column) if column in table.features else [None] * len(table)
    return [f"\0{part} {row}" if value in (None, "") else str(value) for row, value in enumerate(values)]


def is_picture(feature: Any) -> bool:
    """True for a column of pictures, whoever wrote it."""
    return type(feature).__name__ == "Image" or (isinstance(feature, Mapping) and set(feature) == STORED)


def holds_bytes(name: str, feature: Any) -> bool:
    """True for a column of bytes with a usual name of pictures, as other programs write them."""
    plain = str(getattr(feature, "dtype", feature)) in _BYTES
    return plain and bool(usual_columns(Table((name,), [], []), "path"))


def label_names(feature: Any) -> tuple[str, ...] | None:
    """Names of the numbers of a ClassLabel; None for another feature."""
    return tuple(feature.names) if type(feature).__name__ == "ClassLabel" else None


def is_single(feature: Any) -> bool:
    """True for a column with one value a row, such as a number or a text."""
    return str(getattr(feature, "dtype", "")).rstrip("0123456789") in _SINGLE


def is_missing(value: Any, named: bool) -> bool:
    """True for a value that stands for no label; a ClassLabel writes -1."""
    return value is None or value == "" or value != value or (named and value < 0)


def are_whole(labels: Sequence[Any]) -> bool:
    """True if all labels are whole numbers, 3.0 too."""
    return all(
        isinstance(label, int | float)
        and not isinstance(label, bool)
        and math.isfinite(label)
        and label == int(label)
        for label in labels
    )
