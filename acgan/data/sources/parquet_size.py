"""The unpacked size of Parquet files, found before they are read: a thousand bytes can stand for gigabytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from acgan.data.sources.members import Limits

_AS_THEY_ARE = frozenset(
    {"PLAIN", "RLE", "BIT_PACKED"}
)  # encodings of texts; the last two are of their levels
_DICTIONARY = frozenset({"PLAIN_DICTIONARY", "RLE_DICTIONARY"})
_LEAST_BYTES = 8  # of a value in memory
_ROWS = 1024  # that are read at a time; where each may be as large as all that was read before, one is


def unpacked_size(source: Path | IO[bytes], packed: int, limits: Limits) -> int:
    """The size of a Parquet file in bytes once it is unpacked, checked on the way.

    Compression is told by its metadata. Values may also be written once and stand in many rows: columns of texts and
    bytes are read for that, a few rows at a time, and repeated values stay one.

    Args:
        source: The file.
        packed: Its size in bytes.
        limits: Most times that it may be larger unpacked.

    Raises:
        OversizedError: It is larger than its packed bytes are likely to hold.
    """
    from pyarrow import parquet

    file = parquet.ParquetFile(source)
    whole, declared, shared, others = 0, 0, set[str](), set[str]()
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        for place in range(group.num_columns):
            column, part = file.schema.column(place), group.column(place)
            whole += part.num_values * max(_LEAST_BYTES, column.length)
            if part.physical_type == "BYTE_ARRAY":
                declared += part.total_uncompressed_size
                encodings = set(part.encodings) - _AS_THEY_ARE
                if encodings:
                    (shared if encodings <= _DICTIONARY else others).add(column.path)
                else:
                    whole += part.total_uncompressed_size
    limits.check_unpacked(max(whole, declared), packed)
    for path in sorted(shared | others):
        for size in _lengths(source, path, path not in others):
            whole += size
            limits.check_unpacked(whole, packed)
    return whole


def _lengths(source: Path | IO[bytes], path: str, as_dictionary: bool) -> Iterator[int]:
    """Bytes of the texts of a column, of a few rows after another."""
    from pyarrow import compute, parquet

    file = parquet.ParquetFile(source, read_dictionary=[path] if as_dictionary else [])
    for batch in file.iter_batches(_ROWS if as_dictionary else 1, columns=[path], use_threads=False):
        values = _innermost(batch.column(0))
        if as_dictionary:
            lengths = compute.binary_length(values.dictionary).take(values.indices)
            yield compute.sum(lengths).as_py() or 0
        else:
            yield batch.nbytes


def _innermost(values: Any) -> Any:
    """The values of the only column in nested ones."""
    while values.type.num_fields:
        inner = values.flatten()
        values = inner[0] if isinstance(inner, list) else inner
    return values
