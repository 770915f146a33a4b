"""Sources that are many files of one kind, each with a portion of the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from acgan.data.options import ReadOptions
from acgan.data.sources.huggingface import ParquetSource
from acgan.data.sources.webdataset import WebDatasetSource

Shards = ParquetSource | WebDatasetSource

#: By the ending of the files, built from all of them, options, and the folder that they lie in (or the only file).
SHARD_SOURCES: dict[str, Callable[[Sequence[Path], ReadOptions, Path], Shards]] = {
    ".parquet": ParquetSource,
    ".tar": WebDatasetSource,
}
