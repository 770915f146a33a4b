"""Label files: CSV, TSV, JSON, JSON lines and parquet, read into rows of texts."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from acgan.data.sources.endings import is_image
from acgan.data.sources.members import Limits, OversizedError
from acgan.data.sources.parquet_size import unpacked_size
from acgan.errors import DataError
from acgan.extras import install_command
from acgan.reading import parse_json

_FIELD_LIMIT = 1 << 20  # characters; the csv module's own limit is 131,072
_DELIMITERS = (",", ";", "\t", "|")
#: Stands between the values of a field that holds a list.
SEVERAL = "\x1f"


@dataclass(frozen=True)
class Table:
    """Rows of a label file.

    Attributes:
        columns: Names of the columns.
        rows: The values of each row, as text, in the order of the columns.
        lines: The line in the file at which each row ends, or its number from 1.
        unit: "line" or "row", of which ``lines`` are numbers.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]
    unit: str = "line"

    def column(self, name: str) -> list[str]:
        """All values of a column."""
        position = self.columns.index(name)
        return [row[position] for row in self.rows]


def read_table(content: bytes, where: str, ending: str, limits: Limits) -> Table | None:
    """Read a label file.

    Args:
        content: Its bytes.
        where: Its path, for messages.
        ending: Its ending, a key of ``TABLE_READERS``.
        limits: Bounds of its size, once it is unpacked.

    Returns:
        The rows; None for JSON that is no list of records.

    Raises:
        DataError: The file is damaged, or is not what its ending says.
    """
    return TABLE_READERS[ending](content, where, limits)


def table_ending(name: str) -> str:
    """The ending of a file that ``read_table`` reads, else ""."""
    suffix = PurePath(name).suffix.lower()
    return suffix if suffix in TABLE_READERS else ""


def _read_csv(content: bytes, where: str, _limits: Limits) -> Table:
    text = _decoded(content, where, "CSV")
    told = re.match(r"sep=(.)\r?\n", text)  # Excel's way to name the delimiter
    text = text[told.end() :] if told else text
    header = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=header.count)
    before = csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = _columns(next(reader, []), where)
        rows, lines = [], []
        for row in reader:
            if not any(field.strip() for field in row):
                continue
            if len(row) != len(columns):
                raise DataError(
                    f"{where} line {reader.line_num} has {len(row)} fields, and the header has {len(columns)}. Mend "
                    "that line: a field with a comma in it needs quotes around it."
                )
            rows.append([field.strip() for field in row])
            lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"{where} line {reader.line_num} cannot be read: {_remedy(error)}") from error
    finally:
        csv.field_size_limit(before)
    return Table(columns, rows, lines)


def _remedy(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return (
            f"a field is longer than {_FIELD_LIMIT:,} characters, as after a quote that is never closed. Close the "
            "quote, or remove the field."
        )
    if "expected after" in text or "unexpected end" in text:
        return (
            "a quote is out of place. Write a quote inside a field twice, and quotes around the whole field."
        )
    return f"{text}. Mend that line."


def _read_jsonl(content: bytes, where: str, _limits: Limits) -> Table:
    records, lines = [], []
    for number, line in enumerate(_decoded(content, where, "JSON lines").splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError as error:
            raise DataError(
                f"{where} line {number} is no JSON: {error}. Mend or remove that line."
            ) from error
        if not isinstance(record, dict):
            raise DataError(
                f'{where} line {number} is a {type(record).__name__}; expected an object, as {{"file_name": …}}.'
            )
        records.append(record)
        lines.append(number)
    return _of_records(records, lines, where)


def _read_json(content: bytes, where: str, _limits: Limits) -> Table | None:
    try:
        value = parse_json(_decoded(content, where, "JSON"))
    except ValueError as error:
        raise DataError(f"{where} is no JSON: {error}. Make it or copy it anew.") from error
    if isinstance(value, dict) and value and all(isinstance(label, (str, int)) for label in value.values()):
        value = [{"path": name, "label": label} for name, label in value.items()]
    if not isinstance(value, list) or not value or not all(isinstance(record, dict) for record in value):
        return None
    table = _of_records(value, range(1, len(value) + 1), where)
    return Table(table.columns, table.rows, table.lines, "row")


def _read_parquet(content: bytes, where: str, limits: Limits) -> Table:
    try:
        from pyarrow import parquet, types
    except ImportError as error:
        raise DataError(
            f"{where}: parquet is read by the package pyarrow, which is not installed: {install_command('hf')}."
        ) from error
    try:
        limits.check_size(unpacked_size(io.BytesIO(content), len(content), limits))
        file = parquet.ParquetFile(io.BytesIO(content))
        plain = [column.name for column in file.schema_arrow if not types.is_nested(column.type)]
        lists = [column.name for column in file.schema_arrow if types.is_list(column.type)]
        records = file.read(columns=[*plain, *lists]).to_pylist()
    except OversizedError as error:
        raise DataError(f"{where} cannot be read as parquet: {error}.") from error
    except Exception as error:  # of nearly every kind, on damaged files
        raise DataError(f"{where} cannot be read as parquet: {error}. Make it or copy it anew.") from error
    table = _of_records(records, range(1, len(records) + 1), where)
    return Table(table.columns, table.rows, table.lines, "row")


def _of_records(records: Sequence[dict[str, Any]], lines: Sequence[int], where: str) -> Table:
    names = list(
        dict.fromkeys(
            name for record in records for name, value in record.items() if not isinstance(value, dict)
        )
    )
    columns = _columns(names, where)
    rows = [[_text(record.get(name)) for name in names] for record in records]
    return Table(columns, rows, lines)


def _text(value: Any) -> str:
    """A value as text; a list of one is its element, a longer one is joined by ``SEVERAL``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return "" if not math.isfinite(value) else str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, list):
        return SEVERAL.join(map(_text, value))
    return str(value).strip()


def _columns(names: Sequence[str], where: str) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in names)
    pictures = [name for name in columns if is_image(name.rpartition("/")[2])]
    if pictures:
        raise DataError(
            f"{where} line 1 looks like a row of pictures ({pictures[0][:80]!r}), not like a header. Add a first line "
            "with the names of the columns, such as path,label."
        )
    twice = [name for name, count in Counter(columns).items() if count > 1 and name]
    if twice:
        raise DataError(
            f"{where} line 1 names the column {twice[0][:80]!r} twice. Rename or remove one of them."
        )
    return columns


def _decoded(content: bytes, where: str, kind: str) -> str:
    try:
        if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except UnicodeError as error:
        raise DataError(
            f"{where} cannot be read as {kind} in UTF-8: {error}. Save it as UTF-8; spreadsheets offer this."
        ) from error


#: Readers of label files by ending: to add a format, add a line.
TABLE_READERS: dict[str, Callable[[bytes, str, Limits], Table | None]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_jsonl,
    ".json": _read_json,
    ".parquet": _read_parquet,
}
