"""The unpacked size of Parquet files, found before they are read: a thousand bytes can stand for gigabytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from acgan.data.sources.members import Limits

_AS_THEY_ARE = frozenset(
    {"PLAIN", "RLE", "BIT_PACKED"}
)  # encodings of texts; the last two are of their levels
_SHARED = frozenset(
    {"PLAIN_DICTIONARY", "RLE_DICTIONARY"}
)  # texts are written once and stand in several rows
_LEAST_BYTES = 8  # of a value in memory
_ROWS = 1024  # that are read at a time
_BATCH_BYTES = 16 << 20  # of rows that are read at a time, if each is as large as it may be


def unpacked_size(source: Path | IO[bytes], packed: int, limits: Limits) -> int:
    """The size of a Parquet file in bytes once it is unpacked, checked on the way.

    Compression is told by its metadata. Texts and bytes may also be written once and stand in many rows: their columns
    are read for that, a few rows at a time.

    Args:
        source: The file.
        packed: Its size in bytes.
        limits: Most times that it may be larger unpacked.

    Raises:
        OversizedError: It is larger than its packed bytes are likely to hold.
    """
    from pyarrow import parquet

    file = parquet.ParquetFile(source)
    whole, declared = 0, 0
    to_read: dict[str, int] = {}  # rows that are read at a time, by column; 0 keeps shared texts shared
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        for place in range(group.num_columns):
            column, part = file.schema.column(place), group.column(place)
            whole += part.num_values * max(_LEAST_BYTES, column.length)
            if part.physical_type != "BYTE_ARRAY":
                continue
            declared += part.total_uncompressed_size
            encodings = set(part.encodings) - _AS_THEY_ARE
            # pyarrow keeps shared texts shared in columns that are not nested; no text is larger than its part.
            rows = min(_ROWS, max(1, _BATCH_BYTES // max(part.total_uncompressed_size, 1)))
            if not encodings:
                whole += part.total_uncompressed_size
            elif encodings <= _SHARED and column.name == column.path:
                to_read.setdefault(column.path, 0)
            else:
                to_read[column.path] = min(rows, to_read.get(column.path) or rows)
    limits.check_unpacked(max(whole, declared), packed)
    for path, rows in to_read.items():
        for size in _read(source, path, rows):
            whole += size
            limits.check_unpacked(whole, packed)
    return whole


def _read(source: Path | IO[bytes], path: str, rows: int) -> Iterator[int]:
    """Bytes of the texts of a column, of so many rows after another; with 0, of more, and shared ones stay shared."""
    from pyarrow import compute, parquet, types

    file = parquet.ParquetFile(source, read_dictionary=[] if rows else [path])
    for batch in file.iter_batches(rows or _ROWS, columns=[path], use_threads=False):
        values = batch.column(0)
        while values.type.num_fields:
            inner = values.flatten()
            values = inner[0] if isinstance(inner, list) else inner
        if types.is_dictionary(values.type):
            yield compute.sum(compute.binary_length(values.dictionary).take(values.indices)).as_py() or 0
        else:
            yield values.nbytes
